"""What changed between two versions of a codebook, part by part and in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain
from typing import Protocol, TypeVar

from labeling.codebooks.definition import digest
from labeling.codebooks.parts import Code, Codebook, Example, Grade, Label, Question, Rule
from labeling.codebooks.wording import in_words

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
MOST_WORDS = 1500  # of a text that is compared word by word
WITHIN = "\t"  # in a part's key: the part that it belongs to stands before

Part = TypeVar("Part")
Fields = Mapping[str, str]


@dataclass(frozen=True)
class Piece:
    """A stretch of a text, and whether the other side lacks it."""

    text: str
    differs: bool


@dataclass(frozen=True)
class Line:
    """One thing that is said differently; an empty side says nothing."""

    what: str
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


@dataclass(frozen=True)
class Change:
    """One part that came, went or says something else."""

    kind: str  # added, removed, changed
    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Section:
    """The changes among parts of one sort."""

    title: str
    changes: tuple[Change, ...]


class _Named(Protocol):
    def __call__(self, codebook: Codebook) -> Iterable[tuple[str, str, Fields]]: ...


def differences(before: Codebook | None, after: Codebook) -> tuple[Section, ...]:
    """Every part that was added, removed or changed; of two equal codebooks, nothing.

    Before the first version there is none, and everything is new.
    """
    found = []
    for title, parts in SECTIONS:
        old = list(parts(before)) if before is not None else []
        changes = _changes(old, list(parts(after)))
        if changes:
            found.append(Section(title, changes))
    if not found and before is not None and digest(before) != digest(after):
        same = Line("conditions", *_pieces("", "written in another way, with the same words"))
        found.append(Section("In general", (Change(CHANGED, "The codebook", (same,)),)))
    return tuple(found)


def count(sections: Iterable[Section]) -> int:
    """How many parts are touched."""
    return sum(len(section.changes) for section in sections)


def _changes(
    old: Sequence[tuple[str, str, Fields]], new: Sequence[tuple[str, str, Fields]]
) -> tuple[Change, ...]:
    """Parts are the same part if they have the same key; their order counts where theirs changed."""
    before = {key: (name, fields) for key, name, fields in old}
    after = {key: (name, fields) for key, name, fields in new}
    common = [key for key in before if key in after]
    moved = _moved(common, [key for key in after if key in before])
    changes = []
    for key, (name, fields) in after.items():
        was = before[key][1] if key in before else {}
        lines = _lines(was, fields)
        if key in moved:
            places = (f"number {_place(key, before)}", f"number {_place(key, after)}")
            lines = (*lines, Line("place", *_pieces(*places)))
        if lines:
            changes.append(Change(CHANGED if key in before else ADDED, name, lines))
    for key, (name, fields) in before.items():
        if key not in after:
            changes.append(Change(REMOVED, name, _lines(fields, {})))
    return tuple(changes)


def _moved(before: list[str], after: list[str]) -> set[str]:
    """About the fewest keys that stand elsewhere among their own, of those both sides have."""
    moved: set[str] = set()
    for scope in {_scope(key) for key in after}:
        old = [key for key in before if _scope(key) == scope]
        new = [key for key in after if _scope(key) == scope]
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        still = chain.from_iterable(old[block.a : block.a + block.size] for block in blocks)
        moved |= set(new).difference(still)
    return moved


def _scope(key: str) -> str:
    return key.partition(WITHIN)[0] if WITHIN in key else ""


def _place(key: str, keys: Iterable[str]) -> int:
    return [other for other in keys if _scope(other) == _scope(key)].index(key) + 1


def _lines(before: Fields, after: Fields) -> tuple[Line, ...]:
    names = [*before, *(name for name in after if name not in before)]
    said = ((name, before.get(name, ""), after.get(name, "")) for name in names)
    return tuple(Line(name, *_pieces(old, new)) for name, old, new in said if old != new)


def _pieces(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts cut where they differ, by whole words."""
    old, new = _words(before), _words(after)
    if not old or not new or max(len(old), len(new)) > MOST_WORDS:
        return _whole(before), _whole(after)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if b > a:
            left.append(Piece("".join(old[a:b]), kind != "equal"))
        if d > c:
            right.append(Piece("".join(new[c:d]), kind != "equal"))
    return tuple(left), tuple(right)


def _whole(text: str) -> tuple[Piece, ...]:
    return (Piece(text, True),) if text else ()


