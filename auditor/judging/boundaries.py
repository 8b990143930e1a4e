"""Where a judge's yes begins: a label, or a score on one side of a number.

A boundary is applied to what is stored and never calls a model. As far as the channel's own value says
it, the same boundary is an expression of the filter language, so that a list or a sample can have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.evidence.nodes import And, Compare, Name, Node, Not, OneOf, Or, Value
from auditor.judging.expected import Expected
from auditor.judging.panels import ARGMAX, EXPECTED
from auditor.judging.rubric import BOUNDS, Wanted

IS = "is"
SIGNS = {"below": "<", "at_most": "<=", "at_least": ">=", "above": ">"}
SHOWN = {"below": "<", "at_most": "≤", "at_least": "≥", "above": ">"}
OPERATORS = (IS, *BOUNDS)


@dataclass(frozen=True)
class Score:
    """What one judge said of one transcript."""

    value: float | None
    label: str = ""
    expected: Expected | None = None  # the distribution behind the value, where it is kept

    @property
    def read(self) -> Expected | float | None:
        """What `panels` reads a score from."""
        return self.expected if self.expected is not None else self.value


@dataclass(frozen=True)
class Boundary:
    """What counts as yes on one channel."""

    key: str  # the channel's
    op: str  # one of OPERATORS
    label: str = ""  # where op is IS
    at: float = 0.0  # where it is another
    reads: str = EXPECTED  # of a distribution: its expected value, or its likeliest number

    @property
    def of_score(self) -> bool:
        """Whether it is about a number."""
        return self.op != IS

    @property
    def wanted(self) -> Wanted:
        """The same for `panels`."""
        return Wanted(bounds=((self.op, self.at),)) if self.of_score else Wanted(among=(self.label,))

    def says(self, score: Score | None) -> bool | None:
        """Yes, no, or nothing where the judge has no such thing."""
        if score is None:
            return None
        if not self.of_score:
            return score.label == self.label if score.label else None
        value = score.value
        if self.reads == ARGMAX and score.expected is not None:
            likeliest = score.expected.argmax
            value = None if score.expected.score is None or likeliest is None else float(likeliest)
        return None if value is None else self.wanted.holds(value)

    def in_words(self) -> str:
        """For people: `score < 30`, `label is lie`."""
        if not self.of_score:
            return f"label is {self.label}"
        reads = "likeliest score" if self.reads == ARGMAX else "score"
        return f"{reads} {SHOWN[self.op]} {plain(self.at)}"

    @property
    def node(self) -> Node:
        """It says yes, in the filter language."""
        if self.of_score:
            return Compare(self._name, SIGNS[self.op], Value("number", _number(self.at)))
        return Compare(self._name, "=", Value("text", self.label))

    def known(self, labels: Sequence[str]) -> Node:
        """It says yes or no, in the filter language; `labels` are all that the channel has said."""
        if self.of_score:
            here = Value("number", _number(self.at))
            return Or((Compare(self._name, "<", here), Compare(self._name, ">=", here)))
        return one_of(self.key, labels)

    @property
    def _name(self) -> Name:
        return Name("channel", (self.key,))


def one_of(key: str, labels: Sequence[str]) -> Node:
    """The channel's label is one of these."""
    name, values = Name("channel", (key,)), tuple(Value("text", label) for label in labels)
    return Compare(name, "=", values[0]) if len(values) == 1 else OneOf(name, values)


def disagreement(boundaries: Sequence[Boundary], labels: Sequence[Sequence[str]]) -> Node | None:
    """All say something and not all the same; None where the filter language cannot say so.

    A filter knows a channel's value and not the distribution behind it.

    Args:
        labels: for each boundary, all labels that its channel has said.
    """
    if len(boundaries) < 2 or any(one.reads == ARGMAX for one in boundaries):
        return None
    if any(not said and not one.of_score for one, said in zip(boundaries, labels, strict=True)):
        return None
    yes = tuple(one.node for one in boundaries)
    known = tuple(one.known(said) for one, said in zip(boundaries, labels, strict=True))
    return And((Or(yes), Not(And(yes)), *known))


def different_labels(keys: Sequence[str], labels: Sequence[Sequence[str]]) -> Node | None:
    """All channels have a label and not all the same one; None where one has said none."""
    if len(keys) < 2 or not all(labels):
        return None
    shared = sorted(set(labels[0]).intersection(*labels[1:]))
    same = [And(tuple(one_of(key, [label]) for key in keys)) for label in shared]
    known = tuple(one_of(key, said) for key, said in zip(keys, labels, strict=True))
    if not same:
        return And(known)
    return And((Not(same[0] if len(same) == 1 else Or(tuple(same))), *known))


def plain(number: float) -> str:
    """A number without a needless point."""
    return str(int(number)) if float(number).is_integer() else repr(number)


def _number(at: float) -> int | float:
    return int(at) if float(at).is_integer() else at
