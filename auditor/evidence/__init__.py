"""Every machine opinion as a reading on a channel, and who may see it when."""
