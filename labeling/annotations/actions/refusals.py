"""Why a draft or a label is not taken, and what a commit did."""

from dataclasses import dataclass

from labeling.annotations.models import LabelRevision


class NotOnDesk(Exception):
    """The item was never handed to this person."""


class OldCopy(Exception):
    """A newer copy of the draft is stored, or the stage it belongs to is over."""


class StaleCommit(Exception):
    """Another label was committed since this page was opened."""

    def __init__(self, standing: LabelRevision) -> None:
        super().__init__("Another label was committed since this page was opened.")
        self.standing = standing


class Decided(Exception):
    """The label can no longer be changed: an adjudicator has ruled, or the round is closed."""


@dataclass(frozen=True)
class Committed:
    """What a commit did."""

    revision: LabelRevision
    again: bool = False  # the same label had been committed before; nothing was written
