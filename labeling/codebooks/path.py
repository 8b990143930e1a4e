"""The decision path: only the questions that the answers so far make necessary.

The path is walked in the codebook's order. A question's condition looks only at what can be
answered before it, so one walk decides everything, and an answer to a question that is no longer
asked counts for nothing (`prune`).
"""

from collections.abc import Iterable

from labeling.codebooks.conditions import Answer, Answers
from labeling.codebooks.node import nearest
from labeling.codebooks.parts import SEVERAL, Codebook, Question


class BadAnswer(ValueError):
    """An answer that the codebook does not know; the message names the question."""


def next_question(codebook: Codebook, answers: Answers, *, optional: bool = False) -> Question | None:
    """The next question to ask, or None at the end; optional ones (confidence) only on request."""
    for question in asked_questions(codebook, answers):
        if question.key not in answers and (question.required or optional):
            return question
    return None


def asked_questions(codebook: Codebook, answers: Answers) -> tuple[Question, ...]:
    """Every unfolded question whose condition holds, answered or not, in order."""
    kept = prune(codebook, answers)
    facts = codebook.facts(kept)
    return tuple(q for q in codebook.questions if not q.folded and q.ask_when.holds(facts))


def visible_questions(codebook: Codebook, answers: Answers) -> tuple[Question, ...]:
    """What the desk shows: the path up to and with the next question, and the optional ones asked."""
    visible: list[Question] = []
    waiting = False  # for a required answer; what lies behind it depends on it
    for question in asked_questions(codebook, answers):
        if question.key in answers or not question.required:
            visible.append(question)
        elif not waiting:
            visible.append(question)
            waiting = True
    return tuple(visible)


def folded_questions(codebook: Codebook) -> tuple[Question, ...]:
    """The extra facets: always possible, never necessary."""
    return tuple(question for question in codebook.questions if question.folded)


def prune(codebook: Codebook, answers: Answers) -> dict[str, Answer]:
    """The answers to questions that are still asked; folded answers stay."""
    folded = {question.key for question in folded_questions(codebook)}
    kept = {key: answer for key, answer in answers.items() if key in folded}
    for question in codebook.questions:
        if question.key in answers and not question.folded and question.ask_when.holds(codebook.facts(kept)):
            kept[question.key] = answers[question.key]
    return kept


def is_complete(codebook: Codebook, answers: Answers) -> bool:
    """Whether nothing required is left to ask."""
    return next_question(codebook, answers) is None


def wanted_spans(codebook: Codebook, answers: Answers) -> tuple[str, ...]:
    """Kinds of span that the chosen codes ask for, each once, in the path's order."""
    wanted: dict[str, None] = {}
    for question in asked_questions(codebook, answers):
        answer = answers.get(question.key)
        for code in question.codes:
            if code.needs_span and answer is not None and code.value in values_of(answer):
                wanted[code.needs_span] = None
    return tuple(wanted)


def with_spans(codebook: Codebook, answers: Answers, span_kinds: Iterable[str]) -> dict[str, Answer]:
    """The answers with each span question answered by the kinds of span that are marked.

    Whatever else was said there is left out: such a question is answered by marking and in no other
    way. Without a mark of its codes it is unanswered.
    """
    marked = set(span_kinds)
    filled: dict[str, Answer] = {}
    for question in codebook.questions:
        if question.kind == "span":
            if chosen := [code.value for code in question.codes if code.value in marked]:
                filled[question.key] = chosen
        elif question.key in answers:
            filled[question.key] = answers[question.key]
    unknown = {key: answer for key, answer in answers.items() if key not in codebook.by_key}
    return filled | unknown


def values_of(answer: Answer) -> tuple[str, ...]:
    """The answer as words: one, or several of a multiple choice."""
    if isinstance(answer, str | int):
        return (str(answer),)
    return tuple(answer)


def check_answers(codebook: Codebook, answers: Answers) -> None:
    """Refuse what the codebook does not know.

    Raises:
        BadAnswer: an unknown question, a value the question does not have, or an answer of the
            wrong kind (a list where one value is asked, text where a step of a scale is).
    """
    for key, answer in answers.items():
        question = codebook.by_key.get(key)
        if question is None:
            raise BadAnswer(f"There is no question '{key}'{nearest(key, list(codebook.by_key))}.")
        several = not isinstance(answer, str | int)
        if isinstance(answer, bool) or several != (question.kind in SEVERAL):
            raise BadAnswer(f"{key}: {answer!r} is not an answer to a question of kind {question.kind}.")
        if isinstance(answer, int) != (question.kind == "scale"):
            raise BadAnswer(f"{key}: {answer!r} is not an answer to a question of kind {question.kind}.")
        known = question.values()
        for value in values_of(answer):
            if not isinstance(value, str):
                raise BadAnswer(f"{key}: {value!r} is not a word.")
            if known is not None and value not in known:
                raise BadAnswer(f"{key}: there is no answer '{value}'{nearest(value, list(known))}.")
