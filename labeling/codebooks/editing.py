"""Changes to a codebook that a form makes; what comes out is read again, so that nothing wrong comes out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from labeling.codebooks.definition import dump, load
from labeling.codebooks.parts import Code, Codebook, Example


@dataclass(frozen=True)
class Case:
    """An example, and the side on which it stands."""

    example: Example
    counter: bool = False


def with_label(
    codebook: Codebook, code: str, *, words: str, definition: str, rule: str, cases: Sequence[Case]
) -> Codebook:
    """The codebook with one label said anew.

    Raises:
        CodebookError: what is wrong, beginning with its place.
    """
    label = replace(
        codebook.by_code[code],
        words=words,
        definition=definition,
        rule=rule,
        examples=_side(cases, counter=False),
        counter_examples=_side(cases, counter=True),
    )
    labels = tuple(label if each.code == code else each for each in codebook.labels)
    return load(dump(replace(codebook, labels=labels)))


def with_question(codebook: Codebook, key: str, *, text: str, hint: str, codes: Iterable[Code]) -> Codebook:
    """The codebook with one question's words and codes said anew; a code of a known value keeps the rest.

    Raises:
        CodebookError: what is wrong, beginning with its place.
    """
    question = codebook.by_key[key]
    known = {code.value: code for code in question.codes}
    said = tuple(
        replace(known[code.value], key=code.key, words=code.words, definition=code.definition, rule=code.rule)
        if code.value in known
        else code
        for code in codes
    )
    changed = replace(question, text=text, hint=hint, codes=said)
    questions = tuple(changed if each.key == key else each for each in codebook.questions)
    return load(dump(replace(codebook, questions=questions)))


def _side(cases: Iterable[Case], *, counter: bool) -> tuple[Example, ...]:
    return tuple(case.example for case in cases if case.counter == counter)
