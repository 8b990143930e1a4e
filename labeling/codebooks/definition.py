"""A codebook as frozen data, read from plain data and given back unchanged.

`load(dump(codebook)) == codebook`, and equal codebooks have equal digests: a label made under a
version can always be shown the questions, rules and requirements it was made under.
"""

import hashlib
import json
from dataclasses import replace
from typing import Any

from labeling.codebooks.conditions import ALWAYS, Vocabulary
from labeling.codebooks.node import CodebookError, Node, as_text, nearest, once
from labeling.codebooks.parts import (
    HUES,
    UNITS,
    Codebook,
    Grade,
    Group,
    Label,
    MissingTest,
    Need,
    Rule,
    Ruling,
)
from labeling.codebooks.questions import asked_when, check_marks, examples_of, question_of

__all__ = ["Codebook", "CodebookError", "digest", "dump", "load"]

LABEL, GROUP, GRADE = 10, 30, 4  # characters that a label revision keeps of each


def load(data: object) -> Codebook:
    """The codebook written in plain data (as YAML or JSON gives it).

    Raises:
        CodebookError: the first thing that is wrong, beginning with its place.
    """
    root = Node.of(data)
    for name in ("questions", "groups", "labels", "rules", "grades"):
        root.filled(name)
    raw_questions = list(root.nodes("questions"))
    plain_questions = [question_of(node) for node in raw_questions]
    once((question.key for question in plain_questions), "questions", "key")
    check_marks(plain_questions)
    values = {question.key: question.values() for question in plain_questions}
    words = Vocabulary(values, Node.of(root.raw("conditions", {}), "conditions").data)
    conditions = tuple(
        (as_text(name, "conditions"), words.name(name, "conditions").condition)
        for name in sorted(words.written)
    )
    graded = replace(words, evidence=True)
    questions = asked_when(plain_questions, raw_questions, words)
    groups = tuple(
        n.made(Group(n.short("key", GROUP), n.text("words"), n.among("hue", HUES)))
        for n in root.nodes("groups")
    )
    grades = tuple(_grade(node, graded) for node in root.nodes("grades"))
    once((group.key for group in groups), "groups", "key")
    once((grade.code for grade in grades), "grades", "code")
    group_keys, grade_codes = [g.key for g in groups], [g.code for g in grades]
    labels = tuple(_label(node, group_keys, grade_codes) for node in root.nodes("labels"))
    codes = [label.code for label in labels]
    once(codes, "labels", "code")
    rules = tuple(
        n.made(Rule(n.among("label", codes), n.text("because"), words.at(n, "when")))
        for n in root.nodes("rules")
    )
    tests = tuple(
        n.made(MissingTest(n.text("key"), n.text("words"), words.at(n, "when")))
        for n in root.nodes("missing_tests")
    )
    rulings = tuple(
        n.made(Ruling(n.text("title"), n.text("case"), n.among("label", codes), n.text("because")))
        for n in root.nodes("rulings")
    )
    codebook = Codebook(
        title=root.text("title"),
        description=root.text("description", ""),
        unit=root.among("unit", UNITS, default="transcript"),
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


def _label(node: Node, groups: list[str], grades: list[str]) -> Label:
    return node.made(
        Label(
            code=node.short("code", LABEL),
            words=node.text("words"),
            group=node.among("group", groups),
            severity=node.whole("severity"),
            definition=node.text("definition"),
            rule=node.text("rule", ""),
            max_grade=node.among("max_grade", grades),
            open=node.flag("open"),
            examples=examples_of(node, "examples"),
            counter_examples=examples_of(node, "counter_examples"),
        )
    )


def _grade(node: Node, words: Vocabulary) -> Grade:
    needs = tuple(
        each.made(Need(words.at(each, "when", required=True), each.text("otherwise")))
        for each in node.nodes("needs")
    )
    return node.made(Grade(node.short("code", GRADE), node.text("words"), node.text("definition"), needs))


def _check_whole(codebook: Codebook) -> None:
    """What no single field can show: one open label, no rule or label out of reach, every test known."""
    once((test.key for test in codebook.missing_tests), "missing_tests", "key")
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
