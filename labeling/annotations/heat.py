"""Channels over the words at the desk: what was revealed with the item, and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from auditor.accounts.models import User
from auditor.browse.heat import Panel, panel
from auditor.evidence.layers import Blocks, blocks_on, layers_of, lines_of
from auditor.evidence.models import HUMAN, Reading
from auditor.evidence.queries import visible_to
from labeling.annotations.content import Content, Place, Relied
from labeling.annotations.queries import Standing, visible_readings, visible_tracks


def revealed_blocks(standing: Standing, reviewer: User) -> Blocks:
    """The token blocks that were revealed with this item and still hold; none before."""
    if standing.reveal is None or not standing.reveal.blocks:
        return Blocks([])
    return blocks_on(visible_to(reviewer), standing.item.transcript_id, among=standing.reveal.blocks)


def heat_of(standing: Standing, reviewer: User, keys: tuple[str, str], floor: float | None = None) -> Panel:
    """What can be laid over the words of the item, with the channels of these keys drawn; nothing before the reveal."""
    if standing.reveal is None or not (standing.reveal.tracks or standing.reveal.blocks):
        return Panel()
    sight, transcript = visible_to(reviewer), standing.item.transcript
    blocks = revealed_blocks(standing, reviewer)
    tracks = visible_tracks(reviewer, transcript.pk).filter(pk__in=standing.reveal.tracks).order_by()
    tracked = set(tracks.values_list("channel_id", flat=True))
    said = {one.channel_id for one in _revealed(standing, reviewer)}
    layers = [
        layer if layer.channel.pk in said else replace(layer, value=None)
        for layer in layers_of(sight, transcript, blocks)
        if layer.channel.pk in tracked or layer.channel.pk in blocks.by_channel
    ]
    return panel(
        sight, transcript, layers, keys, range(transcript.n_messages), floor=floor, default=False, blocks=blocks,
        tracks=standing.reveal.tracks, readings=standing.reveal.readings,
    )  # fmt: skip


def points_of(standing: Standing, reviewer: User, shown: Panel) -> dict[str, int]:
    """The reading through which a token of the channel drawn can be pointed at, by "message/part"; "" for any other."""
    if shown.first is None or not standing.may_commit:
        return {}
    found: dict[str, int] = {}
    for one in _revealed(standing, reviewer):
        if one.channel_id == shown.first.channel.pk:
            found.setdefault("", one.pk)
            if one.position is not None:
                found.setdefault(f"{one.position}/{one.part}", one.pk)
    return found


def values_at(standing: Standing, content: Content, readings: Iterable[Reading]) -> Mapping[Relied, float]:
    """The channel's value on the tokens that the form points at, for each piece of evidence that names some."""
    placed = [one for one in content.relied_on if one.place is not None and one.place.start is not None]
    if not placed:
        return {}
    by_id = {one.pk: one for one in readings}
    blocks = revealed_blocks(standing, standing.lease.reviewer)
    found = {}
    for one in placed:
        reading = by_id.get(one.reading)
        if reading is not None and one.place is not None:
            value = _token_value(standing, reading, one.place, blocks)
            if value is not None:
                found[one] = value
    return found


def _token_value(standing: Standing, reading: Reading, place: Place, blocks: Blocks) -> float | None:
    """The channel's highest value on the tokens at a place; None where it has none there."""
    reveal = standing.reveal
    if reveal is None or place.start is None or place.end is None or reading.channel.kind == HUMAN:
        return None
    sight = visible_to(standing.lease.reviewer)
    here = range(place.position, place.position + 1)
    channel = reading.channel
    line = lines_of(sight, standing.item.transcript, [channel], here, blocks=blocks, tracks=reveal.tracks)[
        channel.pk
    ]
    values = [
        float(one.values[on].max())
        for one in line.stretches
        if one.part == place.part and (on := (one.starts < place.end) & (one.ends > place.start)).any()
    ]
    return max(values, default=None)


def _revealed(standing: Standing, reviewer: User) -> list[Reading]:
    reveal = standing.reveal
    if reveal is None:
        return []
    rows = visible_readings(reviewer, standing.item.transcript_id).filter(pk__in=reveal.readings)
    return list(rows.select_related(None).only("pk", "channel_id", "position", "part").order_by("pk"))
