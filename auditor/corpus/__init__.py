"""Transcripts as evidence: what was said, by whom, in what order, from which file."""
