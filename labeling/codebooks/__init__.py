"""What reviewers are asked, and how their answers become a label and an intent grade.

A codebook is data: questions with one-key codes, conditions that say which question is asked
when, rules that derive the label, and requirements that cap the grade by the evidence attached.
"""
