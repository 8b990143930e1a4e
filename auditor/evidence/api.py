"""Evidence for programs: the channels of the project, and what they say of one transcript."""

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.corpus.models import Transcript
from auditor.evidence.models import Channel, Quote, Reading
from auditor.evidence.queries import channels_of, visible_to
from auditor.web.listed import After, Limit, Listed, listed

router = Router(tags=["Evidence"])


class ChannelOut(Schema):
    """One source of opinion about transcripts."""

    id: int
    key: str
    name: str
    kind: str
    unit: str
    rollup: str
    lo: float | None
    hi: float | None
    polarity: str
    notice: str = Field(description="A warning to be shown wherever the channel appears")

    @classmethod
    def of(cls, row: Channel) -> "ChannelOut":
        return cls(
            id=row.pk, key=row.key, name=row.name, kind=row.kind, unit=row.unit, rollup=row.rollup, lo=row.lo,
            hi=row.hi, polarity=row.polarity, notice=row.notice,
        )  # fmt: skip


class QuoteOut(Schema):
    """Words that a reading cites, and where they stand."""

    text: str
    status: str
    position: int | None
    part: str
    start: int | None
    end: int | None


class ReadingOut(Schema):
    """What a channel says about one place of the transcript."""

    id: int
    channel: str
    position: int | None = Field(description="Message; null: the whole transcript")
    part: str
    start: int | None
    end: int | None
    value: float | None
    label: str
    explanation: str
    quotes: list[QuoteOut]

    @classmethod
    def of(cls, row: Reading, quotes: list[Quote]) -> "ReadingOut":
        return cls(
            id=row.pk, channel=row.channel.key, position=row.position, part=row.part, start=row.start, end=row.end,
            value=row.value, label=row.label, explanation=row.explanation,
            quotes=[
                QuoteOut(
                    text=one.text, status=one.status, position=one.position, part=one.part, start=one.start, end=one.end
                )
                for one in quotes
            ],
        )  # fmt: skip


@router.get("/channels", response=Listed[ChannelOut], summary="The project's channels")
def channels(request: HttpRequest, after: After = "", limit: Limit = 50) -> Listed[ChannelOut]:
    rows = channels_of(access_caller(request).project_id)
    return listed(rows, ChannelOut.of, after=after, limit=limit)


@router.get("/transcripts/{int:pk}/readings", response=Listed[ReadingOut], summary="What channels say of it")
def readings(request: HttpRequest, pk: int, after: After = "", limit: Limit = 100) -> Listed[ReadingOut]:
    """Current readings; none while they are hidden from the token's person."""
    membership = access_caller(request)
    sight = visible_to(membership.user)
    here = list(Transcript.objects.of(membership.project_id).filter(pk=pk).values_list("pk", flat=True))
    if not here:
        raise Http404("no such transcript")
    page = listed(sight.readings(here), lambda row: row, after=after, limit=limit, descending=False)
    quotes: dict[int, list[Quote]] = {}
    for quote in sight.quotes(here).filter(reading__in=[row.pk for row in page.items]).select_related(None):
        quotes.setdefault(quote.reading_id, []).append(quote)
    return Listed(items=[ReadingOut.of(row, quotes.get(row.pk, [])) for row in page.items], next=page.next)
