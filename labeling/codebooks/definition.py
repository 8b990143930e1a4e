"""A codebook as frozen data, read from plain data and given back unchanged.

`load(dump(codebook)) == codebook`, and equal codebooks have equal digests: a label made under a
version can always be shown the questions, rules and requirements it was made under.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from labeling.codebooks.conditions import ALWAYS, RESERVED, Condition, Vocabulary, questions_of
from labeling.codebooks.node import CodebookError, Node, nearest
from labeling.codebooks.parts import (
    HUES,
    KINDS,
    UNITS,
    Code,
    Codebook,
    Example,
    Grade,
    Group,
    Label,
    MissingTest,
    Need,
    Question,
    Rule,
    Ruling,
)

__all__ = ["Codebook", "CodebookError", "digest", "dump", "load"]

Part = TypeVar("Part")


def load(data: object) -> Codebook:
    """The codebook written in plain data (as YAML or JSON gives it).

    Raises:
        CodebookError: the first thing that is wrong, beginning with its place.
    """
    root = Node.of(data)
    for name in ("questions", "groups", "labels", "rules", "grades"):
        root.filled(name)
    raw_questions = list(root.nodes("questions"))
    plain_questions = [_question(node) for node in raw_questions]
    _once((q.key for q in plain_questions), "questions", "key")
    values = {question.key: question.values() for question in plain_questions}
    words = Vocabulary(values, Node.of(root.raw("conditions", {}), "conditions").data)
    conditions = tuple((name, words.name(name, "conditions").condition) for name in sorted(words.written))
    graded = replace(words, evidence=True)
    questions = _asked_when(plain_questions, raw_questions, words)
    groups = tuple(
        _done(n, Group(n.text("key"), n.text("words"), _among(n, "hue", HUES))) for n in root.nodes("groups")
    )
    grades = tuple(_grade(node, graded) for node in root.nodes("grades"))
    _once((group.key for group in groups), "groups", "key")
    _once((grade.code for grade in grades), "grades", "code")
    group_keys, grade_codes = [g.key for g in groups], [g.code for g in grades]
    labels = tuple(_label(node, group_keys, grade_codes) for node in root.nodes("labels"))
    codes = [label.code for label in labels]
    _once(codes, "labels", "code")
    rules = tuple(
        _done(n, Rule(_among(n, "label", codes), n.text("because"), _condition(n, "when", words)))
        for n in root.nodes("rules")
    )
    tests = tuple(
        _done(n, MissingTest(n.text("key"), n.text("words"), _condition(n, "when", words)))
        for n in root.nodes("missing_tests")
    )
    rulings = tuple(
        _done(n, Ruling(n.text("title"), n.text("case"), _among(n, "label", codes), n.text("because")))
        for n in root.nodes("rulings")
    )
    codebook = Codebook(
        title=root.text("title"),
        description=root.text("description", ""),
        unit=_among(root, "unit", UNITS, default="transcript"),
        groups=groups,
        questions=questions,
        conditions=conditions,
        labels=labels,
        rules=rules,
        grades=grades,
        missing_tests=tests,
        rulings=rulings,
    )
    root.done()
    _check_whole(codebook)
    return codebook


def dump(codebook: Codebook) -> dict[str, Any]:
    """The codebook as JSON-clean data that `load` reads back to an equal codebook."""
    plain: dict[str, Any] = _plain(codebook)
    plain["conditions"] = {name: condition.plain() for name, condition in codebook.conditions}
    return plain


def digest(codebook: Codebook) -> str:
    """sha256 (hex) of the canonical JSON: equal for equal codebooks, however they were written."""
    text = json.dumps(dump(codebook), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if hasattr(value, "plain"):
        return value.plain()
    if hasattr(value, "__dataclass_fields__"):
        fields = ((name, getattr(value, name)) for name in value.__dataclass_fields__ if name != "conditions")
        return {name: _plain(item) for name, item in fields if item not in ("", (), ALWAYS)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _question(node: Node) -> Question:
    """The question without its condition, which needs every question's values first."""
    key, kind = node.text("key"), _among(node, "kind", KINDS)
    if key in RESERVED:
        raise node.fail("key", f"'{key}' is a word of the condition language")
    codes = tuple(
        _done(
            n,
            Code(
                n.text("key"),
                n.text("value"),
                n.text("words"),
                n.text("definition", ""),
                n.text("needs_span", ""),
                n.text("missing_test", ""),
            ),
        )
        for n in node.nodes("codes")
    )
    if bool(codes) != (kind in ("single", "multiple")):
        raise node.fail("codes", "needed by single and multiple, and by no other kind")
    _once((code.key for code in codes), node.at("codes"), "key")
    _once((code.value for code in codes), node.at("codes"), "value")
    for index, code in enumerate(codes):
        if len(code.key) != 1:
            raise CodebookError(f"{node.at('codes')}[{index}].key: '{code.key}' is not one key")
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
    node.done()
    return question


