"""Template tags of transcripts."""
