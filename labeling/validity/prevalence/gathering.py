"""Everything a report is made from, read in columns of the frame's size."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from auditor.corpus.models import Transcript
from auditor.evidence.models import Channel
from auditor.evidence.queries import Sight
from auditor.sampling.designs.arrays import Floats, Mask, Whole
from auditor.sampling.models import Sample
from auditor.sampling.queries import frame_of, item_ids, plan_of, stored_frame
from labeling.codebooks.queries import definition_of
from labeling.validity.prevalence import queries
from labeling.validity.prevalence.figures import Cut, Given
from labeling.validity.prevalence.inclusion import Inclusion, of_plan, of_union
from labeling.validity.prevalence.queries import Asked

CHUNK = 20_000  # rows on their way from the database
MODEL, CONDITION = "model", "condition:"
MOST_CONDITIONS = 8
MOST_VALUES = 1000  # different ones of a condition; more is a name and no condition
NOT_KEPT = "The sample does not hold the odds of its frame, so rates cannot be carried back."


class Tick(Protocol):
    """Told what is being done; without words it is only a sign of life."""

    def __call__(self, words: str = "") -> None: ...


@dataclass(frozen=True)
class Gathered:
    """What figures are made from, and what they wait for."""

    given: Given
    in_case: int  # drawn, and before an adjudicator


def gather(asked: Asked, sight: Sight, tick: Tick = lambda words="": None) -> Gathered:
    """All of it, as far as `sight` reaches; `tick` is told what is read, and called without words on the way."""
    tick("Reading the frame")
    frame, drawn, design, why_not = _design(asked)
    label, undetermined = _labels(asked, frame[drawn])
    reason = queries.why_not_random(asked, len(drawn), int((~np.isnan(label)).sum()))
    tick("Reading what the judge says")
    judged = None if asked.channel is None else judged_over(frame, asked, asked.channel, sight, tick)
    tick("Reading models and conditions")
    given = Given(
        len(frame), design, label, undetermined, judged, cuts_of(frame, tick), why_not, _sentence(reason)
    )
    return Gathered(given, queries.n_in_case(asked))


def judged_over(
    frame: Whole, asked: Asked, channel: Channel, sight: Sight, tick: Tick = lambda words="": None
) -> Floats:
    """1 where the channel says yes, 0 where it says no, NaN where it says nothing that can be read; shape (N,)."""
    yes, cut = frozenset(asked.yes), asked.cut

    def said(value: float | None, label: str) -> float:
        if yes:
            return float(label in yes) if label else np.nan
        if value is None or cut is None:
            return np.nan
        return float(value <= cut if asked.below else value >= cut)

    rows = sight.rollups_of(channel).order_by().values_list("transcript_id", "value", "label")

    def told() -> Iterator[tuple[int, float]]:
        for number, (pk, value, label) in enumerate(rows.iterator(chunk_size=CHUNK)):
            if number % CHUNK == 0:
                tick()
            yield pk, said(value, label)

    pairs = np.fromiter(
        told(),
        dtype=[("id", "<i8"), ("said", "<f8")],
    )
    made = np.full(len(frame), np.nan)
    at, there = _places(frame, pairs["id"])
    made[at] = pairs["said"][there]
    return made


def cuts_of(frame: Whole, tick: Tick = lambda words="": None) -> list[Cut]:
    """The frame by model and by each condition of it that has several values."""
    columns: dict[str, Whole] = {MODEL: np.full(len(frame), -1, dtype=np.int64)}
    values: dict[str, dict[str, int]] = {MODEL: {}}
    for begin in range(0, len(frame), CHUNK):
        tick()
        ids = frame[begin : begin + CHUNK].tolist()
        rows = Transcript.objects.filter(pk__in=ids).order_by("pk")
        for pk, model, conditions in rows.values_list("pk", "model_name", "conditions"):
            at = int(np.searchsorted(frame, pk))
            pairs = [
                (MODEL, model),
                *((f"{CONDITION}{name}", str(text)) for name, text in conditions.items()),
            ]
            for key, value in pairs:
                if not value:
                    continue
                known = values.setdefault(key, {})
                if key not in columns:
                    columns[key] = np.full(len(frame), -1, dtype=np.int64)
                if len(known) <= MOST_VALUES:
                    columns[key][at] = known.setdefault(value, len(known))
    made = [
        Cut(key, _title(key), columns[key], tuple(known)) for key, known in values.items() if 1 < len(known) <= MOST_VALUES
    ]  # fmt: skip
    made.sort(key=lambda cut: (cut.key != MODEL, -int((cut.codes >= 0).sum()), cut.key))
    return made[: MOST_CONDITIONS + 1]


def _design(asked: Asked) -> tuple[Whole, Whole, Inclusion | None, str]:
    """The frame's ids, the drawn's places in it, the design, and why there is none."""
    sample = asked.round.sample
    if asked.together:
        return _union(sample)
    frame = frame_of(sample)
    drawn = _places(frame, item_ids([sample]))[0]
    plan = plan_of(sample)
    if not sample.carries_back or plan is None:
        return frame, drawn, None, sample.why_not or NOT_KEPT
    return frame, drawn, of_plan(plan, drawn), ""


def _union(sample: Sample) -> tuple[Whole, Whole, Inclusion | None, str]:
    """The same for a draw with all that it excluded; the earliest draw's frame is that of all of them."""
    stored = stored_frame(sample)
    earlier = list(sample.excludes.order_by("pk"))
    frame = frame_of(sample)
    if stored is None or stored.base_ids is None or stored.base_member is None or stored.overall is None:
        return frame, _places(frame, item_ids([sample]))[0], None, sample.overall_note or NOT_KEPT
    frame = stored.base_ids
    drawn = _places(frame, item_ids([*earlier, sample]))[0]
    members, equal = [], True
    for one in (*earlier, sample):
        kept, plan = stored_frame(one), plan_of(one)
        if kept is None or plan is None:
            return frame, drawn, None, NOT_KEPT
        members.append(plan.member if kept.base_member is None else kept.base_member)
        equal = equal and plan.sizes is None
    if (stored.overall <= 0).any():
        return frame, drawn, None, sample.why_not or NOT_KEPT
    return frame, drawn, of_union(members, stored.overall, drawn, equal=equal), ""


def _labels(asked: Asked, drawn_ids: Whole) -> tuple[Floats, Mask]:
    """By drawn transcript whether its ruling is what is counted, NaN without one; and whether it was left open."""
    held, codes = queries.held_labels(asked), asked.codes
    codebook = definition_of(asked.round.codebook_version)
    left_open = {one.code for one in codebook.labels if one.open} - codes
    said = [held.get(pk) for pk in drawn_ids.tolist()]
    label = np.array([np.nan if one is None else float(one in codes) for one in said], dtype=np.float64)
    return label, np.array([one in left_open for one in said], dtype=bool)


def _places(frame: Whole, ids: Whole) -> tuple[Whole, Mask]:
    """Where these ids stand in the frame, and which of them do."""
    if not len(frame):
        return np.empty(0, dtype=np.int64), np.zeros(len(ids), dtype=bool)
    at = np.minimum(np.searchsorted(frame, ids), len(frame) - 1)
    there = frame[at] == ids
    return at[there], there


def _title(key: str) -> str:
    return "Model" if key == MODEL else key.removeprefix(CONDITION)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
