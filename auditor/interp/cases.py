"""Transcripts of this corpus on which a channel is highest, near its threshold, or that were drawn by lot: the words.

Each shows the whole message in which the channel peaks, never a snippet of it: a feature's name comes from snippets,
and the rest of the message is what shows whether the name fits.
"""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from django.db.models import F, QuerySet
from django.db.models.functions import Abs

from auditor.corpus.document import LEVELS, Cut, Document, Mark, render
from auditor.corpus.models import Transcript
from auditor.corpus.queries import messages_between
from auditor.evidence.blockformat import DamagedBlock
from auditor.evidence.blocks import read_block
from auditor.evidence.heat import Scale, scale_of
from auditor.evidence.kinds import kind_of
from auditor.evidence.models import Block, Channel, Reading, Rollup
from auditor.evidence.queries import Sight

STRONGEST, NEAR, RANDOM = 5, 4, 4  # shown of each
LONGEST = 40_000  # code points of one text around its peak
MOST_TOKENS = 200_000  # of a block that is read for the heat


@dataclass(frozen=True)
class Case:
    """One transcript, at its peak."""

    transcript: Transcript
    value: float
    position: int | None  # of the message shown; None where the channel names no place
    document: Document
    anchor: str  # of the peak, as the transcript's page takes it

    @property
    def number(self) -> int | None:
        """What people call the message."""
        return None if self.position is None else self.position + 1


@dataclass(frozen=True)
class Cases:
    """What is shown of a channel's transcripts."""

    strongest: list[Case]
    near: list[Case]  # nearest to the threshold on either side; none without one
    drawn: list[Case]
    draw: int  # which lot
    n: int  # transcripts with a value that the person may see


def cases_of(channel: Channel, sight: Sight, *, threshold: float | None, draw: int = 0) -> Cases:
    """Transcripts that the person may see, with the words around each peak.

    Args:
        draw: another number draws other transcripts; the same number the same ones, while the corpus stands.
    """
    rows = sight.rollups_of(channel).filter(value__isnull=False).select_related("transcript")
    rows = rows.defer("transcript__metadata", "transcript__place")
    n = rows.count()
    strongest = list(rows.order_by("-value", "transcript_id")[:STRONGEST])
    near: list[Rollup] = []
    if threshold is not None:
        closest = rows.annotate(away=Abs(F("value") - threshold)).order_by("away", "transcript_id")
        near = sorted(closest[:NEAR], key=lambda rollup: -(rollup.value or 0.0))
    drawn = _by_lot(rows, n, f"{channel.pk}:{draw}")
    made = _made(channel, sight, {one.transcript_id: one for one in (*strongest, *near, *drawn)})

    def these(some: Sequence[Rollup]) -> list[Case]:
        return [made[one.transcript_id] for one in some]

    return Cases(these(strongest), these(near), these(drawn), draw, n)


def _by_lot(rows: QuerySet[Rollup], n: int, seed: str) -> list[Rollup]:
    places = sorted(random.Random(seed).sample(range(n), min(RANDOM, n)))  # noqa: S311 - a draw that can be repeated
    ordered = rows.order_by("transcript_id")
    return [one for at in places for one in ordered[at : at + 1]]


def _made(channel: Channel, sight: Sight, rollups: dict[int, Rollup]) -> dict[int, Case]:
    readings: dict[int, Reading] = {}
    for one in sight.readings_on([channel]).filter(transcript_id__in=rollups).order_by("-value", "pk"):
        readings.setdefault(one.transcript_id, one)
    scale = scale_of(sight, channel)
    blocks: dict[int, Block] = {}
    for block in sight.blocks(rollups).filter(channels__contains=[channel.pk], n_tokens__lte=MOST_TOKENS):
        blocks.setdefault(block.transcript_id, block)
    return {
        pk: _case(channel, rollup, readings.get(pk), blocks.get(pk), scale) for pk, rollup in rollups.items()
    }


def _case(
    channel: Channel, rollup: Rollup, reading: Reading | None, block: Block | None, scale: Scale
) -> Case:
    value = rollup.value or 0.0
    peak = (reading.detail.get("peak") if reading is not None else None) or {}
    position = (
        reading.position if reading is not None and reading.position is not None else peak.get("position")
    )
    if position is None or position < 0:
        return Case(rollup.transcript, value, None, Document(), "")
    part = (reading.part if reading is not None else "") or peak.get("part") or "text"
    start = reading.start if reading is not None and reading.start is not None else peak.get("start")
    end = reading.end if reading is not None and reading.end is not None else peak.get("end")
    marks, anchor = [], str(position)
    if start is not None and end is not None and end > start:
        shown = f"{peak.get('value', value):.3g}"
        marks.append(
            Mark(position, part, start, end, "quote", css=kind_of(channel.kind).hue, title=f"peak: {shown}")
        )
        anchor = f"{position}.{part}.{start}-{end}"
    middle = start or 0
    cut = Cut(LONGEST, {(position, part): (max(0, middle - LONGEST // 2), middle + LONGEST // 2)})
    heat = _heat(channel, block, scale, position) if block is not None else []
    document = render(
        messages_between(rollup.transcript, position, position + 1), [*heat, *marks], markdown=True, cut=cut
    )
    return Case(rollup.transcript, value, position, document, anchor)


def _heat(channel: Channel, block: Block, scale: Scale, position: int) -> list[Mark]:
    """The channel's values on the words of one message; nothing where the stored values cannot be read."""
    with suppress(DamagedBlock, OSError, KeyError):
        held = read_block(block)
        values = held.row(channel.key)
        table = held.tokens
        marks = []
        for at in np.flatnonzero((table.position == position) & (table.end > table.start)):
            level = min(LEVELS - 1, scale.level(float(values[at])))
            if level > 0:
                part = held.parts[int(table.part[at])]
                marks.append(
                    Mark(
                        position, part, int(table.start[at]), int(table.end[at]), "heat", level=level,
                        title=f"{float(values[at]):.3g}",
                    )
                )  # fmt: skip
        return marks
    return []
