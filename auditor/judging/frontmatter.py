"""Markdown with a YAML head: the head as plain values that know their lines, within bounds.

    ---
    key: alignment
    ---
    The text.

Whatever is refused is refused with its line in the file, counted from 1.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeAlias

import yaml

MAX_TEXT = 200_000  # characters of the whole file
MAX_DEPTH = 12  # levels of the head
MAX_PARTS = 5_000  # words, lists and mappings of the head
LONGEST = 20_000  # characters of one text
SHOWN = 40  # characters of a wrong value that a message repeats
MARKUP = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # what the database cannot keep
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)

Scalar: TypeAlias = str | int | float | bool | None


class RubricProblem(ValueError):
    """The text is no rubric: where, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line = line  # from 1; 0 where no line is to blame
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the head, where it stands, and what leads there."""

    data: "dict[str, Value] | list[Value] | Scalar"
    line: int
    place: str = ""

    def fail(self, reason: str) -> RubricProblem:
        return RubricProblem(self.line, f"{self.place}: {reason}" if self.place else reason)

    def text(self) -> str:
        """A string; what YAML reads as another type is refused, not turned back."""
        if isinstance(self.data, bool):
            raise self.fail("YAML reads this word as a boolean; write it in quotes")
        if not isinstance(self.data, str):
            raise self.fail(f"expected text, found {self.kind}")
        if len(self.data) > LONGEST:
            raise self.fail(f"more than {LONGEST:,} characters")
        if UNSTORABLE.search(self.data):
            raise self.fail("holds a character that cannot be stored")
        return self.data

    def number(self) -> float:
        if isinstance(self.data, bool) or not isinstance(self.data, int | float):
            raise self.fail(f"expected a number, found {self.kind}")
        if not -1e9 <= self.data <= 1e9:  # NaN compares false
            raise self.fail("expected a number between -1,000,000,000 and 1,000,000,000")
        return float(self.data)

    def whole(self) -> int:
        if isinstance(self.data, bool) or not isinstance(self.data, int):
            raise self.fail(f"expected a whole number, found {self.kind}")
        if abs(self.data) > 10**9:
            raise self.fail("at most 1,000,000,000")
        return self.data

    def items(self) -> "list[Value]":
        if not isinstance(self.data, list):
            raise self.fail(f"expected a list, found {self.kind}")
        return self.data

    def fields(self) -> "Fields":
        if not isinstance(self.data, dict):
            raise self.fail(f"expected a mapping, found {self.kind}")
        return Fields(self, self.data)

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.data, dict):
            return {name: value.plain() for name, value in self.data.items()}
        return [item.plain() for item in self.data] if isinstance(self.data, list) else self.data

    @property
    def kind(self) -> str:
        if self.data is None:
            return "nothing"
        known = {dict: "a mapping", list: "a list", str: "text", int: "a number", bool: "true or false"}
        return known.get(type(self.data)) or str(self.data)[:SHOWN]


@dataclass
class Fields:
    """A mapping whose fields are taken out one by one; what is left over is refused."""

    whole: Value
    left: Mapping[str, Value]
    taken: set[str] = field(default_factory=set)

    def get(self, name: str) -> Value | None:
        """The field, or None where it is missing or empty."""
        self.taken.add(name)
        value = self.left.get(name)
        return None if value is None or value.data is None else value

    def need(self, name: str) -> Value:
        value = self.get(name)
        if value is None:
            raise self.whole.fail(f"'{name}' is missing")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """A string, stripped; a missing or empty one is an error unless a default is given."""
        value = self.get(name) if default is not None else self.need(name)
        found = value.text().strip() if value is not None else ""
        if not found and default is None:
            assert value is not None
            raise value.fail("is empty")
        return found or (default or "")

    def among(self, name: str, known: tuple[str, ...], default: str | None = None) -> str:
        """One of the known words."""
        word = self.text(name, default)
        if word not in known:
            raise self.left[name].fail(
                f"'{word[:SHOWN]}' is not one of {', '.join(known)}{nearest(word, known)}"
            )
        return word

    def items(self, name: str) -> list[Value]:
        """The values of a list, none when it is missing."""
        value = self.get(name)
        return value.items() if value is not None else []

    def done(self) -> None:
        """Refuse what nobody asked for: a mistyped field would otherwise be silently lost."""
        for name, value in self.left.items():
            if name not in self.taken:
                raise RubricProblem(
                    value.line, f"{value.place}: unknown field{nearest(name, tuple(self.taken))}"
                )


def nearest(word: str, known: tuple[str, ...]) -> str:
    """A hint at the known word that was probably meant, or nothing."""
    close = get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def read(text: str) -> tuple[Fields, str]:
    """The head's fields and the text below it, without its comments.

    Raises:
        RubricProblem: no head, no bounded YAML in it, or a field that is given twice.
    """
    if len(text) > MAX_TEXT:
        raise RubricProblem(0, f"longer than {MAX_TEXT:,} characters")
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != "---":
        raise RubricProblem(1, "a rubric begins with a line '---', its fields, and another '---'")
    end = next((at for at, line in enumerate(lines) if at and line.rstrip() == "---"), 0)
    if not end:
        raise RubricProblem(1, "the fields are not closed by a line '---'")
    body = COMMENT.sub("", "\n".join(lines[end + 1 :])).strip()
    if UNSTORABLE.search(body):
        raise RubricProblem(end + 2, "the text holds a character that cannot be stored")
    return _head("\n".join(lines[1:end])).fields(), body


def _head(text: str) -> Value:
    """The head's YAML; its first line is the second of the file."""
    try:
        _bound(text)
        loader = MARKUP(text)
        try:
            tree = loader.get_single_node()
            return Value({}, 1) if tree is None else _built(loader, tree, "")
        finally:
            loader.dispose()
    except RubricProblem:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise RubricProblem(
            mark.line + 2 if mark else 1, f"no YAML: {error.problem or error.context}"
        ) from error
    except yaml.reader.ReaderError as error:
        raise RubricProblem(1, "no YAML: a character that it does not allow") from error
    except (yaml.YAMLError, ValueError, ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise RubricProblem(1, "no YAML: a value that cannot be read") from error


def _bound(text: str) -> None:
    """Look at the text piece by piece, before anything is built from it."""
    depth = parts = 0
    for event in yaml.parse(text, Loader=MARKUP):
        line = event.start_mark.line + 2 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise RubricProblem(line, "aliases (*name) are not read; write it out")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        parts += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            raise RubricProblem(line, f"nested deeper than {MAX_DEPTH} levels")
        if parts > MAX_PARTS:
            raise RubricProblem(line, f"more than {MAX_PARTS:,} words, lists and mappings")


def _built(loader: Any, node: yaml.Node, place: str) -> Value:
    line = node.start_mark.line + 2
    if isinstance(node, yaml.SequenceNode):
        return Value(
            [_built(loader, item, f"{place}[{at}]") for at, item in enumerate(node.value)], line, place
        )
    if isinstance(node, yaml.MappingNode):
        return Value(dict(_pairs(loader, node, place)), line, place)
    value = loader.construct_object(node, deep=True)
    if value is not None and not isinstance(value, str | int | float):
        value = node.value  # a date is the text that stands there
    return Value(value, line, place)


def _pairs(loader: Any, node: yaml.MappingNode, place: str) -> Iterator[tuple[str, Value]]:
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 2
        name = key.value
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            raise RubricProblem(line, "a field's name is one word")
        if name in seen:
            raise RubricProblem(line, f"'{str(name)[:SHOWN]}' is given twice")
        seen.add(name)
        made = _built(loader, value, f"{place}.{name}" if place else name)
        yield name, Value(made.data, line, made.place)
