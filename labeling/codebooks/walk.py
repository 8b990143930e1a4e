"""One way through a codebook, as its author tries it out: the questions reviewers would see, and what follows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labeling.codebooks.conditions import All, Answer, AnyOf, Attached, Condition, Not
from labeling.codebooks.grades import Graded, grade
from labeling.codebooks.guide import HUES
from labeling.codebooks.parts import SEVERAL, Code, Codebook, Grade, Label, Question
from labeling.codebooks.path import (
    folded_questions,
    is_complete,
    next_question,
    prune,
    values_of,
    visible_questions,
    wanted_spans,
)
from labeling.codebooks.rules import Derived, derive

MACHINES = ("judge", "probe")  # always there to try: they show how far the cap goes
LONGEST_ANSWER = 2_000  # characters


@dataclass(frozen=True)
class Step:
    """One question, as far as it is answered."""

    question: Question
    chosen: tuple[str, ...]
    now: bool = False  # the next one to answer

    @property
    def several(self) -> bool:
        return self.question.kind in SEVERAL

    @property
    def choices(self) -> list[tuple[Code, bool]]:
        return [(code, code.value in self.chosen) for code in self.question.codes]

    @property
    def steps(self) -> list[tuple[str, bool]]:
        """Of a scale."""
        values = self.question.values() if self.question.kind == "scale" else ()
        return [(value, value in self.chosen) for value in values or ()]


@dataclass(frozen=True)
class Walk:
    """The path so far, and the label and grade that follow."""

    steps: tuple[Step, ...]
    folded: tuple[Step, ...]
    started: bool
    complete: bool
    derived: Derived
    label: Label
    hue: str
    graded: Graded
    grade: Grade
    wanted: tuple[str, ...]  # kinds of span
    evidence: tuple[tuple[str, bool], ...]  # kinds that bear on the grade, and whether they are attached


def walk(codebook: Codebook, said: Mapping[str, Sequence[str]], evidence: frozenset[str]) -> Walk:
    """What reviewers would see after these answers; whatever the codebook does not know is left out.

    Args:
        said: question key -> the values chosen, as a form sends them.
        evidence: kinds of evidence that would be attached.
    """
    answers = prune(codebook, _answers(codebook, said))
    waiting = next_question(codebook, answers)
    derived = derive(codebook, answers)
    graded = grade(codebook, answers, evidence)
    label = codebook.by_code[derived.label]
    hues = {group.key: HUES[group.hue] for group in codebook.groups}
    return Walk(
        steps=tuple(
            Step(question, _chosen(answers, question), waiting is not None and question.key == waiting.key)
            for question in visible_questions(codebook, answers)
        ),
        folded=tuple(Step(question, _chosen(answers, question)) for question in folded_questions(codebook)),
        started=bool(answers),
        complete=is_complete(codebook, answers),
        derived=derived,
        label=label,
        hue=hues[label.group],
        graded=graded,
        grade=codebook.grades[codebook.ladder[graded.grade]],
        wanted=wanted_spans(codebook, answers),
        evidence=tuple((kind, kind in evidence) for kind in evidence_kinds(codebook)),
    )


def evidence_kinds(codebook: Codebook) -> tuple[str, ...]:
    """The kinds of evidence that the grades ask for, each once, and two that never lift one."""
    if len(codebook.grades) == 1:
        return ()
    named = (kind for step in codebook.grades for need in step.needs for kind in _attached(need.when))
    return tuple(dict.fromkeys([*named, *MACHINES]))


def _attached(condition: Condition) -> Iterator[str]:
    match condition:
        case Attached(kinds=kinds):
            yield from kinds
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _attached(part)
        case Not(part=inner):
            yield from _attached(inner)


def _answers(codebook: Codebook, said: Mapping[str, Sequence[str]]) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    for question in codebook.questions:
        values, known = list(said.get(question.key, ())), question.values()
        if known is None:
            text = values[-1].strip()[:LONGEST_ANSWER] if values else ""
            if text:
                answers[question.key] = text
            continue
        chosen = [value for value in known if value in values]
        if question.kind in SEVERAL:
            if chosen:
                answers[question.key] = chosen
        elif chosen:
            answers[question.key] = int(chosen[-1]) if question.kind == "scale" else chosen[-1]
    return answers


def _chosen(answers: Mapping[str, Answer], question: Question) -> tuple[str, ...]:
    return values_of(answers[question.key]) if question.key in answers else ()
