"""Searches at the speed of a page: the newest hits first, without gathering all of them.

    search_page(rows, "in:reasoning hide", project_id=…, size=50)       ids of one page, newest first
    search_page(…, before=LAST_ID)                                      the next page
    count_saying(rows, "in:reasoning hide", project_id=…)               (37, True), or (1001, False): more
    index_state(project_id)                                             (indexed, total) transcripts

`rows` may be filtered in any way, by veils too; its order is ignored. The words are those of
`corpus.words`, which raises WordsError (message, position, nearest). For other orders there is
`rows.saying(words)`.

A common word is found within the newest buckets of ids, which the index can pick out by their markers; a
rare one needs the whole index, where it has few entries. So the buckets grow sixteenfold, and
each step costs about what a page of hits costs: at most five queries.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Max, Min

from auditor.corpus.models import SearchedMessage, Transcript, TranscriptQuerySet
from auditor.corpus.words import LEVELS, markers, parse
from auditor.web.prepared import prepared

COUNTED = 1001  # hits that a count goes to
LOOKED_AT = 20_000  # messages that one step of a count reads
STATE = """
    SELECT sum(indexed), sum(transcripts_written) FROM corpus_importbatch WHERE project_id = %s AND undone_at IS NULL
"""


def search_page(
    rows: TranscriptQuerySet,
    words: str,
    *,
    project_id: int,
    size: int,
    before: int | None = None,
    oldest_first: bool = False,
) -> list[int]:
    """Ids of the `size` newest of `rows` that say `words`, below the id `before`; newest first.

    With `oldest_first` the other way round: the oldest, above the id `before`.

    Raises:
        WordsError: the words cannot be read.
    """
    asked = parse(words)
    mine = rows.of(project_id).order_by("pk" if oldest_first else "-pk")
    found: list[int] = []
    for stretch in _stretches(project_id, before, oldest_first=oldest_first):
        some = mine.filter(pk__gte=stretch.low, pk__lt=stretch.high)
        said = some.saying(asked, within=stretch.within, among=(stretch.low, stretch.high))
        found = list(said.values_list("pk", flat=True)[:size])
        if len(found) == size:
            break
    return found


def count_saying(
    rows: TranscriptQuerySet, words: str, *, project_id: int, limit: int = COUNTED
) -> tuple[int, bool]:
    """How many of `rows` say `words`, up to `limit`, and whether that is all of them.

    Raises:
        WordsError: the words cannot be read.
    """
    asked = parse(words)
    mine = rows.of(project_id).order_by()
    for stretch in _stretches(project_id, None, oldest_first=False):
        if stretch.high - stretch.low < limit:
            continue
        if stretch.is_all:
            among = (stretch.low, stretch.high)
            n = mine.saying(asked, within=stretch.within, among=among)[:limit].count()
            return n, n < limit
        hits = SearchedMessage.objects.saying(asked, within=stretch.within).values("transcript_id")
        if mine.filter(pk__in=hits[:LOOKED_AT])[:limit].count() == limit:
            return limit, False
    return mine.saying(asked).count(), True  # fewer transcripts than the limit


def index_state(project_id: int) -> tuple[int, int]:
    """How many transcripts of the project full text covers, and how many there are, by the batches' counts."""
    with prepared() as cursor:
        cursor.execute(STATE, [project_id])
        ((indexed, total),) = cursor.fetchall()
    return indexed or 0, total or 0


@dataclass(frozen=True)
class _Stretch:
    """Ids from `low` to `high` (exclusive), and the markers that the hits in it carry."""

    low: int
    high: int
    within: str
    is_all: bool = False  # nothing is left beyond it


def _stretches(project_id: int, before: int | None, *, oldest_first: bool) -> Iterator[_Stretch]:
    """Ever longer stretches of the project's ids that begin at `before`, the last of them up to the end."""
    ends = Transcript.objects.of(project_id).aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return
    low, high = ends["first"], ends["last"] + 1
    if before is not None:
        low, high = (max(low, before + 1), high) if oldest_first else (low, min(high, before))
    if low >= high:
        return
    for level, bits in LEVELS.items():
        bucket = low >> bits if oldest_first else ((high - 1) >> bits) - 1
        within = markers(project_id, level, (bucket, bucket + 1))
        if oldest_first:
            end = (bucket + 2) << bits
            stretch = _Stretch(low, min(end, high), within, is_all=end >= high)
        else:
            begin = bucket << bits
            stretch = _Stretch(max(begin, low), high, within, is_all=begin <= low)
        yield stretch
        if stretch.is_all:
            return
    yield _Stretch(low, high, markers(project_id), is_all=True)