def _words(text: str) -> list[str]:
    """The text in words with the space behind each, so that they join up to it again."""
    parts = text.split(" ")
    return [part + " " for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


# What each sort of part says, by the words under which a reader knows it.


def _general(codebook: Codebook) -> Iterable[tuple[str, str, Fields]]:
    yield (
        "whole",
        "The codebook",
        _said({"title": codebook.title, "description": codebook.description, "unit": codebook.unit}),
    )


def _questions(codebook: Codebook) -> Iterable[tuple[str, str, Fields]]:
    for question in codebook.questions:
        yield question.key, f"{question.text} ({question.key})", _said(_question(codebook, question))


def _question(codebook: Codebook, question: Question) -> Fields:
    scale = question.kind == "scale"
    return {
        "text": question.text,
        "kind": question.kind,
        "hint": question.hint,
        "asked when": in_words(codebook, question.ask_when),
        "steps": f"{question.low} to {question.high}" if scale else "",
        "low end": question.low_words,
        "high end": question.high_words,
        "shown": "folds out" if question.folded else "",
        "required": "" if question.required else "no",
        "counts as, if not answered": question.default,
    }


def _codes(codebook: Codebook) -> Iterable[tuple[str, str, Fields]]:
    for question in codebook.questions:
        for code in question.codes:
            yield f"{question.key}{WITHIN}{code.value}", f"{question.key}: {code.words}", _said(_code(code))


def _code(code: Code) -> Fields:
    return {
        "words": code.words,
        "key": code.key,
        "definition": code.definition,
        "decision rule": code.rule,
        "asks for a span": code.needs_span,
        "leaves open the test": code.missing_test,
        **_examples(code.examples, code.counter_examples),
    }


def _labels(codebook: Codebook) -> Iterable[tuple[str, str, Fields]]:
    for label in codebook.labels:
        yield label.code, f"{label.code} {label.words}", _said(_label(label))


def _label(label: Label) -> Fields:
    return {
        "words": label.words,
        "group": label.group,
        "severity": str(label.severity),
        "definition": label.definition,
        "decision rule": label.rule,
        "highest grade": label.max_grade,
        "for what cannot be settled": "yes" if label.open else "",
        **_examples(label.examples, label.counter_examples),
    }


def _examples(examples: Iterable[Example], counter_examples: Iterable[Example]) -> Fields:
    said: dict[str, str] = {}
    for word, some in (("is", examples), ("is not", counter_examples)):
        for example in some:
            case = example.case if len(example.case) <= 80 else f"{example.case[:79]}…"
            source = f" ({example.source})" if example.source else ""
            said[_new(f"{word}: {case}", said)] = f"{example.case} {example.because}{source}"
    return said


def _rules(codebook: Codebook) -> Iterable[tuple[str, str, Fields]]:
    """A label may have several rules; they are told apart by their order among themselves."""
    seen: dict[str, int] = {}
    for rule in codebook.rules:
        seen[rule.label] = nth = seen.get(rule.label, 0) + 1
        name = f"{rule.label} {codebook.by_code[rule.label].words}"
        yield f"{rule.label}\n{nth}", name if nth == 1 else f"{name}, rule {nth}", _rule(codebook, rule)


def _rule(codebook: Codebook, rule: Rule) -> Fields:
    return {"because": rule.because, "when": in_words(codebook, rule.when) or "otherwise"}


def _grades(codebook: Codebook) -> Iterable[tuple[str, str, Fields]]:
    for grade in codebook.grades:
        yield grade.code, f"{grade.code} {grade.words}", _grade(codebook, grade)


def _grade(codebook: Codebook, grade: Grade) -> Fields:
    needs: dict[str, str] = {}
    for need in grade.needs:
        needs[_new(f"needs: {need.otherwise}", needs)] = in_words(codebook, need.when)
    return {"words": grade.words, "definition": grade.definition, **needs}


def _rulings(codebook: Codebook) -> Iterable[tuple[str, str, Fields]]:
    seen: dict[str, str] = {}
    for one in codebook.rulings:
        key = _new(one.title, seen)
        seen[key] = one.title
        yield key, one.title, {"case": one.case, "label": one.label, "because": one.because}


def _new(name: str, taken: Mapping[str, str]) -> str:
    """The name, numbered if it is taken."""
    number = 2
    new = name
    while new in taken:
        new, number = f"{name} ({number})", number + 1
    return new


def _said(fields: Fields) -> Fields:
    return {name: text for name, text in fields.items() if text}


SECTIONS: tuple[tuple[str, _Named], ...] = (
    ("In general", _general),
    ("Groups", lambda book: ((g.key, g.words, {"words": g.words, "hue": g.hue}) for g in book.groups)),
    ("Questions", _questions),
    ("Answers", _codes),
    (
        "Words the rules use",
        lambda book: (
            (name, name.replace("_", " "), {"holds when": in_words(book, condition)})
            for name, condition in book.conditions
        ),
    ),
    ("Labels", _labels),
    ("Rules", _rules),
    ("Grades", _grades),
    (
        "Missing tests",
        lambda book: (
            (test.key, test.key, _said({"words": test.words, "when": in_words(book, test.when)}))
            for test in book.missing_tests
        ),
    ),
    ("Edge cases", _rulings),
)
