"""What adjudicated labels say of a channel: its values on the transcripts that adjudicators ruled on, label by label."""

from dataclasses import dataclass
from statistics import median

from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import Sight

RULING = "people.ruling"  # the channel on which rulings stand
FEWEST = 5  # transcripts of a label from which on a share is given


@dataclass(frozen=True)
class Labelled:
    """One label, and the channel's values on its transcripts."""

    label: str
    n: int
    median: float
    fired: int | None  # at or above the threshold; None without one, or of too few


def by_label(channel: Channel, sight: Sight, *, threshold: float | None) -> list[Labelled]:
    """The labels with most transcripts first, on what the person may see of both; none where nobody has ruled."""
    ruling = Channel.objects.filter(project=channel.project_id, key=RULING, kind=HUMAN).first()
    if ruling is None:
        return []
    ruled = dict(sight.rollups_of(ruling).exclude(label="").values_list("transcript_id", "label"))
    said = sight.rollups_of(channel).filter(transcript_id__in=ruled, value__isnull=False)
    values: dict[str, list[float]] = {}
    for pk, value in said.values_list("transcript_id", "value"):
        if value is not None:
            values.setdefault(ruled[pk], []).append(value)
    made = [
        Labelled(
            label, len(some), median(some),
            sum(value >= threshold for value in some) if threshold is not None and len(some) >= FEWEST else None,
        )
        for label, some in values.items()
    ]  # fmt: skip
    return sorted(made, key=lambda one: (-one.n, one.label))
