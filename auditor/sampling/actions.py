"""Drawing a sample: the frame is taken, the seeded design chooses, and all of it is written down."""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from auditor.accounts.models import Project, User
from auditor.evidence.filters import Filter, matching
from auditor.evidence.models import Channel
from auditor.evidence.queries import Sight, scope_of, visible_to
from auditor.ledger.actions import record
from auditor.sampling import designs
from auditor.sampling.models import Sample, SampleItem

UNIFORM, BY_CHANNEL, BY_SPREAD = "uniform", "stratified", "stratified_by_spread"
MAX_SEED = 2**31 - 1


class CannotDraw(ValueError):
    """The draw as asked is impossible; the message says why."""


def draw_sample(
    *,
    project: Project,
    name: str,
    design: str,
    n: int,
    seed: int,
    actor: User,
    filter: Filter = Filter(),  # noqa: B008  # frozen
    channels: Sequence[Channel] = (),
    bins: int = 4,
    allocation: designs.Allocation = "equal",
) -> Sample:
    """Draw `n` transcripts from those that match `filter` now, with stored odds.

    Args:
        design: "uniform"; "stratified" by the roll-up of the one channel given; or
            "stratified_by_spread" by the standard deviation across the channels given, which
            is how far judges disagree.
        bins: strata besides the one for transcripts without a value.
        allocation: "equal" strata, or "proportional" to their size.

    Raises:
        CannotDraw: an empty frame, an unknown design, or channels that do not fit it.
        FilterError: the filter names what the project has not.
        IntegrityError: the project has a sample of this name.
    """
    sight = visible_to(actor)
    matched = matching(filter, project_id=project.pk, sight=sight)
    rows, left_out = matched.rows, matched.left_out
    if channels:
        _check_channels(design, channels)
        rows = sight.unveiled(rows, {scope_of(channel) for channel in channels})
        before = matched.rows.count()
    frame = sorted(rows.values_list("record_digest", "ordinal", "pk"))
    if channels:
        left_out += before - len(frame)
    if not frame:
        raise CannotDraw("No transcript matches, so there is nothing to draw from.")
    # The design sees each transcript's rank by content, not its id here, so that another installation
    # with the same records draws the same ones.
    ids = [pk for _, _, pk in frame]
    ranks = range(len(ids))
    try:
        if design == UNIFORM:
            draw = designs.uniform(ranks, n, seed)
        else:
            values = _values(design, channels, ids, sight)
            draw = designs.stratified(ranks, values, n, seed, bins=bins, allocation=allocation)
    except ValueError as problem:
        raise CannotDraw(str(problem)) from problem
    with transaction.atomic():
        sample = Sample.objects.create(
            project=project, name=name.strip(), design=design, seed=seed, filter=filter.to_json(),
            parameters={"n": n, **_parameters(design, channels, bins, allocation)}, frame_at=timezone.now(),
            frame_size=len(ids), frame_ids=zlib.compress(np.sort(np.array(ids, dtype="<i8")).tobytes()),
            frame_digest=_frame_digest((digest, ordinal) for digest, ordinal, _ in frame),
            left_out=left_out, strata=[_plain(asdict(stratum)) for stratum in draw.strata], created_by=actor,
        )  # fmt: skip
        SampleItem.objects.bulk_create(
            [
                SampleItem(
                    sample=sample, transcript_id=ids[rank], order=order, stratum=stratum, probability=odds
                )
                for rank, order, stratum, odds in zip(
                    draw.ids, draw.order, draw.stratum, draw.probability, strict=True
                )
            ],
            batch_size=5000,
        )
        record(
            verb="sample.drawn", subject=sample, actor=actor, project_id=project.pk,
            name=sample.name, design=design, n=len(draw.ids), seed=seed, frame=len(ids),
        )  # fmt: skip
    return sample


def _check_channels(design: str, channels: Sequence[Channel]) -> None:
    if design == UNIFORM:
        raise CannotDraw("A uniform draw looks at no channel.")
    if design == BY_CHANNEL and len(channels) != 1:
        raise CannotDraw("Choose the one channel to stratify by.")
    if design == BY_SPREAD and len(channels) < 2:
        raise CannotDraw("Disagreement needs at least two channels.")


def _values(
    design: str, channels: Sequence[Channel], ids: Sequence[int], sight: Sight
) -> NDArray[np.float64]:
    """What strata are cut from, one float a transcript; NaN where there is no value. Shape (n,)."""
    if design not in (BY_CHANNEL, BY_SPREAD) or not channels:
        raise CannotDraw("Choose a design, and the channels to stratify by.")
    at = {pk: index for index, pk in enumerate(ids)}
    table = np.full((len(ids), len(channels)), np.nan)
    for column, channel in enumerate(channels):
        rows = sight.rollups_of(channel).filter(value__isnull=False).values_list("transcript_id", "value")
        for transcript_id, value in rows.iterator(chunk_size=10_000):
            if transcript_id in at:
                table[at[transcript_id], column] = value
    return table[:, 0] if design == BY_CHANNEL else designs.spread(table)


def _parameters(design: str, channels: Sequence[Channel], bins: int, allocation: str) -> dict[str, Any]:
    if design == UNIFORM:
        return {}
    return {"channels": [channel.key for channel in channels], "bins": bins, "allocation": allocation}


def _frame_digest(records: Iterable[tuple[str, int]]) -> str:
    """sha256 hex over the frame's sorted records, so that another installation can check that it has the same."""
    digest = hashlib.sha256()
    for record_digest, ordinal in records:
        digest.update(f"{record_digest}:{ordinal}\n".encode())
    return digest.hexdigest()


def _plain(stratum: dict[str, Any]) -> dict[str, Any]:
    """Without NaN and infinities, which jsonb refuses."""
    return {
        key: (None if isinstance(value, float) and not np.isfinite(value) else value)
        for key, value in stratum.items()
    }
