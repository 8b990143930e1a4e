"""Verbs of adjudication, by subject; see the files beside this one.

Locks are taken in the order case lease, item, case; every settling holds the item's row, so that two
of them cannot number or cite differently.
"""

from labeling.adjudication.actions.holding import hold, let_go, take_next
from labeling.adjudication.actions.refusals import CannotRule, Occupied, Stale
from labeling.adjudication.actions.ruling import rule
from labeling.adjudication.actions.settling import settle, settle_due

__all__ = [
    "CannotRule",
    "Occupied",
    "Stale",
    "hold",
    "let_go",
    "rule",
    "settle",
    "settle_due",
    "take_next",
]
