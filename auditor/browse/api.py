"""Transcripts for programs: the list by the filter language, one of them, its messages."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.browse import queries
from auditor.browse.arrangement import Arrangement, Column
from auditor.browse.asjson import message_json
from auditor.browse.queries import Row, Wanted
from auditor.browse.reading import access_transcript
from auditor.corpus.models import Transcript
from auditor.corpus.queries import messages_between
from auditor.corpus.windows import window_after
from auditor.evidence.filters import Filter, FilterError
from auditor.evidence.queries import MACHINE, channels_by_key, visible_to
from auditor.web.listed import After, Limit, Listed
from auditor.web.problems import Problem

router = Router(tags=["Transcripts"])

Where = Annotated[str, Query(description="An expression of the filter language", max_length=4000)]
Words = Annotated[str, Query(description="Words to search for", max_length=1000)]
Sort = Annotated[
    str, Query(description="id, model, length or ch.CHANNEL; a minus turns it round", max_length=210)
]


class CellOut(Schema):
    """What one column says of one transcript."""

    value: float | None
    label: str
    hidden: bool = Field(description="Hidden from the token's person until their blind label is committed")


class TranscriptRowOut(Schema):
    """One line of the list."""

    id: int
    name: str
    excerpt: str
    model: str
    conditions: dict[str, str]
    n_messages: int
    columns: dict[str, CellOut]


class TranscriptsOut(Listed[TranscriptRowOut]):
    """Transcripts in order."""

    left_out: int = Field(description="Left out unseen, since the filter would tell what is hidden")


class MessageOut(Schema):
    """One turn, as it is stored."""

    position: int
    role: str
    text: str
    reasoning: str = ""
    parts: list[dict[str, Any]] = []


class TranscriptOut(Schema):
    """One transcript with its first messages."""

    id: int
    name: str
    model: str
    conditions: dict[str, str]
    digest: str
    n_messages: int
    n_chars: int
    warnings: list[Any]
    imported_at: datetime
    veiled: bool = Field(description="Evidence is hidden from the token's person; metadata count as evidence")
    metadata: dict[str, Any]
    messages: list[MessageOut]
    next: str = Field(description="`after` of the messages that follow; empty at the end")


@router.get(
    "/transcripts",
    response=TranscriptsOut,
    summary="The transcripts that match",
    openapi_extra={
        "parameters": [
            {
                "in": "query",
                "name": name,
                "required": False,
                "schema": {"type": "string", "description": said},
            }
            for name, said in (
                ("model", "A model's name; several are alternatives"),
                ("cond.NAME", "A condition's value"),
                ("ch.CHANNEL", "lo..hi of a channel's value, or =LABEL"),
                ("label", "A code of people's labels, or none"),
                ("id", "An external id; ends in * for its beginning"),
                ("col", "A channel or field to have a column; up to six"),
            )
        ]
    },
)
def transcripts(
    request: HttpRequest,
    q: Words = "",
    where: Where = "",
    sort: Sort = "-id",
    after: After = "",
    limit: Limit = 50,
) -> TranscriptsOut:
    """The list of the reading room. Whatever names a channel leaves out the transcripts on which it is hidden."""
    membership = access_caller(request)
    project_id, sight = membership.project_id, visible_to(membership.user)
    channels = channels_by_key(project_id)
    try:
        asked = Arrangement.from_query(request.GET, Filter.from_query(request.GET))
        arrangement = asked.settled(channels, queries.columns_of(project_id))
        page = queries.listing(
            arrangement, project_id=project_id, sight=sight, channels=channels,
            wanted=Wanted(after=after), most=limit,
        )  # fmt: skip
    except FilterError as problem:
        raise Problem(422, str(problem), field=problem.parameter or "where") from problem
    columns = arrangement.shown_columns(channels)
    return TranscriptsOut(
        items=[_row(row, columns) for row in page.rows], next=page.after, left_out=page.left_out
    )


@router.get("/transcripts/{int:pk}", response=TranscriptOut, summary="One transcript")
def transcript(request: HttpRequest, pk: int) -> TranscriptOut:
    """With its first messages; `next` leads to the others."""
    membership = access_caller(request)
    row = access_transcript(membership, pk)
    messages = _messages(row, 0)
    veiled = visible_to(membership.user).is_veiled(pk, MACHINE)
    return TranscriptOut(
        id=row.pk,
        name=row.name,
        model=row.model_name,
        conditions={str(name): str(value) for name, value in row.conditions.items()},
        digest=row.record_digest,
        n_messages=row.n_messages,
        n_chars=row.n_chars,
        warnings=row.warnings,
        imported_at=row.created_at,
        veiled=veiled,
        metadata={} if veiled else row.metadata,
        messages=messages.items,
        next=messages.next,
    )


@router.get("/transcripts/{int:pk}/messages", response=Listed[MessageOut], summary="Its messages, in order")
def messages(
    request: HttpRequest, pk: int, after: Annotated[int, Query(ge=0, lt=1 << 31)] = 0
) -> Listed[MessageOut]:
    """At most 100 at once, and fewer where they are long."""
    return _messages(access_transcript(access_caller(request), pk), after)


def _messages(transcript: Transcript, first: int) -> Listed[MessageOut]:
    window = window_after(transcript, first)
    shown = messages_between(transcript, window.first, window.end)
    following = str(window.end) if window.end < transcript.n_messages else ""
    return Listed(items=[MessageOut(**message_json(message)) for message in shown], next=following)


def _row(row: Row, columns: list[Column]) -> TranscriptRowOut:
    cells = zip(columns, row.cells, strict=True)
    return TranscriptRowOut(
        id=row.pk,
        name=row.name,
        excerpt="".join(piece.text for piece in row.excerpt),
        model=row.model,
        conditions=dict(row.conditions),
        n_messages=row.n_messages,
        columns={
            column.text: CellOut(value=cell.value, label=cell.label, hidden=cell.hidden)
            for column, cell in cells
        },
    )
