"""An adjudicator's own label: the path of questions, and what follows from the answers so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labeling.codebooks.conditions import Answer
from labeling.codebooks.grades import Graded, grade, lower_labels
from labeling.codebooks.parts import Codebook, Question
from labeling.codebooks.path import (
    BadAnswer,
    check_answers,
    folded_questions,
    next_question,
    prune,
    values_of,
    visible_questions,
)
from labeling.codebooks.rules import Derived, derive

PREFIX = "q-"


@dataclass(frozen=True)
class Asked:
    """One question as a field of the form."""

    question: Question
    name: str
    options: tuple[tuple[str, str, bool], ...]  # value, words, chosen
    text: str  # of a free answer


@dataclass(frozen=True)
class Own:
    """The form: what is asked, and once all is answered what may be ruled."""

    asked: tuple[Asked, ...]
    folded: tuple[Asked, ...]
    derived: Derived | None
    graded: Graded | None
    labels: tuple[tuple[str, str, bool], ...]  # code, words, chosen
    grades: tuple[tuple[str, str, bool], ...]
    waits_for: str = ""  # the question that is still open, by its text


def read_answers(codebook: Codebook, form: Mapping[str, Sequence[str]]) -> dict[str, Answer]:
    """The answers in a submitted form (name -> values); fields that are no answer are left out."""
    answers: dict[str, Answer] = {}
    for question in codebook.questions:
        values = [value for value in form.get(PREFIX + question.key, ()) if value and "\x00" not in value]
        if not values:
            continue
        if question.kind == "span":
            continue
        if question.kind == "multiple":
            answers[question.key] = values
        elif question.kind == "scale":
            if values[0].isascii() and values[0].isdigit():
                answers[question.key] = int(values[0])
        else:
            answers[question.key] = values[0]
    return answers


def own_form(
    codebook: Codebook,
    answers: Mapping[str, Any],
    evidence: frozenset[str],
    *,
    label: str = "",
    grade_code: str = "",
) -> Own:
    """The form for these answers; answers that the codebook does not know are dropped."""
    known = {key: answer for key, answer in answers.items() if _is_known(codebook, key, answer)}
    kept = prune(codebook, known)
    asked = tuple(
        _asked(q, kept) for q in visible_questions(codebook, kept) if q.required and q.kind != "span"
    )
    folded = tuple(_asked(q, kept) for q in folded_questions(codebook) if q.required)
    if waiting := next_question(codebook, kept):
        return Own(asked, folded, None, None, (), (), waiting.text)
    derived = derive(codebook, kept)
    codes = (derived.label, *lower_labels(codebook, derived.label))
    chosen = label if label in codes else derived.label
    graded = grade(codebook, kept, evidence, chosen)
    ladder = codebook.grades[: codebook.ladder[graded.grade] + 1]
    standing = grade_code if grade_code in {step.code for step in ladder} else graded.grade
    return Own(
        asked,
        folded,
        derived,
        graded,
        tuple((code, codebook.by_code[code].words, code == chosen) for code in codes),
        tuple((step.code, step.words, step.code == standing) for step in reversed(ladder)),
    )


def _is_known(codebook: Codebook, key: str, answer: Any) -> bool:
    try:
        check_answers(codebook, {key: answer})
    except BadAnswer:
        return False
    return True


def _asked(question: Question, answers: Mapping[str, Answer]) -> Asked:
    answer = answers.get(question.key)
    chosen = values_of(answer) if answer is not None else ()
    words = {code.value: code.words for code in question.codes}
    options = tuple((value, words.get(value, value), value in chosen) for value in question.values() or ())
    return Asked(
        question, PREFIX + question.key, options, chosen[0] if question.kind == "text" and chosen else ""
    )
