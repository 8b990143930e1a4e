"""The answers of one vote, over its asks and the stretches of a transcript, as one verdict.

A verdict is `ok` only if every answer is: what a stretch did not say is not filled in from another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.judging.expected import Expected
from auditor.judging.parsing import Answer, Quote, words_of
from auditor.judging.rubric import LAST, MEAN, MIN, TRANSCRIPT, Dimension, Rubric, Said
from auditor.judging.states import MISSING, OK, WORST_FIRST


@dataclass(frozen=True)
class Combined:
    """What one vote came to."""

    state: str
    values: Mapping[str, Said] = field(default_factory=dict)  # every dimension; None where it is not known
    label: str = ""  # by the rubric's rule; empty unless ok, or where there is no rule
    rationale: str = ""
    quotes: tuple[Quote, ...] = ()
    expected: Mapping[str, Expected] = field(default_factory=dict)
    words: str = ""
    uncited: tuple[str, ...] = ()


def combine(
    rubric: Rubric, answers: Mapping[tuple[int, int], Answer], n_chunks: int | None = None
) -> Combined:
    """One verdict from the answer to each (ask, chunk), both counted from 0.

    Args:
        n_chunks: how many stretches were to be read; by default as many as answered.

    Returns:
        The state that speaks for all is the worst one; an answer that is not there is `missing`.
    """
    chunks = range(n_chunks if n_chunks is not None else 1 + max((chunk for _, chunk in answers), default=0))
    places = [(ask, chunk) for chunk in chunks for ask in range(len(rubric.asks))]
    given = [answers.get(place, Answer(MISSING, words="An answer is missing.")) for place in places]
    state = min((answer.state for answer in given), key=WORST_FIRST.index, default=MISSING)
    values: dict[str, Said] = {}
    expected: dict[str, Expected] = {}
    for at, ask in enumerate(rubric.asks):
        of_ask = [answer for (one, _), answer in zip(places, given, strict=True) if one == at]
        for dimension in ask.dimensions:
            values[dimension.key] = value_of(dimension, [one.values.get(dimension.key) for one in of_ask])
            if (found := _expected(dimension, of_ask)) is not None:
                expected[dimension.key] = found
    return Combined(
        state, values, label_of(rubric, values, answers) if state == OK else "",
        _rationale(given, len(chunks)), tuple(quote for one in given for quote in one.quotes), expected,
        words_of(given), tuple(dict.fromkeys(key for one in given for key in one.uncited)),
    )  # fmt: skip


def label_of(rubric: Rubric, values: Mapping[str, Said], answers: Mapping[tuple[int, int], Answer]) -> str:
    """The label of the whole: of the combined values, or the most severe of the stretches' own."""
    if rubric.rule_over == TRANSCRIPT:
        return rubric.overall(values)
    stretches: dict[int, dict[str, Said]] = {}
    for (_, chunk), answer in answers.items():
        stretches.setdefault(chunk, {}).update(answer.values)
    return rubric.most_severe(rubric.overall(one) for one in stretches.values())


def value_of(dimension: Dimension, values: Sequence[Said]) -> Said:
    """The stretches' values as one, in the way that the dimension says; None if any is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    if dimension.combine == LAST:
        return known[-1]
    if dimension.combine == MEAN:
        numbers = [value for value in known if not isinstance(value, str)]
        return sum(numbers) / len(numbers)
    rank = dimension.words.index if isinstance(known[0], str) else float
    return min(known, key=rank) if dimension.combine == MIN else max(known, key=rank)


def _expected(dimension: Dimension, answers: Sequence[Answer]) -> Expected | None:
    """The distribution behind the combined value: of the stretch that it came from, or the mean of all."""
    found = [one.expected[dimension.key] for one in answers if dimension.key in one.expected]
    if not found or len(found) < len(answers):
        return None
    if len(found) == 1 or dimension.combine == LAST:
        return found[-1]
    scored = [one for one in found if one.score is not None]
    if len(scored) < len(found):
        return next(one for one in found if one.score is None)
    if dimension.combine == MEAN:
        return _mean(scored)
    pick = min if dimension.combine == MIN else max
    return pick(scored, key=lambda one: one.score if one.score is not None else 0.0)


def _mean(found: Sequence[Expected]) -> Expected:
    """The mean score; the distributions have one weight each."""
    numbers: dict[int, float] = {}
    for one in found:
        for number, p in (one.distribution or {one.argmax or 0: 1.0}).items():
            numbers[number] = numbers.get(number, 0.0) + p / len(found)
    best = max(numbers.values())
    at_top = [number for number, p in numbers.items() if p == best]
    masses = [1.0 if one.mass is None else one.mass for one in found]
    return Expected(
        sum(one.score or 0.0 for one in found) / len(found), sum(masses) / len(found), numbers,
        at_top[0] if len(at_top) == 1 else None, all(one.from_logprobs for one in found),
    )  # fmt: skip


def _rationale(answers: Sequence[Answer], n_chunks: int) -> str:
    said = [answer.rationale.strip() for answer in answers if answer.rationale.strip()]
    if n_chunks < 2 or len(said) < 2:
        return "\n\n".join(said)
    return "\n\n".join(f"Part {at}: {text}" for at, text in enumerate(said, 1))
