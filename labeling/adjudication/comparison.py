"""Reviewers side by side: one column each under a letter, one line for each thing they may differ on.

Names are hidden, and the letters stand in an order that is random from case to case and the same
each time a case is opened: nobody is always A.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Any

from django.utils.crypto import salted_hmac

from auditor.corpus.document import Mark
from labeling.adjudication.disagreement import named
from labeling.adjudication.models import Case
from labeling.annotations.models import LabelRevision
from labeling.codebooks.parts import Codebook
from labeling.codebooks.path import values_of

HUES = {"intent": "intent", "hallucination": "halluc", "honest": "honest", "undetermined": "unsure"}
SIDES = ("", "-b", "-c")  # lines of the first reviewer, the second, and all others
MOST_KEYS = 9  # fields that have a number key


@dataclass(frozen=True)
class Column:
    """One reviewer under their letter."""

    letter: str
    key: str  # keyboard key; empty from the eighth reviewer on
    label: LabelRevision  # the one that stands
    blind: LabelRevision | None
    words: str
    hue: str
    side: str  # how their marks are drawn: one of SIDES


@dataclass(frozen=True)
class Cell:
    """What one reviewer said; empty where they said nothing."""

    text: str
    hue: str = ""
    note: str = ""  # beside it, smaller
    revision: int = 0  # whose answer it is


@dataclass(frozen=True)
class Line:
    """One thing, as each of them put it."""

    name: str
    cells: tuple[Cell, ...]
    differs: bool = False
    is_prose: bool = False
    is_alike: bool = False  # an answer that all of several gave
    question: str = ""  # in full, where `name` is short for one
    field: str = ""  # the question's key, where its answers can be taken one by one
    number: int = 0  # keyboard key of the field, 0 for none
    taken: int = 0  # the revision whose answer is taken


@dataclass(frozen=True)
class Mine:
    """Words that one or several reviewers marked alike."""

    pk: int
    letters: str
    kind: str
    quote: str
    position: int
    hue: str
    kept: bool

    @property
    def number(self) -> int:
        return self.position + 1


@dataclass(frozen=True)
class Beside:
    """A unit of a reviewer's label that may stand beside an own label."""

    pk: int
    letter: str
    words: str
    grade: str
    hue: str
    position: int | None
    quote: str
    kept: bool

    @property
    def number(self) -> int | None:
        return None if self.position is None else self.position + 1


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
        side = SIDES[min(index, len(SIDES) - 1)]
        columns.append(Column(letter, key, label, blind, words, hue_of(codebook, label.label), side))
    return columns


def hue_of(codebook: Codebook, code: str) -> str:
    """The colour a label has on every page."""
    group = codebook.by_code[code].group
    return HUES[next(one.hue for one in codebook.groups if one.key == group)]


def lines_of(
    columns: Sequence[Column],
    codebook: Codebook,
    channels: Mapping[str, str],
    mixed: Mapping[str, int] | None = None,
) -> list[Line]:
    """Everything they said: their verdicts, then the answers that differ, then why, then the rest.

    Args:
        channels: names of channels by key, for the evidence they point at.
        mixed: question -> id of the revision whose answer has been chosen so far.
    """
    finals = [column.label for column in columns]
    blinds = [column.blind for column in columns]
    verdicts = [
        _line("Blind", [_coded(codebook, one) for one in blinds], judged=all(blinds)),
        _line("Final", [_coded(codebook, one) for one in finals], judged=True),
        _line("Sure", [Cell(f"{one.confidence} of 5" if one.confidence else "") for one in finals]),
    ]
    differing, alike = _answers(finals, codebook, mixed or {})
    prose = {
        "Units": [_units(codebook, one) for one in finals],
        "Flagged": [one.flag for one in finals],
        "Why": [one.rationale for one in finals],
        "Lowered because": [one.lowered_reason for one in finals],
        "Relied on": [_cited(one, channels) for one in finals],
    }
    said = [Line(n, tuple(Cell(t) for t in texts), is_prose=True) for n, texts in prose.items() if any(texts)]
    return [*verdicts, *differing, *said, *alike]


