"""The list of transcripts: one page of it, with what may be shown of the evidence on each row.

A fixed number of queries whatever the size, and none that counts; no message body is read but that of the
first hit on each row of a search.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple, cast

from django.db.models import Exists, OuterRef, QuerySet, Sum

from auditor.accounts.models import User
from auditor.browse.arrangement import SORTS, Arrangement, Column
from auditor.browse.models import SavedView
from auditor.browse.paging import Found, Strand, page
from auditor.browse.searching import search_ids
from auditor.corpus.headlines import Headline, Piece, headlines
from auditor.corpus.models import ImportBatch, Transcript, TranscriptQuerySet
from auditor.evidence.facets import hue_of
from auditor.evidence.filters import check_names, matching
from auditor.evidence.kinds import kind_of
from auditor.evidence.models import HUMAN, Channel, Rollup
from auditor.evidence.queries import Sight, scope_of
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared
from auditor.web.templatetags.words import score

ROWS = 50
ROWS_WITH_HEADLINES = 25  # each is cut from a whole message
Walk = Callable[[int, int], Iterator[list[int]]]
MOST_LEFT_OUT = 1_001  # veiled transcripts that a page counts
FIXED = 11  # columns of LINES
LINES = """
    SELECT t.id, t.external_id, t.model_name, t.conditions, t.warnings <> '[]', t.excerpt, t.n_messages, t.n_chars,
        t.n_tool_calls, t.n_reasoning, {moment}{said}
    FROM corpus_transcript t WHERE t.id = ANY(%s::bigint[])
"""
IMPORTED = "(SELECT batch.created_at FROM corpus_importbatch batch WHERE batch.id = t.batch_id)"
VIEWS = Columns(SavedView)
SAVED = f"""
    SELECT {VIEWS.of("view")} FROM browse_savedview view
    WHERE view.project_id = %s AND (view.shared OR view.owner_id = %s)
    ORDER BY view.first DESC, view.name, view.id LIMIT 200
"""  # noqa: S608 - made of constants
CHOSEN = "SELECT names FROM browse_projectcolumns WHERE project_id = %s"


class Line(NamedTuple):
    """What the list shows of a transcript itself."""

    pk: int
    external_id: str
    model_name: str
    conditions: dict[str, Any]
    warned: bool
    excerpt: str
    n_messages: int
    n_chars: int
    n_tool_calls: int
    n_reasoning: int
    imported: datetime | None  # where it has a column
    metadata: tuple[str | None, ...]  # the fields that have a column, in the order of the columns

    @property
    def name(self) -> str:
        """How people refer to it."""
        return self.external_id or f"t-{self.pk}"


@dataclass(frozen=True)
class Cell:
    """What one column says of one transcript."""

    value: float | int | None
    label: str
    hidden: bool = False
    hue: str = ""
    moment: datetime | None = None

    @property
    def words(self) -> str:
        """As the list shows it."""
        if self.hidden:
            return "hidden"
        if self.value is not None:
            return score(self.value)
        return f"{self.moment:%Y-%m-%d}" if self.moment is not None else self.label or "–"

    @property
    def css(self) -> str:
        """The classes of its place in the table."""
        if self.hidden:
            return "muted"
        return f"num {self.hue}" if self.hue or self.value is not None else ""


@dataclass(frozen=True)
class Dot:
    """What one person says of a transcript."""

    hue: str
    words: str


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    pk: int
    name: str
    excerpt: list[Piece]
    place: str  # where a hit stands, if not in a message's text
    model: str
    conditions: list[tuple[str, str]]
    n_messages: int
    warned: bool
    cells: list[Cell]
    dots: list[Dot]


@dataclass(frozen=True)
class Wanted:
    """Which page of the list."""

    after: str = ""
    before: str = ""
    last: bool = False


@dataclass(frozen=True)
class Listing:
    """One page of the list."""

    rows: list[Row]
    left_out: int  # up to MOST_LEFT_OUT
    before: str  # cursors of the pages before and after
    after: str

    @property
    def whole(self) -> bool:
        """Whether it shows all that matches."""
        return not self.before and not self.after


def n_transcripts(project_id: int) -> int:
    """How many transcripts the project holds, by its batches' own counts."""
    counted = ImportBatch.objects.filter(project_id=project_id, undone_at__isnull=True)
    return counted.aggregate(n=Sum("transcripts_written"))["n"] or 0


def views_of(project_id: int, person: User) -> list[SavedView]:
    """The person's own views and those shared with the project; a list of 200 at most."""
    with prepared() as cursor:
        cursor.execute(SAVED, [project_id, person.pk])
        return [VIEWS.row(iter(values)) for values in cursor.fetchall()]


