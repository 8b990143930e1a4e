"""Which released labels become a judge's examples, and what is then known about the split.

The choice is seeded and depends on the records alone, so it can be made again. An example is never judged by the
version that has it: `auditor.judging.laying` leaves it out of every run by its fingerprint, with its doubles, and
only transcripts of other prompts are taken beside it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.judging.rubric import SCALE, Rubric


class CannotTeach(ValueError):
    """No examples can be made like this; the message says why."""


@dataclass(frozen=True)
class Candidate:
    """One released item."""

    transcript_id: int
    record: str  # digest of its record, which the draw depends on
    fingerprint: str
    prompt: str  # digest of its prompt; empty: none
    label: str


def chosen(
    candidates: Iterable[Candidate], *, labels: Iterable[str], each: int, seed: int
) -> list[Candidate]:
    """Up to `each` items of every label, in an order that the seed decides; no two of one prompt."""
    wanted = set(labels)
    ranked = sorted(
        (one for one in candidates if one.label in wanted),
        key=lambda one: hashlib.sha256(f"{seed}:{one.record}".encode()).digest(),
    )
    taken: dict[str, list[Candidate]] = defaultdict(list)
    seen: set[str] = set()
    for one in ranked:
        about = {one.fingerprint, one.prompt} - {""}
        if len(taken[one.label]) < each and not about & seen:
            taken[one.label].append(one)
            seen |= about
    order = [one for found in taken.values() for one in found]
    return sorted(order, key=lambda one: ranked.index(one))


def checked_answers(
    rubric: Rubric, given: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, float | str]]:
    """For each label the answer that the rubric would take, checked.

    Raises:
        CannotTeach: a dimension is missing, or a value is not on its scale or among its labels.
    """
    made: dict[str, dict[str, float | str]] = {}
    for label, values in given.items():
        made[label] = {}
        for dimension in rubric.dimensions:
            value = values.get(dimension.key)
            if dimension.kind == SCALE:
                lo, hi = dimension.ends
                try:
                    number = int(str(value))
                except ValueError:
                    number = lo - 1
                if not lo <= number <= hi:
                    raise CannotTeach(f"{label}: {dimension.name} is a whole number from {lo} to {hi}.")
                made[label][dimension.key] = number
            elif value in dimension.words:
                made[label][dimension.key] = str(value)
            else:
                raise CannotTeach(f"{label}: {dimension.name} is one of {', '.join(dimension.words)}.")
    if not made:
        raise CannotTeach("Say of at least one label what the judge should answer.")
    return made


def split_of(taken: Sequence[Candidate], everything: Sequence[Candidate]) -> dict[str, Any]:
    """Which transcripts teach and how many of the release are left to be judged, as the version keeps it."""
    fingerprints = {one.fingerprint for one in taken}
    left = [one for one in everything if one.fingerprint not in fingerprints]
    return {"examples": sorted(one.transcript_id for one in taken), "held_out": len(left)}
