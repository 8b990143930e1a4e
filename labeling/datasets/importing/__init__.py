"""Bringing a release into a project: transcripts, codebook, rounds, labels, rulings, readings and odds as they were.

A release is checked whole before a row is written: digests first, then every record's shape, bounds and references,
with file, line and reason. Then everything is written in one transaction, so that a project has all of it or nothing.
"""
