"""From values for each token to what a channel says of the transcript: one reading each, at its peak or of the whole."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from auditor.evidence.actions import NewReading
from auditor.evidence.blockformat import Floats
from auditor.interp import aggregating
from auditor.interp.channels import MAX, MEAN, Voice
from auditor.interp.reader import Reading

DIGITS = 7  # significant, as many as 32 bits hold


def readings_of(
    voice: Voice, values: Floats, read: Reading, *, transcript_id: int, capture: int
) -> Iterator[NewReading]:
    """The readings of one voice on one transcript; none where no token counts.

    Args:
        values: [n], one for each of the table's tokens; those that count are finite.

    The main channel's value is the card's aggregation, a feature's its maximum. `detail` holds maximum and mean
    over the counted tokens, the peak's place and value, and how many tokens counted.
    """
    counted = counted_by(voice, read)
    how = voice.card.aggregation if voice.card is not None else MAX
    window = (voice.card.window or 1) if voice.card is not None else 1
    value = aggregating.aggregate(values, counted, how, window)
    if value is None:
        return
    at = aggregating.peak(values, counted, how, window)
    most = aggregating.peak(values, counted, MAX)
    assert at is not None
    assert most is not None
    mean = float(np.asarray(values, dtype=np.float64)[counted].mean())
    peak = place(read, at) | {"value": rounded(float(values[at]))}
    detail: dict[str, Any] = {
        "max": rounded(float(values[most])), "mean": rounded(mean), "peak": peak, "tokens": int(counted.sum()),
        "capture": capture,
    }  # fmt: skip
    anchored = voice.card is None or voice.card.anchored
    yield NewReading(
        channel=voice.main, transcript_id=transcript_id, value=rounded(value), detail=detail,
        **(_anchor(peak) if anchored else {}),
    )  # fmt: skip
    for which, channel in voice.beside.items():
        if which == MAX:
            yield NewReading(
                channel=channel, transcript_id=transcript_id, value=detail["max"], detail={"capture": capture},
                **_anchor(place(read, most)),
            )  # fmt: skip
        elif which == MEAN:
            yield NewReading(
                channel=channel,
                transcript_id=transcript_id,
                value=detail["mean"],
                detail={"capture": capture},
            )


def counted_by(voice: Voice, read: Reading) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Which tokens count, [n]: by the card's rule, for features the assistant's words."""
    if voice.card is not None:
        return voice.card.counts(read.table, read.parts)
    return read.table.counted.astype(bool)


def place(read: Reading, at: int) -> dict[str, Any]:
    """Where a token stands in the transcript."""
    table = read.table
    return {
        "position": int(table.position[at]), "part": read.parts[int(table.part[at])] if read.parts else "",
        "start": int(table.start[at]), "end": int(table.end[at]),
    }  # fmt: skip


def _anchor(peak: dict[str, Any]) -> dict[str, Any]:
    """A reading's place: the token, or its message where it stands on no words of its own."""
    if peak["position"] < 0:
        return {}
    if peak["end"] <= peak["start"]:
        return {"position": peak["position"]}
    return {name: peak[name] for name in ("position", "part", "start", "end")}


def rounded(value: float) -> float:
    """As many digits as the stored values have, so that equal captures give equal readings."""
    return float(f"{value:.{DIGITS}g}")
