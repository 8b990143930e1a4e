"""Reads the questions of a codebook out of plain data, each with the condition on which it is asked."""

from collections.abc import Sequence
from dataclasses import replace

from labeling.codebooks.conditions import ALWAYS, RESERVED, Vocabulary, questions_of
from labeling.codebooks.node import CodebookError, Node, nearest, once
from labeling.codebooks.parts import KINDS, Code, Example, Question

WITH_CODES = ("single", "multiple", "span")
LONGEST_VALUE = 100  # characters of an answer
LONGEST_SPAN = 30  # characters of a kind of span
# A mark is evidence of its own kind, and no mark can be a test: see `grades`.
TESTS = (
    "belief_check",
    "resample",
    "counterfactual",
    "alternatives",
    "positive_control",
    "self_report",
)


def question_of(node: Node) -> Question:
    """The question without its condition, which needs every question's values first."""
    key, kind = node.short("key", LONGEST_VALUE), node.among("kind", KINDS)
    if key in RESERVED:
        raise node.fail("key", f"'{key}' is a word of the condition language")
    codes = tuple(_code(each, kind) for each in node.nodes("codes"))
    if bool(codes) != (kind in WITH_CODES):
        raise node.fail("codes", "needed by single, multiple and span, and by no other kind")
    once((code.key for code in codes), node.at("codes"), "key")
    once((code.value for code in codes), node.at("codes"), "value")
    question = Question(
        key=key,
        text=node.text("text"),
        kind=kind,
        hint=node.text("hint", ""),
        codes=codes,
        low=node.whole("low", 1),
        high=node.whole("high", 5),
        low_words=node.text("low_words", ""),
        high_words=node.text("high_words", ""),
        folded=node.flag("folded"),
        required=node.flag("required", default=True),
        default=node.text("default", ""),
    )
    if kind == "scale" and not 0 <= question.low < question.high <= 9:
        raise node.fail("high", "a scale runs upwards within 0 to 9, one key each")
    values = question.values()
    if question.default and values is not None and question.default not in values:
        raise node.fail("default", f"no value '{question.default}'{nearest(question.default, list(values))}")
    node.raw("ask_when")
    return node.made(question)


def asked_when(plain: Sequence[Question], nodes: Sequence[Node], words: Vocabulary) -> tuple[Question, ...]:
    """Give each question its condition; one may look only at what can be answered before it."""
    reachable = {question.key for question in plain if question.folded}
    questions = []
    for question, node in zip(plain, nodes, strict=True):
        condition = words.at(node, "ask_when")
        if question.folded and condition is not ALWAYS:
            raise node.fail("ask_when", "a folded question is always there for who unfolds it")
        for key in questions_of(condition):
            if key not in reachable:
                raise node.fail("ask_when", f"'{key}' is asked later")
        reachable.add(question.key)
        questions.append(replace(question, ask_when=condition))
    return tuple(questions)


def check_marks(questions: Sequence[Question]) -> None:
    """A mark has to say by its kind alone which question it answers."""
    wanted = {code.needs_span for question in questions for code in question.codes if code.needs_span}
    taken: dict[str, str] = {}
    for index, question in enumerate(questions):
        for at, code in enumerate(question.codes if question.kind == "span" else ()):
            place = f"questions[{index}].codes[{at}].value"
            if code.value in wanted:
                raise CodebookError(f"{place}: '{code.value}' is already a span that an answer asks for")
            if code.value in taken:
                raise CodebookError(f"{place}: '{code.value}' is already a mark of '{taken[code.value]}'")
            taken[code.value] = question.key


def examples_of(node: Node, name: str) -> tuple[Example, ...]:
    """The cases listed in this field."""
    return tuple(
        each.made(Example(each.text("case"), each.text("because"), each.text("source", "")))
        for each in node.nodes(name)
    )


def _code(node: Node, kind: str) -> Code:
    key = node.text("key")
    if len(key) != 1:
        raise node.fail("key", f"'{key[:20]}' is not one key")
    needs_span = node.text("needs_span", "")
    if len(needs_span) > LONGEST_SPAN or needs_span in TESTS:
        raise node.fail("needs_span", f"a kind of span has at most {LONGEST_SPAN} characters and is no test")
    value = node.short("value", LONGEST_SPAN if kind == "span" else LONGEST_VALUE)
    if kind == "span" and value in TESTS:
        raise node.fail("value", f"'{value}' is evidence from a test, which no mark can be")
    return node.made(
        Code(
            key=key,
            value=value,
            words=node.text("words"),
            definition=node.text("definition", ""),
            rule=node.text("rule", ""),
            needs_span=needs_span,
            missing_test=node.text("missing_test", ""),
            examples=examples_of(node, "examples"),
            counter_examples=examples_of(node, "counter_examples"),
        )
    )
