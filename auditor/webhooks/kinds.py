"""What can be subscribed to, and what a message says of an event: its kind and ids, and nothing anybody said.

A message goes to a program of somebody who may be blind, so a detail is passed on only if it is listed here.
Who did it is left out too: adjudicators are not to know whose label they read.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

# pattern -> words; "x.*" stands for every verb that begins with x.
KINDS = {
    "round.*": "Rounds: opened, paused, extended, closed, members that come and go",
    "case.*": "Cases: opened, sent back, settled",
    "item.ruled": "A ruling on an item",
    "label.committed": "A label was committed (which one is not said)",
    "release.*": "Releases: begun, built",
}
# Details of events that are numbers of rows or stages of work; anything else stays here.
TOLD = (
    "item",
    "round",
    "case",
    "stage",
    "items",
    "lease",
    "thread",
    "codebook_version",
    "sample",
    "released",
    "late",
)
WORDS = ("blind", "final")  # values that are words, all of them


def covers(kinds: Collection[str], verb: str) -> bool:
    """Whether a subscription to these kinds is told of this verb."""
    return any(
        verb == kind or (kind.endswith(".*") and verb.startswith(kind.removesuffix("*"))) for kind in kinds
    )


def message(
    *,
    id: int,
    verb: str,
    at: datetime,
    project: str,
    subject: str,
    subject_id: str,
    detail: Mapping[str, Any],
) -> dict[str, Any]:
    """The JSON document that is sent."""
    return {
        "id": id,
        "kind": verb,
        "at": at.isoformat(),
        "project": project,
        "subject": {"kind": subject, "id": subject_id},
        "detail": {key: detail[key] for key in TOLD if key in detail and _is_told(detail[key])},
    }


def _is_told(value: object) -> bool:
    return isinstance(value, bool | int) or value in WORDS
