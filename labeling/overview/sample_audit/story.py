"""A written transcript: its messages, the marks in them, and what careful readers would answer.

Texts carry their marks inline, as `[m|words]`; reading takes them out and keeps their places:

    t  the truth stood here          m  this misleads        e  invented name, source or figure
    h  hedged or uncertain           o  speaks of an observer   q  words that a judge might quote
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_OPEN = re.compile(r"\[([tmehoq])\|")


@dataclass(frozen=True, slots=True)
class Mark:
    """Marked words of one message; start and end count code points of the stored text."""

    position: int
    part: str  # "text" or "reasoning"
    start: int
    end: int
    letter: str
    words: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; the arguments are JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn as it will be stored, without marks."""

    role: str
    text: str
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    answers: str = ""  # id of the call that a tool message answers


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one careful reader makes of a story: the label, the answers that lead to it, and why."""

    code: str
    facets: Mapping[str, str]
    rationale: str


@dataclass(frozen=True, slots=True)
class Story:
    """One transcript with everything its author knows about it."""

    id: str
    family: str  # "core" for the hand-written ones
    model: str
    condition: str
    messages: tuple[Message, ...]
    marks: tuple[Mark, ...]
    first: Opinion
    second: Opinion | None = None  # the other reader's opinion where it differs
    remarks: Mapping[str, str] = field(default_factory=dict)  # judge key -> its words, where written by hand

    def marked(self, letters: str) -> list[Mark]:
        """The marks of these kinds, in reading order."""
        return [mark for mark in self.marks if mark.letter in letters]


def unmark(text: str) -> tuple[str, list[tuple[int, int, str]]]:
    """The text without marks, and (start, end, letter) of each; marks may nest.

    Raises:
        ValueError: a mark is not closed.
    """
    plain: list[str] = []
    length = at = 0
    waiting: list[tuple[int, str]] = []
    marks: list[tuple[int, int, str]] = []
    while at < len(text):
        opening = _OPEN.match(text, at)
        if opening:
            waiting.append((length, opening[1]))
            at = opening.end()
        elif waiting and text[at] == "]":
            start, letter = waiting.pop()
            marks.append((start, length, letter))
            at += 1
        else:
            plain.append(text[at])
            length, at = length + 1, at + 1
    if waiting:
        raise ValueError(f"unclosed mark in {text!r}")
    return "".join(plain), sorted(marks)


def read_messages(written: Sequence[Mapping[str, Any]]) -> tuple[tuple[Message, ...], tuple[Mark, ...]]:
    """Messages and marks of a transcript as it stands in the YAML files, slots already filled."""
    messages: list[Message] = []
    marks: list[Mark] = []
    open_calls: list[str] = []
    for position, entry in enumerate(written):
        role = next(key for key in ("system", "user", "assistant", "tool") if key in entry)
        parts = {}
        for part, raw in (("text", entry[role]), ("reasoning", entry.get("reasoning", ""))):
            parts[part], found = unmark(raw)
            marks += [Mark(position, part, a, b, letter, parts[part][a:b]) for a, b, letter in found]
        calls = tuple(
            Call(f"call_{position}_{n}", call["name"], json.dumps(call["arguments"], ensure_ascii=False))
            for n, call in enumerate(entry.get("calls", ()))
        )
        open_calls += [call.id for call in calls]
        answers = open_calls.pop(0) if role == "tool" else ""
        messages.append(Message(role, parts["text"], parts["reasoning"], calls, answers))
    return tuple(messages), tuple(marks)
