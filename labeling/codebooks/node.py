"""A walk through untrusted plain data that can always say where it stands.

Every reader error names the place in the codebook's file, as its author would point at it:
`questions[2].codes[1].key: used twice`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

Part = TypeVar("Part")

LONGEST = 20_000  # characters of one text
LARGEST = 1_000_000_000  # of a whole number
SHOWN = 40  # characters of a wrong value that a message repeats
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # what the database cannot keep


class CodebookError(ValueError):
    """The codebook cannot be used; the message begins with the place."""

    @property
    def place(self) -> str:
        """Where in the file, as `questions[2].codes[1].key`."""
        return str(self).partition(": ")[0]


def nearest(word: str, known: list[str]) -> str:
    """A hint at the known word that was probably meant, or nothing."""
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


@dataclass
class Node:
    """One mapping of the file, with its place; fields are taken out one by one, the rest is refused."""

    data: Mapping[str, Any]
    place: str = ""
    taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, data: object, place: str = "") -> "Node":
        if not isinstance(data, Mapping):
            raise CodebookError(f"{place or 'codebook'}: expected a mapping, found {kind_of(data)}")
        for name in data:
            if not isinstance(name, str):
                shown = str(name)[:SHOWN] if isinstance(name, bool | float) else kind_of(name)
                raise CodebookError(f"{place or 'codebook'}: the field name {shown} is not text; quote it")
        return cls(data, place)

    def at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def fail(self, name: str, reason: str) -> CodebookError:
        return CodebookError(f"{self.at(name)}: {reason}")

    def raw(self, name: str, default: object = None) -> Any:
        self.taken.add(name)
        value = self.data.get(name)
        return default if value is None else value

    def text(self, name: str, default: str | None = None) -> str:
        """A string; a missing one is an error unless a default is given."""
        value = self.raw(name, default)
        if value is None or (value == "" and default is None):
            raise self.fail(name, "missing")
        return as_text(value, self.at(name))

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.raw(name, default)
        if not isinstance(value, bool):
            raise self.fail(name, f"expected true or false, found {kind_of(value)}")
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        value = self.raw(name, default)
        if value is None:
            raise self.fail(name, "missing")
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fail(name, f"expected a whole number, found {kind_of(value)}")
        if abs(value) > LARGEST:
            raise self.fail(name, f"at most {LARGEST:,}")
        return value

    def short(self, name: str, longest: int) -> str:
        """A string that labels store in a column of this width."""
        value = self.text(name)
        if len(value) > longest:
            raise self.fail(name, f"at most {longest} characters, found {len(value)}")
        return value

    def among(self, name: str, known: Iterable[str], default: str | None = None) -> str:
        """One of the known words."""
        word, known = self.text(name, default), list(known)
        if word not in known:
            hint = nearest(word, known)
            raise self.fail(name, f"'{word[:SHOWN]}' is not one of {', '.join(known)}{hint}")
        return word

    def words(self, name: str) -> tuple[str, ...]:
        """A list of strings, empty when missing."""
        return tuple(as_text(value, place) for value, place in self._listed(name))

    def nodes(self, name: str) -> Iterator["Node"]:
        """The mappings of a list, each knowing its place; none when missing."""
        for value, place in self._listed(name):
            yield Node.of(value, place)

    def filled(self, name: str) -> None:
        """Refuse an empty list, or none."""
        if next(self._listed(name), None) is None:
            raise self.fail(name, "missing")

    def _listed(self, name: str) -> Iterator[tuple[object, str]]:
        value = self.raw(name, [])
        if not isinstance(value, list | tuple):
            raise self.fail(name, f"expected a list, found {kind_of(value)}")
        for index, item in enumerate(value):
            yield item, f"{self.at(name)}[{index}]"

    def made(self, value: Part) -> Part:
        """The value read from this mapping, once nothing of it is left unread."""
        self.done()
        return value

    def done(self) -> None:
        """Refuse what nobody asked for: a mistyped field would otherwise be silently lost."""
        for name in self.data:
            if name not in self.taken:
                raise self.fail(name, f"unknown field{nearest(name, sorted(self.taken))}")


def as_text(value: object, place: str) -> str:
    """The value as a string; YAML's unquoted true, false, yes and no are refused, not guessed."""
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise CodebookError(f"{place}: more than {LONGEST:,} characters")
        if UNSTORABLE.search(value):
            raise CodebookError(f"{place}: holds a character that cannot be stored")
        return value
    if isinstance(value, bool):
        raise CodebookError(f"{place}: YAML reads this word as a boolean; write it in quotes")
    if isinstance(value, int) and abs(value) <= LARGEST:
        return str(value)
    raise CodebookError(f"{place}: expected text, found {kind_of(value)}")


def kind_of(value: object) -> str:
    if value is None:
        return "nothing"
    known = {dict: "a mapping", list: "a list", str: "text", bytes: "bytes", int: "a number"}
    return known.get(type(value)) or str(value)[:SHOWN]


def once(words: Iterable[str], place: str, field: str) -> None:
    """Refuse a word that stands twice."""
    seen: set[str] = set()
    for index, word in enumerate(words):
        if word in seen:
            raise CodebookError(f"{place}[{index}].{field}: used twice")
        seen.add(word)
