"""Codebooks that come with Auditor, as YAML."""