def columns_of(project_id: int) -> list[str]:
    """The columns that the project's managers chose; none where they left it to the app."""
    with prepared() as cursor:
        cursor.execute(CHOSEN, [project_id])
        kept = cursor.fetchone()
    return [str(name) for name in json.loads(kept[0])] if kept is not None else []


def listing(
    arrangement: Arrangement,
    *,
    project_id: int,
    sight: Sight,
    channels: Mapping[str, Channel],
    wanted: Wanted = Wanted(),  # frozen
    most: int = ROWS,
    total: int = 0,
) -> Listing:
    """One page of the project's transcripts, arranged so; a damaged cursor gives the first page.

    Args:
        most: rows of the page; fewer where words are searched, which is dearer by the row.
        total: how many the project holds, if that is known: it helps to choose how to look for them.

    Raises:
        FilterError: the filter names what the project does not have, or its words cannot be read.
    """
    check_names(arrangement.filter, project_id=project_id, sight=sight)
    size = min(most, ROWS_WITH_HEADLINES) if arrangement.filter.words else most
    found = _found(arrangement, project_id, sight, channels, wanted, size, total)
    columns = arrangement.shown_columns(channels)
    return Listing(
        rows=_shown(found, arrangement.filter.words, sight, columns, channels),
        left_out=left_out(arrangement, project_id, sight, channels),
        before=found.before,
        after=found.after,
    )


def left_out(arrangement: Arrangement, project_id: int, sight: Sight, channels: Mapping[str, Channel]) -> int:
    """Transcripts that are left out unseen, since what is asked for would tell what is veiled; up to a bound."""
    scopes = set(arrangement.filter.scopes_named(channels))
    by = channels.get(arrangement.channel_key)
    scopes |= {scope_of(by)} if by is not None else set()
    return sight.n_veiled_upto(project_id, scopes, MOST_LEFT_OUT) if scopes else 0


def walker(
    arrangement: Arrangement, *, project_id: int, sight: Sight, channels: Mapping[str, Channel]
) -> Walk:
    """Goes through the ids of the whole list in its order, some at a time, up to a number."""

    def walk(size: int, most: int) -> Iterator[list[int]]:
        wanted, n = Wanted(), 0
        while n < most:
            found = _found(arrangement, project_id, sight, channels, wanted, min(size, most - n))
            yield [spot.pk for spot in found.spots]
            n += len(found.spots)
            if not found.after:
                return
            wanted = Wanted(after=found.after)

    return walk


def _found(
    arrangement: Arrangement,
    project_id: int,
    sight: Sight,
    channels: Mapping[str, Channel],
    wanted: Wanted,
    size: int,
    total: int = 0,
) -> Found:
    filter, by = arrangement.filter, channels.get(arrangement.channel_key)
    if filter.words and by is None and SORTS[arrangement.sort] == "pk":
        rows = matching(
            replace(filter, words=""), project_id=project_id, sight=sight, channels=channels, counted=False
        ).rows
        return search_ids(
            rows, filter.words, project_id=project_id, descending=arrangement.descending,
            after=wanted.after, before=wanted.before, last=wanted.last, size=size,
        )  # fmt: skip
    strands = _strands(arrangement, by, project_id, sight, channels, total)
    return page(strands, after=wanted.after, before=wanted.before, last=wanted.last, size=size)


def _strands(
    arrangement: Arrangement,
    by: Channel | None,
    project_id: int,
    sight: Sight,
    channels: Mapping[str, Channel],
    total: int,
) -> list[Strand]:
    """The orders that make up the list: one, or by a channel two, those without a value last."""
    filter, down = arrangement.filter, arrangement.descending

    def among(rows: QuerySet[Transcript], scan: bool) -> QuerySet[Transcript]:
        return matching(
            filter, project_id=project_id, sight=sight, channels=channels, counted=False, scan=scan,
            among=cast(TranscriptQuerySet, rows),
        ).rows  # fmt: skip

    def through(rows: QuerySet[Rollup], scan: bool) -> QuerySet[Rollup]:
        return rows.filter(transcript__in=among(Transcript.objects.of(project_id), scan).values("pk"))

    gathers = filter.gathers
    everything: QuerySet[Transcript] = Transcript.objects.of(project_id)
    if by is None:
        key = SORTS[arrangement.sort]
        return [Strand(everything, among if filter else None, "pk", key, down, gathers, total)]
    valued = sight.rollups_of(by).filter(value__isnull=False)
    here = by.rollups.filter(transcript_id=OuterRef("pk"), value__isnull=False)
    without = sight.unveiled(Transcript.objects.of(project_id).exclude(Exists(here)), [scope_of(by)])
    return [
        Strand(valued, through if filter else None, "transcript_id", "value", down, gathers, total),
        Strand(without, among if filter else None, "pk", "pk", down, gathers, total),
    ]