def _asked_when(plain: list[Question], nodes: list[Node], words: Vocabulary) -> tuple[Question, ...]:
    """Give each question its condition; one may look only at what can be answered before it."""
    reachable = {question.key for question in plain if question.folded}
    questions = []
    for question, node in zip(plain, nodes, strict=True):
        condition = _condition(node, "ask_when", words)
        if question.folded and condition is not ALWAYS:
            raise node.fail("ask_when", "a folded question is always there for who unfolds it")
        for key in questions_of(condition):
            if key not in reachable:
                raise node.fail("ask_when", f"'{key}' is asked later")
        reachable.add(question.key)
        questions.append(replace(question, ask_when=condition))
    return tuple(questions)


def _label(node: Node, groups: list[str], grades: list[str]) -> Label:
    return _done(
        node,
        Label(
            code=node.text("code"),
            words=node.text("words"),
            group=_among(node, "group", groups),
            severity=node.whole("severity"),
            definition=node.text("definition"),
            max_grade=_among(node, "max_grade", grades),
            open=node.flag("open"),
            examples=_examples(node, "examples"),
            counter_examples=_examples(node, "counter_examples"),
        ),
    )


def _examples(node: Node, name: str) -> tuple[Example, ...]:
    return tuple(_done(n, Example(n.text("case"), n.text("because"))) for n in node.nodes(name))


def _grade(node: Node, words: Vocabulary) -> Grade:
    needs = tuple(
        _done(n, Need(_condition(n, "when", words, required=True), n.text("otherwise")))
        for n in node.nodes("needs")
    )
    return _done(node, Grade(node.text("code"), node.text("words"), node.text("definition"), needs))


def _condition(node: Node, name: str, words: Vocabulary, *, required: bool = False) -> Condition:
    written = node.raw(name)
    if written is None:
        if required:
            raise node.fail(name, "missing")
        return ALWAYS
    return words.read(written, node.at(name))


def _among(node: Node, name: str, known: Iterable[str], default: str | None = None) -> str:
    word, known = node.text(name, default), list(known)
    if word not in known:
        raise node.fail(name, f"'{word}' is not one of {', '.join(known)}{nearest(word, known)}")
    return word


def _done(node: Node, value: Part) -> Part:
    node.done()
    return value


def _once(words: Iterable[str], place: str, field: str) -> None:
    seen: set[str] = set()
    for index, word in enumerate(words):
        if word in seen:
            raise CodebookError(f"{place}[{index}].{field}: used twice")
        seen.add(word)


def _check_whole(codebook: Codebook) -> None:
    """What no single field can show: one open label, no rule or label out of reach, every test known."""
    _once((test.key for test in codebook.missing_tests), "missing_tests", "key")
    if sum(label.open for label in codebook.labels) != 1:
        raise CodebookError("labels: exactly one label must be open, for what cannot be settled")
    if codebook.grades[0].needs:
        raise CodebookError("grades[0].needs: the lowest grade cannot require anything")
    *earlier, last = codebook.rules
    if last.when != ALWAYS or last.label != codebook.open_label:
        raise CodebookError(
            f"rules[{len(earlier)}]: the last rule must be the open label, without a condition"
        )
    for index, rule in enumerate(earlier):
        if rule.when == ALWAYS:
            raise CodebookError(f"rules[{index}].when: missing; rules after it could never match")
    ruled = {rule.label for rule in codebook.rules}
    for index, label in enumerate(codebook.labels):
        if label.code not in ruled:
            raise CodebookError(f"labels[{index}].code: no rule gives '{label.code}'")
    tests = [test.key for test in codebook.missing_tests]
    for index, question in enumerate(codebook.questions):
        for at, code in enumerate(question.codes):
            if code.missing_test and code.missing_test not in tests:
                hint = nearest(code.missing_test, tests)
                place = f"questions[{index}].codes[{at}].missing_test"
                raise CodebookError(f"{place}: no test '{code.missing_test}'{hint}")
