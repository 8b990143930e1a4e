"""Pages of adjudication: the lists of cases, one of them side by side, and what managers decide of a round."""

from labeling.adjudication.views.cases import case, example, hold, leave, priority, send_back
from labeling.adjudication.views.lists import cases, next_case, returned, settled
from labeling.adjudication.views.rounds import bulk, rules

__all__ = [
    "bulk",
    "case",
    "cases",
    "example",
    "hold",
    "leave",
    "next_case",
    "priority",
    "returned",
    "rules",
    "send_back",
    "settled",
]