def _shown(
    found: Found, words: str, sight: Sight, columns: Sequence[Column], channels: Mapping[str, Channel]
) -> list[Row]:
    ids = [spot.pk for spot in found.spots]
    rows = rows_by_id(ids, columns)
    cells = cells_of(list(rows.values()), columns, sight)
    people = [channel for channel in channels.values() if channel.kind == HUMAN]
    dots = _dots(sight, ids, people) if people else {}
    hits = headlines(ids, words) if words and ids else {}
    return [_row(rows[pk], hits.get(pk), cells[pk], dots.get(pk, [])) for pk in ids if pk in rows]


def _row(transcript: Line, hit: Headline | None, cells: list[Cell], dots: list[Dot]) -> Row:
    return Row(
        pk=transcript.pk,
        name=transcript.name,
        excerpt=hit.pieces if hit else [Piece(transcript.excerpt or "nothing was said", False)],
        place=hit.place if hit else "",
        model=transcript.model_name,
        conditions=sorted((str(n), str(v)) for n, v in transcript.conditions.items()),
        n_messages=transcript.n_messages,
        warned=transcript.warned,
        cells=cells,
        dots=dots,
    )


def rows_by_id(ids: Sequence[int], columns: Sequence[Column]) -> dict[int, Line]:
    """The transcripts of a page, with the metadata fields that have a column and no other metadata."""
    paths = [list(column.name.path) for column in columns if column.name.sort == "meta"]
    moment = IMPORTED if any(column.text == "imported" for column in columns) else "NULL"
    said = "".join([", jsonb_extract_path_text(t.metadata, VARIADIC %s::text[])" for _ in paths])
    with prepared() as cursor:
        cursor.execute(LINES.format(moment=moment, said=said), [*paths, list(ids)])
        found = cursor.fetchall()
    return {row[0]: Line._make([*row[:3], json.loads(row[3]), *row[4:FIXED], row[FIXED:]]) for row in found}


def cells_of(rows: Sequence[Line], columns: Sequence[Column], sight: Sight) -> dict[int, list[Cell]]:
    """What each column says of each transcript, by its id; what is veiled is hidden."""
    ids = [row.pk for row in rows]
    shown = [column.channel for column in columns if column.channel is not None]
    hides = bool(shown) or any(column.name.sort == "meta" for column in columns)
    veiled = sight.veiled_ids(ids) if hides else set()
    said = sight.rolled(ids, shown) if shown else {}
    places = accumulate((column.name.sort == "meta" for column in columns), initial=0)
    placed = list(zip(columns, places, strict=False))  # each with its place among the metadata's
    return {
        row.pk: [_cell(row, index, column, said, row.pk in veiled) for column, index in placed]
        for row in rows
    }


def _cell(
    row: Line,
    index: int,
    column: Column,
    said: Mapping[tuple[int, int], tuple[float | None, str]],
    veiled: bool,
) -> Cell:
    if column.channel is not None:
        hue = kind_of(column.channel.kind).hue
        rolled = said.get((row.pk, column.channel.pk))
        return Cell(*rolled, False, hue) if rolled is not None else Cell(None, "", veiled, hue)
    if column.name.sort == "meta":
        return Cell(None, "" if veiled else (row.metadata[index] or "")[:300], veiled)
    if column.name.sort == "condition":
        return Cell(None, str(row.conditions.get(column.name.path[0], "")))
    if column.text == "imported":
        return Cell(None, "", moment=row.imported)
    counts = {"chars": row.n_chars, "tool_calls": row.n_tool_calls, "reasoning": row.n_reasoning}
    return Cell(counts[column.text], "")


def _dots(sight: Sight, ids: Sequence[int], people: Sequence[Channel]) -> dict[int, list[Dot]]:
    """Each person's label and each ruling, as coloured dots."""
    found: dict[int, list[Dot]] = {}
    keys = {channel.pk: channel.key for channel in people}
    rows = sight.readings_on(people).filter(transcript_id__in=ids).exclude(label="")
    for reading in rows.only("transcript_id", "label", "detail", "channel_id").order_by("channel_id", "pk"):
        words = str(reading.detail.get("words") or reading.label)
        if keys[reading.channel_id] == "people.ruling":
            words = f"ruling: {words}"
        found.setdefault(reading.transcript_id, []).append(Dot(hue_of(reading.detail.get("group")), words))
    return found
