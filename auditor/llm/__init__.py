"""Endpoints of language models: keys, prices, limits, and calls that are paid for once. The only importer of openai."""
