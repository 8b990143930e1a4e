"""How far a judge run is, in numbers for its page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.judging.panels import Rate
from auditor.judging.queries import States
from auditor.judging.rubric import Dimension, Rubric
from auditor.judging.states import (
    FAILED,
    IN_WORDS,
    MISSING,
    OK,
    REFUSED,
    TIMED_OUT,
    TRUNCATED,
    UNPARSEABLE,
    WAITING,
)

APART = (OK, REFUSED, UNPARSEABLE, TRUNCATED, TIMED_OUT, FAILED, WAITING)  # each with a count of its own
BINS = 20  # of a score's histogram
STEPS = 31  # heights that a bar can have


@dataclass(frozen=True)
class Counted:
    """How many verdicts are in one state."""

    state: str
    words: str
    n: int


@dataclass(frozen=True)
class Left:
    """What is still to do."""

    verdicts: int
    seconds: float | None  # None: nothing says how fast it goes


@dataclass(frozen=True)
class Tallied:
    """How often something was said, and what it could be if every verdict had a value."""

    word: str
    name: str
    rate: Rate


@dataclass(frozen=True)
class Bar:
    """One bin of a histogram."""

    lo: float
    hi: float
    n: int
    height: int  # 0 to STEPS


@dataclass(frozen=True)
class Distribution:
    """What was said on one question."""

    key: str  # of the dimension; empty: the label of the whole
    name: str
    tallied: tuple[Tallied, ...] = ()
    bars: tuple[Bar, ...] = ()
    mean: float | None = None
    known: int = 0
    missing: int = 0


def counted(states: States) -> list[Counted]:
    """Every state apart; what waits in a run that is over is missing."""
    made = []
    for state in APART:
        shown = MISSING if state == WAITING and states.over else state
        made.append(Counted(state, IN_WORDS[shown], states.counts[state]))
    return made


def left(states: States, *, rate: float, asks: int) -> Left:
    """How long the rest takes at this rate, if no transcript takes more than one part.

    Args:
        rate: answers a second.
        asks: calls that a verdict on one part takes.
    """
    waiting = states.counts[WAITING]
    return Left(waiting, waiting * asks / rate if rate > 0 and waiting else None)


def distributions(
    rubric: Rubric, verdicts: Iterable[tuple[int, int, str, str, Mapping[str, Any]]]
) -> list[Distribution]:
    """What was said on each question over verdicts as (transcript, vote, state, label, values)."""
    labels: Counter[str] = Counter()
    values: dict[str, Counter[Any]] = {key: Counter() for key in rubric.by_key}
    total = ok = 0
    for _, _, state, label, said in verdicts:
        total += 1
        if state != OK:
            continue
        ok += 1
        labels[label] += 1
        for key, counts in values.items():
            counts[said.get(key)] += 1
    made = []
    if rubric.labels:
        named = [(one.key, one.name) for one in rubric.labels]
        made.append(_of_words("", "Label", named, labels, total))
    for key, dimension in rubric.by_key.items():
        made.append(_of_dimension(dimension, values[key], total))
    return made


def _of_dimension(dimension: Dimension, counts: Counter[Any], total: int) -> Distribution:
    if dimension.words:
        named = [(one.key, one.name) for one in dimension.labels]
        return _of_words(dimension.key, dimension.name, named, counts, total)
    numbers = {float(value): n for value, n in counts.items() if isinstance(value, int | float)}
    known = sum(numbers.values())
    mean = sum(value * n for value, n in numbers.items()) / known if known else None
    lo, hi = dimension.ends
    return Distribution(
        dimension.key,
        dimension.name,
        bars=_bars(numbers, lo, hi),
        mean=mean,
        known=known,
        missing=total - known,
    )


def _of_words(
    key: str, name: str, named: Sequence[tuple[str, str]], counts: Counter[Any], total: int
) -> Distribution:
    known = sum(n for word, n in counts.items() if word)
    tallied = tuple(Tallied(word, words, Rate(counts[word], known, total - known)) for word, words in named)
    return Distribution(key, name, tallied, known=known, missing=total - known)


def _bars(numbers: Mapping[float, int], lo: float, hi: float) -> tuple[Bar, ...]:
    """Whole numbers each by itself where they are few, else in `BINS` equal bins; the last holds its upper end."""
    steps = int(hi - lo) + 1
    n_bins, width = (steps, 1.0) if steps <= BINS else (BINS, (hi - lo) / BINS)
    counts = [0] * n_bins
    for value, n in numbers.items():
        place = round(value - lo) if steps <= BINS else int((value - lo) / width)
        counts[min(max(place, 0), n_bins - 1)] += n
    most = max(counts, default=0)
    return tuple(
        Bar(
            lo + at * width, lo + at * width if steps <= BINS else lo + (at + 1) * width, n,
            max(1, round(STEPS * n / most)) if n else 0,
        )
        for at, n in enumerate(counts)
    )  # fmt: skip
