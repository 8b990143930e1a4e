"""Rounds of review: whose turn it is, on which transcript, and until when."""
