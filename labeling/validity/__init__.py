"""Validity: what evidence is worth, and what it does to the people who see it.

anchoring   how often and toward which evidence labels moved once it was shown
"""
