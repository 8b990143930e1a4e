"""Conditions over answers and evidence: small, declarative, and checked before they are used.

{truth: ["false", misleading]}      the answer is one of these (several questions: all of them)
{all: [...]}  {any: [...]}  {not: {...}}
{is: known}                         a condition the codebook has named
{answered: licence}                 someone answered, whatever they said
{evidence: belief_check}            one of these kinds of evidence is attached (grades only)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

from labeling.codebooks.node import SHOWN, CodebookError, Node, as_text, kind_of, nearest

Answer: TypeAlias = str | int | Sequence[str]
Answers: TypeAlias = Mapping[str, Answer]

RESERVED = ("all", "any", "not", "is", "answered", "evidence")
DEEPEST = 30  # levels of a condition, and names resting on names
HEAVIEST = 20_000  # parts of all conditions, with every name written out


@dataclass(frozen=True, slots=True)
class Facts:
    """What a condition may look at: what was answered, what then counts, and what is attached."""

    given: Answers  # as answered
    values: Answers  # the same, with the codebook's defaults where nobody answered
    evidence: frozenset[str] = frozenset()


class Condition(Protocol):
    """Something that holds or does not; `plain` gives back the form it was read from."""

    def holds(self, facts: Facts) -> bool: ...

    def plain(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """A question's answer is one of these values; of a multiple choice, any one of them."""

    question: str
    values: tuple[str, ...]

    def holds(self, facts: Facts) -> bool:
        answer = facts.values.get(self.question)
        if isinstance(answer, str):
            return answer in self.values
        if answer is None:
            return False
        if isinstance(answer, int):
            return str(answer) in self.values
        return any(value in self.values for value in answer)

    def plain(self) -> dict[str, Any]:
        return {self.question: list(self.values)}


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; no parts: always."""

    parts: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool:
        # Labels are derived by the thousand, and a loop takes half the time of all().
        for part in self.parts:  # noqa: SIM110
            if not part.holds(facts):
                return False
        return True

    def plain(self) -> dict[str, Any]:
        return {"all": [part.plain() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool:
        for part in self.parts:  # noqa: SIM110
            if part.holds(facts):
                return True
        return False

    def plain(self) -> dict[str, Any]:
        return {"any": [part.plain() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition

    def holds(self, facts: Facts) -> bool:
        return not self.part.holds(facts)

    def plain(self) -> dict[str, Any]:
        return {"not": self.part.plain()}


@dataclass(frozen=True, slots=True)
class Named:
    """A condition the codebook has given a name."""

    name: str
    condition: Condition

    def holds(self, facts: Facts) -> bool:
        return self.condition.holds(facts)

    def plain(self) -> dict[str, Any]:
        return {"is": self.name}


@dataclass(frozen=True, slots=True)
class Answered:
    """Someone answered the question; a default does not count."""

    question: str

    def holds(self, facts: Facts) -> bool:
        return self.question in facts.given

    def plain(self) -> dict[str, Any]:
        return {"answered": self.question}


@dataclass(frozen=True, slots=True)
class Attached:
    """Evidence of at least one of these kinds is attached."""

    kinds: tuple[str, ...]

    def holds(self, facts: Facts) -> bool:
        return not facts.evidence.isdisjoint(self.kinds)

    def plain(self) -> dict[str, Any]:
        return {"evidence": list(self.kinds)}


ALWAYS = All(())


@dataclass(frozen=True)
class Vocabulary:
    """The words a condition may use: the values of each question, named conditions, evidence or not.

    Mappings are read without regard to their order, which a database need not keep.
    """

    values: Mapping[str, tuple[str, ...] | None]  # None: any text
    written: Mapping[str, object]  # the named conditions as they stand in the file
    named: dict[str, Condition] = field(default_factory=dict)  # those already read
    evidence: bool = False
    reading: list[str] = field(default_factory=list)  # names being read, to see a circle
    weights: dict[str, int] = field(default_factory=dict)  # parts of each named condition, written out
    spent: list[int] = field(default_factory=list)  # parts of the conditions read so far

    def at(self, node: Node, name: str, *, required: bool = False) -> Condition:
        """The condition in this field; a missing one always holds, unless it is required."""
        written = node.raw(name)
        if written is None:
            if required:
                raise node.fail(name, "missing")
            return ALWAYS
        condition = self.read(written, node.at(name))
        self._spend(self._weight(condition), node.at(name))
        return condition

    def read(self, data: object, place: str, *, negated: bool = False) -> Condition:
        """The condition written at this place.

        Evidence under `not` is refused: attaching evidence must never lower what may be said.
        """
        if not isinstance(data, Mapping):
            raise CodebookError(f"{place}: expected a condition, found {kind_of(data)}")
        if place.count(".") > DEEPEST:
            raise CodebookError(f"{place}: nested deeper than {DEEPEST} levels")
        if not data:
            raise CodebookError(f"{place}: an empty condition; leave the field out to mean always")
        names = sorted(data, key=str)
        parts = tuple(self._one(name, data[name], f"{place}.{name}", negated) for name in names)
        return parts[0] if len(parts) == 1 else All(parts)

    def _one(self, name: object, value: object, place: str, negated: bool) -> Condition:
        if name in ("all", "any"):
            if not isinstance(value, list) or not value:
                raise CodebookError(f"{place}: expected a list of conditions, found {kind_of(value)}")
            parts = tuple(
                self.read(part, f"{place}[{index}]", negated=negated) for index, part in enumerate(value)
            )
            return All(parts) if name == "all" else AnyOf(parts)
        if name == "not":
            return Not(self.read(value, place, negated=True))
        if name == "is":
            return self.name(as_text(value, place), place)
        if name == "answered":
            return Answered(self._question(as_text(value, place), place))
        if name == "evidence":
            if not self.evidence or negated:
                where = "under 'not'" if self.evidence else "outside the grades"
                raise CodebookError(f"{place}: evidence cannot be named {where}")
            return Attached(_words(value, place))
        question = self._question(as_text(name, place), place)
        values, known_values = _words(value, place), self.values[question]
        for word in values:
            if known_values is not None and word not in known_values:
                hint = nearest(word, list(known_values))
                raise CodebookError(f"{place}: '{question}' has no value '{word[:SHOWN]}'{hint}")
        return Chosen(question, values)

    def name(self, name: str, place: str) -> Named:
        """The condition of this name, read when it is first used."""
        if name in self.reading:
            raise CodebookError(f"{place}: '{name}' rests on itself")
        if name not in self.written:
            raise CodebookError(f"{place}: no condition '{name[:SHOWN]}'{nearest(name, list(self.written))}")
        if name not in self.named:
            if len(self.reading) == DEEPEST:
                raise CodebookError(f"{place}: more than {DEEPEST} names rest on each other")
            self.reading.append(name)
            plain = replace(self, evidence=False)  # names serve rules and questions too
            self.named[name] = plain.read(self.written[name], f"conditions.{name}")
            self.weights[name] = self._weight(self.named[name])
            self._spend(self.weights[name], f"conditions.{name}")
            self.reading.pop()
        return Named(name, self.named[name])

    def _weight(self, condition: Condition) -> int:
        """How many parts are looked at, at most, to say whether it holds."""
        match condition:
            case All(parts=parts) | AnyOf(parts=parts):
                return 1 + sum(self._weight(part) for part in parts)
            case Not(part=inner):
                return 1 + self._weight(inner)
            case Named(name=name):
                return 1 + self.weights[name]
        return 1

    def _spend(self, weight: int, place: str) -> None:
        """Names that double each other grow without bound; what every answer costs may not."""
        self.spent.append(weight)
        if sum(self.spent) > HEAVIEST:
            raise CodebookError(f"{place}: the conditions have more than {HEAVIEST:,} parts written out")

    def _question(self, key: str, place: str) -> str:
        if key not in self.values:
            raise CodebookError(f"{place}: no question '{key[:SHOWN]}'{nearest(key, list(self.values))}")
        return key


def questions_of(condition: Condition) -> Iterator[str]:
    """Every question the condition looks at, through named conditions too."""
    match condition:
        case Chosen(question=key) | Answered(question=key):
            yield key
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from questions_of(part)
        case Not(part=inner) | Named(condition=inner):
            yield from questions_of(inner)


def _words(value: object, place: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        return (as_text(value, place),)
    if not value:
        raise CodebookError(f"{place}: an empty list")
    return tuple(as_text(item, f"{place}[{index}]") for index, item in enumerate(value))
