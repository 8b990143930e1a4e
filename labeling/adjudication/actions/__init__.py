"""Verbs of adjudication, by subject; see the files beside this one.

Locks are taken in the order case lease, item, case; every settling holds the item's row, so that two
of them cannot number or cite differently.
"""

from labeling.adjudication.actions.bulk import apply_bulk, open_bulk
from labeling.adjudication.actions.changing import change_rules, settle_anew
from labeling.adjudication.actions.examples import make_example
from labeling.adjudication.actions.holding import hold, let_go, set_priority, take_next
from labeling.adjudication.actions.refusals import CannotRule, Occupied, Stale
from labeling.adjudication.actions.returning import send_back, take_back, take_back_due
from labeling.adjudication.actions.ruling import rule
from labeling.adjudication.actions.settling import settle, settle_due

__all__ = [
    "CannotRule",
    "Occupied",
    "Stale",
    "apply_bulk",
    "change_rules",
    "hold",
    "let_go",
    "make_example",
    "open_bulk",
    "rule",
    "send_back",
    "set_priority",
    "settle",
    "settle_anew",
    "settle_due",
    "take_back",
    "take_back_due",
    "take_next",
]
