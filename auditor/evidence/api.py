"""Evidence for programs: the channels of the project, and what they say of one transcript."""

from typing import Annotated

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.corpus.models import Transcript
from auditor.evidence.contrast import META, PROMPT, contrast
from auditor.evidence.models import Channel, Quote, Reading
from auditor.evidence.queries import channels_of, visible_to
from auditor.evidence.summaries import access_channel
from auditor.web.listed import After, Limit, Listed, listed
from auditor.web.problems import Problem

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


class PairOut(Schema):
    """One prompt on both sides, each averaged over its transcripts."""

    a: float
    b: float
    difference: float = Field(description="b less a")
    transcripts_a: list[int]
    transcripts_b: list[int]


class LeftOutOut(Schema):
    """Transcripts in no pair, and why."""

    why: str
    a: int
    b: int


class ContrastOut(Schema):
    """A channel under two conditions of the same prompts."""

    channel: str
    by: str
    a: str
    b: str
    n: int = Field(description="Pairs")
    mean: float | None = Field(description="Mean difference, b less a; null where there is no pair")
    low: float | None = Field(description="95% percentile bootstrap over pairs; null where it is undefined")
    high: float | None
    seed: int = Field(description="Of the resamples and of the flips that are drawn")
    higher: int
    lower: int
    equal: int
    sign_p: float | None = Field(description="Two-sided exact sign test; null without a difference")
    flip_p: float | None = Field(description="Two-sided, signs of the differences flipped")
    reason: str = Field(description="Why there is no mean, or no interval")
    left_out: list[LeftOutOut]
    pairs: list[PairOut] = Field(description="The first of them, at most as many as asked for")


@router.get(
    "/channels/{int:pk}/contrast", response=ContrastOut, summary="One channel under two conditions, paired"
)
def contrasted(
    request: HttpRequest,
    pk: int,
    by: Annotated[str, Query(description="A condition's name", max_length=200)] = "",
    a: Annotated[str, Query(description="Its value on one side", max_length=200)] = "",
    b: Annotated[str, Query(description="Its value on the other", max_length=200)] = "",
    pair: Annotated[
        str, Query(description="`prompt`, or meta.NAME to pair by metadata", max_length=200)
    ] = PROMPT,
    limit: Limit = 50,
) -> ContrastOut:
    """Transcripts hidden from the token's person are left out and counted."""
    membership = access_caller(request)
    row = access_channel(membership, pk)
    if not (by and a and b) or a == b:
        raise Problem(422, "Name a condition (`by`) and two different values of it (`a`, `b`).", field="by")
    by_pair = pair if pair.startswith(META) else PROMPT
    named = [one.replace("\0", "") for one in (by, a, b)]
    found = contrast(visible_to(membership.user), row, by=named[0], a=named[1], b=named[2], by_pair=by_pair)
    figures = found.figures
    return ContrastOut(
        channel=row.key, by=named[0], a=named[1], b=named[2], n=figures.n, mean=figures.mean, low=figures.low, high=figures.high,
        seed=figures.seed, higher=figures.higher, lower=figures.lower, equal=figures.equal, sign_p=figures.sign_p,
        flip_p=figures.flip_p, reason=figures.reason,
        left_out=[LeftOutOut(why=why, a=n_a, b=n_b) for why, n_a, n_b in found.left_out],
        pairs=[
            PairOut(
                a=one.a, b=one.b, difference=one.difference, transcripts_a=list(one.of_a), transcripts_b=list(one.of_b)
            )
            for one in found.pairs[:limit]
        ],
    )  # fmt: skip
