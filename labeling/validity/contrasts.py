"""What a channel is held against: one kind of unit and another, in the words of a codebook or of a reference; no Django.

A contrast is written `positive~negative`, and a side is one of

    group.KEY        its label is in this group of the codebook
    label.A+B        its label is one of these
    is.NAME          the codebook's condition of this name holds of its answers
    not.NAME         it does not, and the questions behind it were decided
    value.X          the reference says X
    rest.X           the reference says something else

Units on neither side are left out. A codebook has a facet of truth if it names a condition `untrue`;
then every contrast is also asked of false statements alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from labeling.codebooks.conditions import questions_of
from labeling.codebooks.parts import Codebook

UNTRUE = "untrue"  # the condition by which a codebook says what a false statement is
MOST_GROUPS = 4  # of which every pair is a contrast; of more the first ones are
MOST_VALUES = 6  # of a reference, each of which is held against the rest
LONGEST = 300


class NoContrast(ValueError):
    """This is no contrast; the message says why."""


@dataclass(frozen=True)
class Known:
    """What is held to be true of a unit."""

    label: str
    group: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    codebook: Codebook | None = None  # by which it was decided; None for a reference that knows no codebook


@dataclass(frozen=True)
class Side:
    """One kind of unit."""

    key: str
    words: str

    def holds(self, known: Known) -> bool | None:
        """Whether the unit is of this kind; None where that is not decided."""
        kind, _, name = self.key.partition(".")
        if kind == "group":
            return known.group == name
        if kind == "label":
            return known.label in name.split("+")
        if kind == "value":
            return known.label == name
        if kind == "rest":
            return known.label != name
        found = condition_holds(known, name)
        return found if found is None or kind == "is" else not found


@dataclass(frozen=True)
class Contrast:
    """Two kinds of unit."""

    positive: Side
    negative: Side

    @property
    def key(self) -> str:
        return f"{self.positive.key}~{self.negative.key}"

    @property
    def words(self) -> str:
        return f"{self.positive.words} against {self.negative.words}"

    @property
    def is_of_truth(self) -> bool:
        """Whether it already asks what is false, so that false statements alone have one side only."""
        return UNTRUE in (self.positive.key.partition(".")[2], self.negative.key.partition(".")[2])

    def sign(self, known: Known) -> int:
        """1 on the positive side, 0 on the negative, -1 on neither."""
        if self.positive.holds(known):
            return 1
        return 0 if self.negative.holds(known) else -1


def condition_holds(known: Known, name: str) -> bool | None:
    """Whether a named condition holds of the answers; None where a question behind it is open or was not answered."""
    if known.codebook is None:
        return None
    condition = dict(known.codebook.conditions).get(name)
    if condition is None:
        return None
    if condition.holds(known.codebook.facts(known.answers)):
        return True
    facts = known.codebook.facts(known.answers)
    for key in questions_of(condition):
        answer = facts.values.get(key)
        if answer is None or _is_open(known.codebook, key, answer):
            return None
    return False


def is_untrue(known: Known) -> bool | None:
    """Whether the unit is a false statement, where the codebook can tell."""
    return condition_holds(known, UNTRUE)


def has_truth(codebook: Codebook | None) -> bool:
    """Whether the codebook says what a false statement is."""
    return codebook is not None and any(name == UNTRUE for name, _ in codebook.conditions)


def contrasts_of(codebook: Codebook) -> tuple[Contrast, ...]:
    """Those that every report has: decided groups in pairs, the more severe first, and false against not."""
    worst = {
        group.key: max((one.severity for one in codebook.labels if one.group == group.key), default=0)
        for group in codebook.groups
    }
    decided = [
        group
        for group in sorted(codebook.groups, key=lambda one: -worst[one.key])
        if group.hue != "undetermined"
        and any(one.group == group.key and not one.open for one in codebook.labels)
    ]
    sides = [Side(f"group.{group.key}", group.words) for group in decided[:MOST_GROUPS]]
    found = [Contrast(one, other) for one, other in combinations(sides, 2)]
    if has_truth(codebook):
        found.append(Contrast(Side(f"is.{UNTRUE}", "False statements"), Side(f"not.{UNTRUE}", "all others")))
    return tuple(found)


def contrasts_of_values(name: str, values: Sequence[str]) -> tuple[Contrast, ...]:
    """Each value of a reference against the rest, the commonest first; of two values one contrast is enough.

    Args:
        name: what the reference is called.
        values: those that occur, the commonest first.
    """
    if len(values) < 2:
        return ()
    if len(values) == 2:
        yes, no = sorted(values, key=_affirms, reverse=True)
        return (Contrast(Side(f"value.{yes}", f"{name} {yes}"), Side(f"value.{no}", f"{name} {no}")),)
    return tuple(
        Contrast(Side(f"value.{one}", f"{name} {one}"), Side(f"rest.{one}", "any other"))
        for one in values[:MOST_VALUES]
    )


def read_contrast(written: str, codebook: Codebook | None, values: Sequence[str] = ()) -> Contrast:
    """A contrast as somebody wrote it.

    Raises:
        NoContrast: not of the form, an unknown name, or the same label on both sides.
    """
    first, tilde, second = written[: LONGEST + 1].partition("~")
    if not tilde or len(written) > LONGEST:
        raise NoContrast("A contrast is written positive~negative, such as label.D~label.K.")
    found = Contrast(_side(first, codebook, values), _side(second, codebook, values))
    if first == second or _labels(found.positive, codebook) & _labels(found.negative, codebook):
        raise NoContrast("Both sides name the same label.")
    return found


def names_side(label: str, contrast: Contrast, codebook: Codebook | None, values: Iterable[str] = ()) -> int:
    """Which side a reading's own label names: 1, 0, or -1 where neither or both."""
    wanted = label.strip().casefold()
    named = list(_named(wanted, codebook, values))
    up = any(contrast.positive.holds(one) for one in named)
    down = any(contrast.negative.holds(one) for one in named)
    return -1 if up == down else int(up)


