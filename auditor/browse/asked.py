"""What an address of the transcript's page asks for: which place, which words, which channel.

?at=811.text.120-140   these code points of this part of message 811 (counting from 0)
?at=811  ?from=811  ?message=812   the window around a message; `message` counts as people do
?after=900  ?before=800            the window that begins or ends there
?find=exact words  ?q=searched words
?heat=channel  ?heat2=another  ?threshold=0.4      on the words: as background, as a line, from where on
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

_AT = re.compile(r"(\d{1,9})(?:\.(text|reasoning|part:\d{1,6})\.(\d{1,9})-(\d{1,9}))?", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,3})?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Anchor:
    """A message, or code points of one part of it."""

    position: int
    part: str = ""
    start: int = 0
    end: int = 0

    def __str__(self) -> str:
        return f"{self.position}.{self.part}.{self.start}-{self.end}" if self.part else str(self.position)


@dataclass(frozen=True)
class Asked:
    """One request; what cannot be read is as if it were not there."""

    position: int = 0
    at: Anchor | None = None
    after: int | None = None
    before: int | None = None
    find: str = ""
    words: str = ""
    heat_key: str = ""
    heat2_key: str = ""
    threshold: float | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "Asked":
        """What the parameters of an address say."""
        at = anchor_of(query.get("at", ""))
        position = at.position if at is not None else 0
        for name, counts_from in (("message", 1), ("from", 0)):
            given = _number(query.get(name, ""))
            if at is None and given is not None:
                position = max(0, given - counts_from)
                break
        return cls(
            position=position,
            at=at,
            after=_number(query.get("after", "")),
            before=_number(query.get("before", "")),
            find=query.get("find", "").replace("\0", ""),
            words=query.get("q", "").replace("\0", "").strip(),
            heat_key=query.get("heat", ""),
            heat2_key=query.get("heat2", ""),
            threshold=decimal(query.get("threshold", "")),
        )


def anchor_of(text: str) -> Anchor | None:
    """`811` or `811.text.120-140` as an anchor; None for anything else."""
    match = _AT.fullmatch(text)
    if match is None:
        return None
    position, part, start, end = match.groups()
    if part is None:
        return Anchor(int(position))
    return Anchor(int(position), part, int(start), int(end)) if int(start) < int(end) else None


def decimal(text: str) -> float | None:
    """A finite number as an address has it; None for anything else."""
    value = float(text) if _DECIMAL.fullmatch(text) else math.nan
    return value if math.isfinite(value) else None


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None
