"""Validity: what evidence is worth, and what it does to the people who see it.

anchoring   how often and toward which evidence labels moved once it was shown
channels    every channel against what is known, on each contrast of the codebook

    gathering   rows of what is known, from rulings or from a field of the data, and what channels say of them
    report      all channels scanned, those that are listed looked at closely  <- figures, pairs
    actions     carried by a run, kept, and each channel's worth written down to the evidence
"""
