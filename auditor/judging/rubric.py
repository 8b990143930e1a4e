"""A rubric: what a judge is asked, on which scales, and what its answers come to.

    parse_rubric(text) -> Rubric        see docs/judges.md for the format

A rubric whose answer is "json" is asked once, for all its dimensions; one whose answer is "number" is
asked once for each dimension, and answers with one number that is read from the token probabilities.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from auditor.judging.frontmatter import Fields, RubricProblem, Value, nearest, read

__all__ = [
    "Ask",
    "Dimension",
    "Example",
    "Label",
    "Rubric",
    "RubricProblem",
    "Rule",
    "Wanted",
    "parse_rubric",
]

SCALE, LABEL, YES_NO = "scale", "label", "yes_no"
KINDS = (SCALE, LABEL, YES_NO)
JSON, NUMBER = "json", "number"
MAX, MEAN, MIN, LAST = "max", "mean", "min", "last"
CHUNK, TRANSCRIPT = "chunk", "transcript"
TIED = "tied"  # what votes without a majority come to; no label is called so
BOUNDS = ("below", "at_most", "at_least", "above")
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST = 20  # dimensions; labels of one of them; examples
WIDEST = 1000  # steps of a scale

Said: TypeAlias = float | str | None  # a dimension's value: a number, a label's key, or nothing


@dataclass(frozen=True)
class Label:
    """One of the words that a dimension, or the whole, can be called."""

    key: str
    name: str
    definition: str = ""


@dataclass(frozen=True)
class Wanted:
    """A condition on one value: it is one of these labels, or lies within these bounds."""

    among: tuple[str, ...] = ()
    bounds: tuple[tuple[str, float], ...] = ()  # (one of BOUNDS, number)

    def holds(self, value: Said) -> bool:
        """Whether the value is as wanted; nothing never is."""
        if isinstance(value, str):
            return value in self.among
        return value is not None and bool(self.bounds) and all(_within(value, *one) for one in self.bounds)


def _within(value: float, bound: str, at: float) -> bool:
    if bound == "below":
        return value < at
    if bound == "at_most":
        return value <= at
    return value >= at if bound == "at_least" else value > at


@dataclass(frozen=True)
class Dimension:
    """One question of a rubric."""

    key: str
    name: str
    kind: str  # one of KINDS
    definition: str
    lo: int | None = None  # of a scale, whose steps are whole numbers
    hi: int | None = None
    labels: tuple[Label, ...] = ()  # in rising severity; of yes_no: no, yes
    polarity: str = ""  # what a high value, or the last label, means
    worse: str = "high"  # which end is the more severe: high or low
    combine: str = MAX  # how several stretches of one transcript become one
    quotes: Wanted | bool = False  # whether words must be cited; a condition: for which values

    @property
    def words(self) -> tuple[str, ...]:
        """The keys of its labels."""
        return tuple(label.key for label in self.labels)

    @property
    def ends(self) -> tuple[int, int]:
        """Of a scale, both of them on it."""
        assert self.lo is not None
        assert self.hi is not None
        return self.lo, self.hi

    def must_cite(self, value: Said) -> bool:
        """Whether this value needs words that show it."""
        return self.quotes if isinstance(self.quotes, bool) else self.quotes.holds(value)

    def severity(self, value: Said) -> float | None:
        """How bad the value is, from 0 to 1; None where there is no value."""
        if value is None:
            return None
        if isinstance(value, str):
            share = self.words.index(value) / (len(self.words) - 1)
        else:
            lo, hi = self.ends
            share = (value - lo) / (hi - lo)
        return share if self.worse == "high" else 1 - share


@dataclass(frozen=True)
class Example:
    """A case with its answer, shown to the judge before the transcript."""

    text: str
    answer: Mapping[str, float | str]  # by dimension
    why: str = ""


@dataclass(frozen=True)
class Rule:
    """The label of the whole, if every condition holds and no earlier rule did."""

    label: str
    when: tuple[tuple[str, Wanted], ...] = ()  # (dimension, condition)
    because: str = ""

    def holds(self, values: Mapping[str, Said]) -> bool:
        return all(wanted.holds(values.get(dimension)) for dimension, wanted in self.when)


@dataclass(frozen=True)
class Ask:
    """One call: which dimensions it is about."""

    key: str  # "all", or the dimension's
    dimensions: tuple[Dimension, ...]


@dataclass(frozen=True)
class Rubric:
    """Everything a judge is asked and everything that follows from its answers."""

    key: str
    name: str
    about: str
    answer: str  # JSON or NUMBER
    dimensions: tuple[Dimension, ...]
    instructions: str  # Markdown
    labels: tuple[Label, ...] = ()  # of the whole, in rising severity; none: there is no rule
    rules: tuple[Rule, ...] = ()
    rule_over: str = TRANSCRIPT  # CHUNK: each stretch has its label, and the most severe one speaks
    examples: tuple[Example, ...] = ()

    @property
    def main(self) -> Dimension:
        """The first dimension, which speaks for the judge where one number must."""
        return self.dimensions[0]

    @cached_property
    def by_key(self) -> Mapping[str, Dimension]:
        return {dimension.key: dimension for dimension in self.dimensions}

    @cached_property
    def asks(self) -> tuple[Ask, ...]:
        """The calls that a verdict on one stretch takes, in order."""
        if self.answer == NUMBER:
            return tuple(Ask(one.key, (one,)) for one in self.dimensions)
        return (Ask("all", self.dimensions),)

    def overall(self, values: Mapping[str, Said]) -> str:
        """The key of the label that the rules give; empty where there are none."""
        return next((rule.label for rule in self.rules if rule.holds(values)), "")

    def most_severe(self, labels: Iterable[str]) -> str:
        """Of several labels of the whole, the one furthest up; empty if there is none."""
        order = [label.key for label in self.labels]
        return max((one for one in labels if one), key=order.index, default="")


NO, YES = Label("no", "no"), Label("yes", "yes")


def parse_rubric(text: str) -> Rubric:
    """The rubric that the text defines.

    Raises:
        RubricProblem: the text is none; with the line and the reason.
    """
    head, instructions = read(text)
    if not instructions:
        raise RubricProblem(0, "no instructions below the fields")
    key, name, about = _key(head), head.text("name"), head.text("about", "")
    answer = head.among("answer", (JSON, NUMBER), JSON)
    listed = head.need("dimensions").items()
    if not 1 <= len(listed) <= MOST:
        raise head.need("dimensions").fail(f"between 1 and {MOST} dimensions")
    dimensions = tuple(_dimension(one.fields(), answer) for one in listed)
    _once((one.key for one in dimensions), listed)
    by_key = {one.key: one for one in dimensions}
    labels = _labels(head, "labels")
    rules = tuple(_rule(one.fields(), by_key, labels) for one in head.items("rule"))
    _check_rules(head, labels, rules)
    examples = head.items("examples")
    if len(examples) > MOST:
        raise head.need("examples").fail(f"at most {MOST}")
    made = Rubric(
        key, name, about, answer, dimensions, instructions, labels, rules,
        head.among("rule_over", (TRANSCRIPT, CHUNK), TRANSCRIPT),
        tuple(_example(one.fields(), by_key) for one in examples),
    )  # fmt: skip
    head.done()
    return made


def _key(fields: Fields) -> str:
    key = fields.text("key")
    if not KEY.fullmatch(key):
        raise fields.need("key").fail("up to 40 lower-case letters, digits and _, beginning with a letter")
    return key


def _once(keys: Iterable[str], places: list[Value]) -> None:
    seen: set[str] = set()
    for key, place in zip(keys, places, strict=True):
        if key in seen:
            raise place.fail(f"the key '{key}' is used twice")
        seen.add(key)


def _labels(fields: Fields, name: str) -> tuple[Label, ...]:
    listed = fields.items(name)
    if listed and not 2 <= len(listed) <= MOST:
        raise fields.need(name).fail(f"between 2 and {MOST} labels")
    made = []
    for one in listed:
        label = one.fields()
        key = _key(label)
        if key == TIED:
            raise one.fail("votes without a majority are called 'tied'; choose another key")
        made.append(Label(key, label.text("name", key.replace("_", " ")), label.text("definition", "")))
        label.done()
    _once((label.key for label in made), listed)
    return tuple(made)


def _dimension(fields: Fields, answer: str) -> Dimension:
    key, kind = _key(fields), fields.among("kind", KINDS)
    lo: int | None = None
    hi: int | None = None
    labels = _labels(fields, "labels")
    if kind == SCALE:
        lo, hi = fields.need("lo").whole(), fields.need("hi").whole()
        if answer == NUMBER and lo < 0:
            raise fields.need("lo").fail("a number that is read from tokens is not negative")
        if not lo < hi <= lo + WIDEST:
            raise fields.need("hi").fail(f"above 'lo', by at most {WIDEST:,}")
        if labels:
            raise fields.need("labels").fail("a scale has no labels")
    elif answer == NUMBER:
        raise fields.need("kind").fail("a rubric that is answered by a number has scales only")
    elif kind == LABEL and not labels:
        raise fields.whole.fail("'labels' is missing")
    elif kind == YES_NO:
        if labels:
            raise fields.need("labels").fail("of yes and no the labels are given")
        labels = (NO, YES)
    combine = fields.among("combine", (MAX, MEAN, MIN, LAST), MAX)
    if combine == MEAN and kind != SCALE:
        raise fields.need("combine").fail("labels have no mean")
    bare = Dimension(key, "", kind, "", lo, hi, labels)
    made = Dimension(
        key, fields.text("name", key.replace("_", " ")), kind, fields.text("definition"), lo, hi, labels,
        fields.text("polarity", ""), fields.among("worse", ("high", "low"), "high"), combine,
        _quotes(fields, bare, answer),
    )  # fmt: skip
    fields.done()
    return made


def _quotes(fields: Fields, dimension: Dimension, answer: str) -> Wanted | bool:
    value = fields.get("quotes")
    if value is None:
        return False
    if value.data is not False and answer == NUMBER:
        raise value.fail("a judge that answers by a number cannot cite")
    return value.data if isinstance(value.data, bool) else _wanted(value, dimension)


def _wanted(value: Value, dimension: Dimension) -> Wanted:
    if dimension.kind == SCALE:
        fields = value.fields()
        found = [(name, bound) for name in BOUNDS if (bound := fields.get(name)) is not None]
        fields.done()
        if not found:
            raise value.fail(f"say one of {', '.join(BOUNDS)}, with a number")
        return Wanted(bounds=tuple((name, bound.number()) for name, bound in found))
    listed = value.items() if isinstance(value.data, list) else [value]
    if not listed:
        raise value.fail("an empty list")
    return Wanted(among=tuple(_word(one, dimension) for one in listed))


def _word(value: Value, dimension: Dimension) -> str:
    """A label's key; of yes and no YAML's own words will do."""
    if dimension.kind == YES_NO and isinstance(value.data, bool):
        return "yes" if value.data else "no"
    word = value.text()
    if word not in dimension.words:
        raise value.fail(f"'{dimension.key}' has no label '{word[:40]}'{nearest(word, dimension.words)}")
    return word


def _rule(fields: Fields, dimensions: Mapping[str, Dimension], labels: tuple[Label, ...]) -> Rule:
    known = tuple(label.key for label in labels)
    label = fields.text("label")
    if label not in known:
        raise fields.need("label").fail(
            f"the rubric's 'labels' have no '{label[:40]}'{nearest(label, known)}"
        )
    conditions = []
    if (written := fields.get("when")) is not None:
        when = written.fields()
        for name in when.left:
            if name not in dimensions:
                raise when.left[name].fail(f"no dimension has this key{nearest(name, tuple(dimensions))}")
            conditions.append((name, _wanted(when.need(name), dimensions[name])))
        if not conditions:
            raise written.fail("no condition; leave the field out to mean always")
    made = Rule(label, tuple(conditions), fields.text("because", ""))
    fields.done()
    return made


def _check_rules(head: Fields, labels: tuple[Label, ...], rules: tuple[Rule, ...]) -> None:
    """Exactly one label for all that a judge can say, and none without a way to it."""
    if bool(labels) != bool(rules):
        raise RubricProblem(0, "'labels' and 'rule' go together: the rule gives one of the labels")
    for at, rule in enumerate(rules):
        if bool(rule.when) == (at == len(rules) - 1):
            raise head.items("rule")[at].fail(
                "the last one has no condition, so that every answer has a label; the others have one"
            )
    given = {rule.label for rule in rules}
    for label, place in zip(labels, head.items("labels"), strict=True):
        if label.key not in given:
            raise place.fail(f"no rule gives '{label.key}'")


def _example(fields: Fields, dimensions: Mapping[str, Dimension]) -> Example:
    answer = fields.need("answer").fields()
    values: dict[str, float | str] = {}
    for key, dimension in dimensions.items():
        given = answer.need(key)
        if dimension.kind != SCALE:
            values[key] = _word(given, dimension)
            continue
        values[key] = given.whole()
        lo, hi = dimension.ends
        if not lo <= given.whole() <= hi:
            raise given.fail(f"between {lo} and {hi}")
    answer.done()
    made = Example(fields.text("text"), values, fields.text("why", ""))
    fields.done()
    return made
