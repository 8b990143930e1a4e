"""A codebook as YAML text: read within bounds, refused with place and line, written so that it reads back equal."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from difflib import unified_diff
from functools import lru_cache
from typing import Any

import yaml

from labeling.codebooks.definition import Codebook, CodebookError, dump, load

MAX_TEXT = 300_000  # characters
MAX_DEPTH = 40  # levels
MAX_PARTS = 30_000  # words, lists and mappings together
MOST_LINES = 5_000  # of a difference
WIDTH = 100
ONE_LINE = 88  # characters up to which a small mapping or list stands on one line
MARKUP = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same language, eight times as fast
STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
PLAIN = (
    "title",
    "description",
    "unit",
    "groups",
    "questions",
    "conditions",
    "labels",
)  # first, in this order
LEFT_OUT = {"folded": False, "required": True, "open": False}  # what a missing field means


@dataclass(frozen=True)
class Problem:
    """The first thing that keeps a text from being a codebook."""

    words: str  # begins with the place, where it is known
    line: int = 0  # counted from 1; 0 where it is not known


@dataclass(frozen=True)
class Written:
    """A text, and the codebook it defines or what keeps it from defining one."""

    text: str
    codebook: Codebook | None = None
    problem: Problem | None = None


class Unreadable(ValueError):
    """The text is no bounded YAML."""

    def __init__(self, words: str, line: int = 0) -> None:
        super().__init__(words)
        self.problem = Problem(words, line)


@lru_cache(maxsize=16)  # what is read is frozen, and most projects adopt the same text
def read_text(text: str) -> Written:
    """What the text defines; never raises, whatever the text."""
    try:
        tree, data = _parse(text)
    except Unreadable as refused:
        return Written(text, problem=refused.problem)
    try:
        return Written(text, codebook=load(data))
    except CodebookError as error:
        return Written(text, problem=Problem(str(error), _line(tree, error.place)))


def write_text(codebook: Codebook) -> str:
    """The codebook as YAML that reads back equal; fields that say nothing are left out."""
    plain = dump(codebook)
    for question in plain["questions"]:
        if question["kind"] != "scale":
            del question["low"], question["high"]
    ordered = {name: plain[name] for name in PLAIN if plain.get(name)}
    ordered |= {name: value for name, value in plain.items() if value and name not in PLAIN}
    for part in (*plain["questions"], *plain["labels"]):
        for name, meant in LEFT_OUT.items():
            if part.get(name) is meant:
                del part[name]
    return "\n".join(
        yaml.dump({name: value}, Dumper=_Tidy, sort_keys=False, allow_unicode=True, width=WIDTH)
        for name, value in ordered.items()
    )


def raw_difference(before: str, after: str) -> list[str]:
    """The two texts line by line, as `diff -u` would show them."""
    lines = unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2)
    return list(lines)[:MOST_LINES]


def _parse(text: str) -> tuple[yaml.Node | None, object]:
    """The node tree and the plain data of one YAML document.

    Raises:
        Unreadable: too long, too deep or too much; an alias, which could stand for more than is
            written; a field given twice, of which one would be lost; or no YAML.
    """
    if len(text) > MAX_TEXT:
        raise Unreadable(f"This is longer than {MAX_TEXT:,} characters.")
    try:
        _bound(text)
        loader = MARKUP(text)
        try:
            tree = loader.get_single_node()
            _each_once(tree)
            return tree, loader.construct_document(tree) if tree is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(
            f"No YAML: {error.problem or error.context}", mark.line + 1 if mark else 0
        ) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        raise Unreadable("A character that YAML does not allow", before.count("\n") + 1) from error
    except Unreadable:
        raise
    except (yaml.YAMLError, ValueError, ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise Unreadable("No YAML: a value that cannot be read") from error


def _bound(text: str) -> None:
    """Look at the text piece by piece, before anything is built from it."""
    depth = parts = 0
    for event in yaml.parse(text, Loader=MARKUP):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable("Aliases (*name) are not read; write it out", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        parts += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            raise Unreadable(f"Nested deeper than {MAX_DEPTH} levels", line)
        if parts > MAX_PARTS:
            raise Unreadable(f"More than {MAX_PARTS:,} words, lists and mappings", line)


def _each_once(tree: yaml.Node | None) -> None:
    if isinstance(tree, yaml.SequenceNode):
        for item in tree.value:
            _each_once(item)
    if isinstance(tree, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in tree.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else id(key)
            if name in seen:
                raise Unreadable(f"'{str(name)[:40]}' is given twice", key.start_mark.line + 1)
            if key.tag == "tag:yaml.org,2002:merge":
                raise Unreadable("Merging (<<) is not read; write it out", key.start_mark.line + 1)
            seen.add(name)
            _each_once(value)


def _line(tree: yaml.Node | None, place: str) -> int:
    """The line of a place, or of the nearest thing around it that is there; from 1."""
    at = tree
    line = 1
    for index, name in STEP.findall(place):
        if isinstance(at, yaml.SequenceNode) and index and int(index) < len(at.value):
            at = at.value[int(index)]
            line = at.start_mark.line + 1
        elif isinstance(at, yaml.MappingNode) and name:
            found = [(key, value) for key, value in at.value if key.value == name]
            if not found:
                return line
            line, at = found[0][0].start_mark.line + 1, found[0][1]
        else:
            return line
    return line


OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")


class _Tidy(yaml.CSafeDumper):
    """Small things on one line, everything else below each other; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def serialize(self, node: Any) -> None:
        node.flow_style = False  # the whole
        super().serialize(node)

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        # Line ends of other alphabets would be folded into a space; in double quotes they are escaped.
        return super().represent_scalar(tag, value, '"' if OTHER_BREAKS.search(value) else style)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        node.flow_style = _length(node) <= ONE_LINE
        return node

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = bool(sequence) and not isinstance(sequence[0], dict) and _length(node) <= ONE_LINE
        return node


def _length(node: yaml.Node) -> int:
    """Characters that the node takes on one line, about."""
    if isinstance(node, yaml.ScalarNode):
        return len(node.value) + 2
    if isinstance(node, yaml.MappingNode):
        return sum(_length(key) + _length(value) + 2 for key, value in node.value)
    return 2 + sum(_length(item) + 2 for item in node.value)
