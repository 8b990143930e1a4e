"""What channels are worth: written down by whoever measured it, and gathered for the pages that show a channel."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditor.evidence.models import ChannelWorth, WorthBasis
from auditor.evidence.queries import Sight

AREA = "AUROC"
AT_ONCE = 2000  # rows written together


@dataclass(frozen=True)
class Basis:
    """The labels that channels were held against."""

    reference: str
    words: str
    adjudicated: bool
    digest: str
    seed: int
    transcripts: Sequence[int]  # those under review
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What a page says of one channel: on each contrast the area, with the likelihood ratio where it tells anything."""

    basis: WorthBasis
    area: ChannelWorth
    ratio: ChannelWorth | None


def write_worth(*, project_id: int, basis: Basis, figures: Iterable[ChannelWorth]) -> WorthBasis:
    """Keep a measurement; the one before against the same reference is no longer current.

    The caller holds the transaction and records its event.

    Args:
        figures: rows without a basis, written some at a time.
    """
    with transaction.atomic():
        rows = WorthBasis.objects.filter(project_id=project_id, reference=basis.reference)
        rows.filter(superseded_at__isnull=True).update(superseded_at=timezone.now())
        row = WorthBasis.objects.create(
            project_id=project_id, reference=basis.reference, words=basis.words[:500],
            adjudicated=basis.adjudicated, digest=basis.digest, seed=basis.seed,
            transcripts=sorted(set(basis.transcripts)), detail=dict(basis.detail),
        )  # fmt: skip
        for some in _some(figures):
            for one in some:
                one.basis = row
            ChannelWorth.objects.bulk_create(some)
    return row


def told_of(sight: Sight, channel_ids: Sequence[int], project_id: int) -> dict[int, list[Told]]:
    """What each channel is worth, by the channel's id, in one query; none where nothing may be said."""
    found: dict[int, list[Told]] = {}
    rows = sight.worths(channel_ids, project_id)
    for (channel, _, _), some in groupby(rows, key=lambda one: (one.channel_id, one.basis_id, one.contrast)):
        figures = {one.figure: one for one in some}
        if area := figures.get(AREA):
            ratio = next((one for name, one in figures.items() if name != AREA), None)
            found.setdefault(channel, []).append(Told(area.basis, area, ratio))
    return found


def _some(figures: Iterable[ChannelWorth]) -> Iterator[list[ChannelWorth]]:
    left = iter(figures)
    while some := list(islice(left, AT_ONCE)):
        yield some
