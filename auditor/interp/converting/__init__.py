"""Probes as others publish them, made into arrays without ever running what is in their files.

child.py     reads the file in a process of its own that can build arrays and nothing else
process.py   starts that process, without environment, and takes its arrays
layouts.py   which of the arrays are the direction, bias, mean and scale, and what the card can know
"""
