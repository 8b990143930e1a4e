"""What a project's channels have said so far, counted on what the person may see."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, Sum
from django.http import Http404

from auditor.accounts.models import Membership
from auditor.evidence.histograms import Histogram, histogram, tallies
from auditor.evidence.kinds import Kind, kind_of
from auditor.evidence.models import Channel, Rollup
from auditor.evidence.queries import Sight, channels_of, scope_of

MOST = 200  # channels on one page
EXTREMES = 10  # transcripts shown at either end


@dataclass(frozen=True)
class Summary:
    """One channel as a line of the table."""

    channel: Channel
    kind: Kind
    drawn: Histogram
    n_readings: int
    n_transcripts: int


@dataclass(frozen=True)
class Extremes:
    """The transcripts at either end of a channel, and how many are left out unseen."""

    top: list[Rollup]
    bottom: list[Rollup]
    left_out: int


def access_channel(membership: Membership, pk: int) -> Channel:
    """A channel of the member's project.

    Raises:
        Http404: there is none of this number here.
    """
    found = Channel.objects.filter(project_id=membership.project_id, pk=pk).first()
    if found is None:
        raise Http404("no such channel here")
    return found


def summaries(project_id: int, sight: Sight, *, named: str = "") -> list[Summary]:
    """The first `MOST` channels, by kind, whose key or name holds `named`."""
    rows = channels_of(project_id)
    if named:
        rows = rows.filter(Q(key__icontains=named) | Q(name__icontains=named))
    return _summaries(list(rows[:MOST]), sight)


def summary(channel: Channel, sight: Sight) -> Summary:
    """One channel."""
    (found,) = _summaries([channel], sight)
    return found


def _summaries(channels: Sequence[Channel], sight: Sight) -> list[Summary]:
    drawn = tallies(sight, channels)
    counted = sight.rollups_on(channels).order_by().values_list("channel_id")
    numbers = {pk: (n, said) for pk, said, n in counted.annotate(said=Sum("n"), transcripts=Count("pk"))}
    return [
        Summary(
            channel=channel,
            kind=kind_of(channel.kind),
            drawn=histogram(channel, drawn[channel.pk]),
            n_readings=numbers.get(channel.pk, (0, 0))[1],
            n_transcripts=numbers.get(channel.pk, (0, 0))[0],
        )
        for channel in channels
    ]


def extremes(channel: Channel, sight: Sight) -> Extremes:
    """The highest and lowest transcripts that the person may see."""
    rows = sight.rollups_of(channel).filter(value__isnull=False).select_related("transcript")
    rows = rows.defer("transcript__metadata", "transcript__place")
    return Extremes(
        top=list(rows.order_by("-value", "-transcript_id")[:EXTREMES]),
        bottom=list(rows.order_by("value", "transcript_id")[:EXTREMES]),
        left_out=sight.n_veiled(channel.project_id, [scope_of(channel)]),
    )