def _answers(
    finals: Sequence[LabelRevision], codebook: Codebook, mixed: Mapping[str, int]
) -> tuple[list[Line], list[Line]]:
    """The lines of questions on which they differ, numbered, and of those they answered alike."""
    differing: list[Line] = []
    alike: list[Line] = []
    for question in codebook.questions:
        if question.required is False:
            continue
        cells = [
            Cell(_answer(codebook, question.key, one.answers.get(question.key)), revision=one.pk)
            for one in finals
        ]
        if not any(cell.text for cell in cells):
            continue
        line = _line(named(question.key), cells, judged=True, question=question.text)
        if not line.differs or question.kind == "span":
            together = replace(line, is_alike=not line.differs and len(cells) > 1)
            (differing if line.differs else alike).append(together)
            continue
        number = sum(bool(one.field) for one in differing) + 1
        differing.append(
            replace(
                line, field=question.key, number=number if number <= MOST_KEYS else 0,
                taken=mixed.get(question.key, 0),
            )
        )  # fmt: skip
    return differing, alike


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
                    css=column.hue + column.side,
                    label=column.letter,
                    ident=f"{column.letter}{index}",
                    title=f"{column.letter}: {span.kind}",
                )
            )
    return marks


def spans_of(columns: Sequence[Column], kept: Collection[int] | None) -> list[Mine]:
    """The words they marked, in reading order, each once with the letters of those who marked it.

    `kept` are the ids that are ticked; None for all.
    """
    found: dict[tuple[Any, ...], list[tuple[Column, Any]]] = {}
    for column in columns:
        for span in column.label.spans.all():
            key = (span.position, span.part, span.start, span.end, span.kind)
            found.setdefault(key, []).append((column, span))
    return [
        Mine(
            pk=marked[0][1].pk,
            letters=" ".join(column.letter for column, _ in marked),
            kind=marked[0][1].kind,
            quote=marked[0][1].quote,
            position=marked[0][1].position,
            hue=marked[0][0].hue,
            kept=kept is None or any(span.pk in kept for _, span in marked),
        )
        for _, marked in sorted(found.items(), key=lambda pair: pair[0])
    ]


def units_of(columns: Sequence[Column], codebook: Codebook, kept: Collection[int]) -> list[Beside]:
    """The units of labels that have several; `kept` are the ids that are ticked."""
    return [
        Beside(
            unit.pk, column.letter, codebook.by_code[unit.label].words, unit.grade, hue_of(codebook, unit.label),
            unit.position, unit.quote, unit.pk in kept,
        )
        for column in columns
        if len(units := list(column.label.units.all())) > 1
        for unit in units
    ]  # fmt: skip


def _line(name: str, cells: list[Cell], *, judged: bool = False, question: str = "") -> Line:
    differs = judged and len({(cell.text, cell.note) for cell in cells}) > 1
    return Line(name, tuple(cells), differs=differs, question=question)


def _coded(codebook: Codebook, label: LabelRevision | None) -> Cell:
    if label is None:
        return Cell("")
    return Cell(codebook.by_code[label.label].words, hue_of(codebook, label.label), label.grade)


def _answer(codebook: Codebook, key: str, answer: Any) -> str:
    if answer is None:
        return ""
    question = codebook.by_key[key]
    words = {code.value: code.words for code in question.codes}
    return ", ".join(words.get(value, value) for value in values_of(answer))


def _units(codebook: Codebook, label: LabelRevision) -> str:
    """The units of a label of several, with the number of the message where each stands."""
    units = list(label.units.all())
    if len(units) < 2:
        return ""
    return "\n".join(
        f"{'whole' if unit.position is None else unit.position + 1}: {codebook.by_code[unit.label].words} {unit.grade}"
        for unit in units
    )


def _cited(label: LabelRevision, channels: Mapping[str, str]) -> str:
    keys = dict.fromkeys(cited.get("channel", "") for cited in label.relied_on)
    return ", ".join(channels.get(key, key) for key in keys if key)
