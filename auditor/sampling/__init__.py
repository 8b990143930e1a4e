"""Draws with frames, seeds and known probabilities of inclusion."""
