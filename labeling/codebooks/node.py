"""A walk through untrusted plain data that can always say where it stands.

Every reader error names the place in the codebook's file, as its author would point at it:
`questions[2].codes[1].key: used twice`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any


class CodebookError(ValueError):
    """The codebook cannot be used; the message begins with the place."""


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
                raise CodebookError(f"{place or 'codebook'}: the field name {name!r} is not text; quote it")
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
        return value

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

    def done(self) -> None:
        """Refuse what nobody asked for: a mistyped field would otherwise be silently lost."""
        for name in self.data:
            if name not in self.taken:
                raise self.fail(name, f"unknown field{nearest(name, sorted(self.taken))}")


def as_text(value: object, place: str) -> str:
    """The value as a string; YAML's unquoted true, false, yes and no are refused, not guessed."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        raise CodebookError(f"{place}: YAML reads this word as a boolean; write it in quotes")
    if isinstance(value, int):
        return str(value)
    raise CodebookError(f"{place}: expected text, found {kind_of(value)}")


def kind_of(value: object) -> str:
    if value is None:
        return "nothing"
    return {"dict": "a mapping", "list": "a list", "str": "text"}.get(type(value).__name__, repr(value))
