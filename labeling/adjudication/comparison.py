"""Reviewers side by side: one column each under a letter, one line for each thing they may differ on.

Names are hidden, and the letters stand in an order that is random from case to case and the same
each time a case is opened: nobody is always A.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from django.utils.crypto import salted_hmac

from auditor.corpus.document import Mark
from labeling.adjudication.models import Case
from labeling.annotations.models import LabelRevision
from labeling.codebooks.parts import Codebook
from labeling.codebooks.path import values_of

HUES = {"intent": "intent", "hallucination": "halluc", "honest": "honest", "undetermined": "unsure"}


@dataclass(frozen=True)
class Column:
    """One reviewer under their letter."""

    letter: str
    key: str  # keyboard key; empty from the eighth reviewer on
    label: LabelRevision  # the one that stands
    blind: LabelRevision | None
    words: str
    hue: str


@dataclass(frozen=True)
class Cell:
    """What one reviewer said; empty where they said nothing."""

    text: str
    hue: str = ""


@dataclass(frozen=True)
class Line:
    """One thing, as each of them put it."""

    name: str
    cells: tuple[Cell, ...]
    differs: bool = False
    is_prose: bool = False
    question: str = ""  # in full, where `name` is short for one


def in_order(case: Case, labels: Iterable[LabelRevision]) -> list[LabelRevision]:
    """The labels in the case's own order."""
    return sorted(
        labels,
        key=lambda one: salted_hmac(
            "labeling.adjudication.letters", f"{case.pk}:{one.reviewer_id}"
        ).hexdigest(),
    )


def columns_of(
    case: Case, labels: Sequence[LabelRevision], blinds: Mapping[int, LabelRevision], codebook: Codebook
) -> list[Column]:
    """The columns; `blinds` holds each reviewer's blind label by their id."""
    columns = []
    for index, label in enumerate(in_order(case, labels)):
        letter = ascii_uppercase[index % 26] * (1 + index // 26)
        key = letter.lower() if index < 7 else ""
        words = codebook.by_code[label.label].words
        blind = blinds.get(label.reviewer_id)
        columns.append(Column(letter, key, label, blind, words, hue_of(codebook, label.label)))
    return columns


def hue_of(codebook: Codebook, code: str) -> str:
    """The colour a label has on every page."""
    group = codebook.by_code[code].group
    return HUES[next(one.hue for one in codebook.groups if one.key == group)]


def lines_of(columns: Sequence[Column], codebook: Codebook, channels: Mapping[str, str]) -> list[Line]:
    """Everything they said; lines on which their judgement differs are marked.

    Args:
        channels: names of channels by key, for the evidence they point at.
    """
    finals = [column.label for column in columns]
    blinds = [column.blind for column in columns]
    lines = [
        _line("Blind", [_coded(codebook, one) for one in blinds], judged=True),
        _line("Final", [_coded(codebook, one) for one in finals], judged=True),
        _line("Grade", [Cell(one.grade) for one in finals], judged=True),
        _line("Confidence", [Cell(str(one.confidence or "")) for one in finals]),
    ]
    for question in codebook.questions:
        if question.required is False:
            continue
        cells = [Cell(_answer(codebook, question.key, one.answers.get(question.key))) for one in finals]
        if any(cell.text for cell in cells):
            name = question.key.replace("_", " ").capitalize()
            lines.append(_line(name, cells, judged=True, question=question.text))
    prose = {
        "Why": [one.rationale for one in finals],
        "Lowered because": [one.lowered_reason for one in finals],
        "Relied on": [_cited(one, channels) for one in finals],
    }
    for name, texts in prose.items():
        if any(texts):
            lines.append(Line(name, tuple(Cell(text) for text in texts), is_prose=True))
    return lines


def marks_of(columns: Sequence[Column]) -> list[Mark]:
    """The words each reviewer marked, under their letter."""
    marks = []
    for column in columns:
        for index, span in enumerate(column.label.spans.all()):
            marks.append(
                Mark(
                    position=span.position,
                    part=span.part,
                    start=span.start,
                    end=span.end,
                    kind="span",
                    css=column.hue,
                    label=column.letter,
                    ident=f"{column.letter}{index}",
                    title=f"{column.letter}: {span.kind}",
                )
            )
    return marks


def _line(name: str, cells: list[Cell], *, judged: bool = False, question: str = "") -> Line:
    differs = judged and len({cell.text for cell in cells}) > 1
    return Line(name, tuple(cells), differs=differs, question=question)


def _coded(codebook: Codebook, label: LabelRevision | None) -> Cell:
    if label is None:
        return Cell("")
    return Cell(codebook.by_code[label.label].words, hue_of(codebook, label.label))


def _answer(codebook: Codebook, key: str, answer: Any) -> str:
    if answer is None:
        return ""
    question = codebook.by_key[key]
    words = {code.value: code.words for code in question.codes}
    return ", ".join(words.get(value, value) for value in values_of(answer))


def _cited(label: LabelRevision, channels: Mapping[str, str]) -> str:
    keys = dict.fromkeys(cited.get("channel", "") for cited in label.relied_on)
    return ", ".join(channels.get(key, key) for key in keys if key)
