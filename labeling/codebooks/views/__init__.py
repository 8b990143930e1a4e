"""Pages of a codebook: reading it, and writing its next version."""
