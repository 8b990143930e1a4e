"""Listed words and patterns, blacked out wherever a record has text.

Each code point that a pattern covers becomes one block, so every text keeps its length and every span its place.
Patterns are read by RE2, which knows no backtracking: one search takes time linear in the text for every pattern.
Many matches on one text could still add up, so between matches a clock is looked at, and a text that takes too long is
refused rather than half blacked out.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import re2

BLOCK = "\N{FULL BLOCK}"
MOST, LONGEST = 100, 500  # patterns of one release, and characters of one
MEMORY = 8 << 20  # bytes that a compiled pattern and its search may take
PATIENCE = 20.0  # seconds for one text and pattern
NAME = re.compile(r"[^\x00-\x1f]{1,60}")


class BadPattern(ValueError):
    """It is no pattern, or one that matches nothing at all; the message says which and why."""


class TooSlow(ValueError):
    """A pattern takes too long on a text; the message names it by its number."""


@dataclass(frozen=True)
class Pattern:
    """What is blacked out."""

    text: str  # as given; it may itself be what nobody should read, so no file holds it
    regex: bool = False  # else the very words, case and all
    name: str = ""  # what the card calls it

    @classmethod
    def several(cls, given: Iterable[Mapping[str, Any]]) -> "tuple[Pattern, ...]":
        """Patterns from plain data, each compiled once to see that it can be.

        Raises:
            BadPattern: too many, too long, no RE2 pattern, or one that matches the empty text.
        """
        made = tuple(
            cls(str(one.get("text", "")), bool(one.get("regex", False)), str(one.get("name", "")).strip())
            for one in given
        )
        if len(made) > MOST:
            raise BadPattern(f"{MOST} patterns are the most.")
        for number, one in enumerate(made, start=1):
            if not 0 < len(one.text) <= LONGEST:
                raise BadPattern(f"Pattern {number} has to have 1 to {LONGEST} characters.")
            if one.name and not NAME.fullmatch(one.name):
                raise BadPattern(f"The name of pattern {number} has more than 60 characters.")
            _compiled(one, number)
        return made

    def to_json(self) -> dict[str, Any]:
        """As a release keeps it; never as its files do."""
        return {"text": self.text, "regex": self.regex, "name": self.name}

    def called(self, number: int) -> str:
        """What files and pages call it: its name, or its number and kind."""
        return self.name or f"{'expression' if self.regex else 'text'} {number}"


class Redactor:
    """Blacks out what its patterns match, and counts: places by pattern, and code points altogether.

    Counts are of the texts of records as they are written; a quote is cut from its text and counted there.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.patterns = tuple(patterns)
        self.places: Counter[str] = Counter()
        self.code_points = 0
        self.records = 0
        self.alike = 0  # names that became the same as another beside them, and were numbered
        self._compiled = [
            (one.called(number), _compiled(one, number)) for number, one in enumerate(self.patterns, 1)
        ]

    def __bool__(self) -> bool:
        return bool(self._compiled)

    def covered(self, text: str, *, counted: bool = True) -> str:
        """The text with blocks where a pattern matches; the same text where none does.

        Raises:
            TooSlow: a pattern took more than twenty seconds on it.
        """
        if not text or not self._compiled:
            return text
        data = text.encode("utf-8", "surrogatepass")
        found: list[tuple[int, int]] = []
        for called, pattern in self._compiled:
            until = monotonic() + PATIENCE
            n = 0
            for match in pattern.finditer(data):
                if monotonic() > until:
                    raise TooSlow(f"Pattern '{called}' takes too long on a text of {len(text):,} characters.")
                start, end = match.span()
                if end > start:
                    found.append((start, end))
                    n += 1
            if n and counted:
                self.places[called] += n
        if not found:
            return text
        pieces, at, blocks = [], 0, 0
        for start, end in _joined(found):
            n = len(data[start:end].decode("utf-8", "surrogatepass"))
            pieces += [data[at:start].decode("utf-8", "surrogatepass"), BLOCK * n]
            at, blocks = end, blocks + n
        pieces.append(data[at:].decode("utf-8", "surrogatepass"))
        if counted:
            self.code_points += blocks
        return "".join(pieces)

    def everywhere(self, value: Any) -> Any:
        """JSON with every text in it covered, names of fields as well.

        Names that become the same are numbered in their order, so that no value is lost.
        """
        if isinstance(value, str):
            return self.covered(value)
        if isinstance(value, list):
            return [self.everywhere(one) for one in value]
        if isinstance(value, dict):
            return self._named(value)
        return value

    def _named(self, value: Mapping[str, Any]) -> dict[str, Any]:
        names = {key: self.covered(key) for key in value} if self._compiled else {}
        if all(key == name for key, name in names.items()):
            return {key: self.everywhere(one) for key, one in value.items()}
        taken = {key for key, name in names.items() if key == name}  # what was not covered keeps its name
        made = {}
        for key, one in value.items():
            name, number = names[key], 1
            if key != name:
                while name in taken:
                    number += 1
                    name = f"{names[key]} {number}"
                self.alike += number > 1
                taken.add(name)
            made[name] = self.everywhere(one)
        return made


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that touch or overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _compiled(pattern: Pattern, number: int) -> Any:
    options = re2.Options()
    options.max_mem, options.log_errors, options.literal = MEMORY, False, not pattern.regex
    try:
        compiled = re2.compile(pattern.text.encode(), options)
    except (re2.error, UnicodeEncodeError) as problem:
        words = problem.args[0] if problem.args else problem
        said = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        raise BadPattern(f"Pattern {number} cannot be read: {said}.") from problem
    if compiled.search(b"") is not None:
        raise BadPattern(f"Pattern {number} matches where nothing stands, and so everywhere.")
    return compiled
