"""What happened in a project, told to other programs: signed, tried again, and never a label or a word of text."""