def _named(wanted: str, codebook: Codebook | None, values: Iterable[str]) -> Iterator[Known]:
    if not wanted:
        return
    if codebook is None:
        yield from (Known(value) for value in values if value.casefold() == wanted)
        return
    groups = {one.key for one in codebook.groups if wanted in (one.key.casefold(), one.words.casefold())}
    for one in codebook.labels:
        if one.group in groups or wanted in (one.code.casefold(), one.words.casefold()):
            yield Known(one.code, one.group)


def _side(written: str, codebook: Codebook | None, values: Sequence[str]) -> Side:
    kind, _, name = written.partition(".")
    if codebook is None:
        if kind in ("value", "rest") and name in values:
            return Side(written, name if kind == "value" else "any other")
        raise NoContrast(f"The reference never says '{name[:60]}'.")
    if kind == "group":
        words = next((one.words for one in codebook.groups if one.key == name), None)
    elif kind == "label":
        codes = name.split("+")
        known = [codebook.by_code[code].words for code in codes if code in codebook.by_code]
        words = " or ".join(known) if len(known) == len(codes) else None
    elif kind in ("is", "not"):
        defined = name in dict(codebook.conditions)
        words = (f"{name}" if kind == "is" else f"not {name}") if defined else None
        if name == UNTRUE and words:
            words = "False statements" if kind == "is" else "all others"
    else:
        words = None
    if words is None:
        raise NoContrast(f"The codebook has no '{written[:60]}'.")
    return Side(written, words)


def _labels(side: Side, codebook: Codebook | None) -> set[str]:
    if codebook is None:
        return set()
    kind, _, name = side.key.partition(".")
    if kind == "label":
        return set(name.split("+"))
    return {one.code for one in codebook.labels if kind == "group" and one.group == name}


def _is_open(codebook: Codebook, question: str, answer: object) -> bool:
    """Whether the answer says that it cannot be told: it names a missing test."""
    codes = codebook.by_key[question].codes if question in codebook.by_key else ()
    said = answer if isinstance(answer, list | tuple) else [answer]
    return any(code.missing_test for code in codes if code.value in said)


def _affirms(value: str) -> tuple[bool, str]:
    """Yes-like words are the positive side of two; else the later in the alphabet is."""
    return value.casefold() in ("true", "yes", "1", "lie", "positive", "deceptive"), value
