"""Judges: language models that read transcripts by a rubric, and how far they can be checked."""
