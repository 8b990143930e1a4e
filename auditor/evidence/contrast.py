"""One channel under two conditions of the same prompts: which transcripts meet, and what is left out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, F, Func, JSONField, OuterRef, QuerySet
from django.db.models import Value as Literal

from auditor.corpus.models import Transcript, TranscriptQuerySet
from auditor.evidence.models import Channel, Rollup
from auditor.evidence.paired import Difference, Pair, Value, difference, pair, seed_of
from auditor.evidence.queries import MACHINE, Sight, scope_of

MOST = 20_000  # transcripts of a side
MOST_CONDITIONS = 20
PROMPT = "prompt"  # pairs by the digest of all before the first answer
META = "meta."  # pairs by what the metadata say under a name
CONDITIONS = """
    SELECT c.key, c.value, count(*) FROM corpus_transcript AS t, jsonb_each_text(t.conditions) AS c
    WHERE t.project_id = %s GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""


@dataclass(frozen=True)
class Side:
    """The transcripts of one condition: those that have a value, and why others are left out."""

    value: str
    values: list[Value]
    n: int
    veiled: int
    silent: int  # without a value
    unkeyed: int  # nothing to pair by
    cut: bool  # there are more than are looked at


@dataclass(frozen=True)
class Contrast:
    """A channel on two sides of one condition."""

    channel: Channel
    by: str
    by_pair: str
    a: Side
    b: Side
    pairs: list[Pair]
    only_a: int
    only_b: int
    figures: Difference

    @property
    def left_out(self) -> list[tuple[str, int, int]]:
        """Why transcripts are in no pair, and how many of either side."""
        rows = [
            ("hidden from you until your blind label is committed", self.a.veiled, self.b.veiled),
            ("without a value on this channel", self.a.silent, self.b.silent),
            ("without anything to pair by", self.a.unkeyed, self.b.unkeyed),
            ("without a partner on the other side", self.only_a, self.only_b),
        ]
        return [(why, a, b) for why, a, b in rows if a or b]


def conditions_of(project_id: int) -> dict[str, list[tuple[str, int]]]:
    """The conditions that have two values or more, each value with its transcripts, the most frequent first."""
    found: dict[str, list[tuple[str, int]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(CONDITIONS, [project_id])
        for name, value, n in cursor.fetchall():
            found.setdefault(name, []).append((value, n))
    several = {name: values for name, values in found.items() if len(values) > 1}
    return dict(list(several.items())[:MOST_CONDITIONS])


def contrast(sight: Sight, channel: Channel, *, by: str, a: str, b: str, by_pair: str = PROMPT) -> Contrast:
    """The channel on transcripts whose condition `by` is `a`, against those where it is `b`.

    Args:
        by_pair: `PROMPT`, or "meta.NAME" where the prompts themselves tell the condition.
    """
    here, there = (_side(sight, channel, by, value, by_pair) for value in (a, b))
    pairing = pair(here.values, there.values)
    seed = seed_of(channel.project_id, channel.key, by, a, b, by_pair)
    figures = difference([one.difference for one in pairing.pairs], seed)
    return Contrast(channel, by, by_pair, here, there, pairing.pairs, pairing.only_a, pairing.only_b, figures)


def _side(sight: Sight, channel: Channel, by: str, value: str, by_pair: str) -> Side:
    rows: TranscriptQuerySet = Transcript.objects.of(channel.project_id).filter(
        conditions__contains={by: value}
    )
    here = sight.rollups_of(channel).filter(transcript=OuterRef("pk"), value__isnull=False)
    n = rows.count()
    seen = sight.unveiled(
        rows, [scope_of(channel), MACHINE]
    )  # metadata, by which they may be paired, is evidence too
    veiled = n - seen.count()
    spoken = seen.filter(Exists(here)).order_by("pk").values_list("pk", flat=True)
    ids = list(spoken[: MOST + 1])
    said = sight.rollups_of(channel).filter(transcript__in=ids[:MOST], value__isnull=False)
    values = list(_values(said.select_related(None), by_pair))
    kept = [one for one in values if one.key]
    return Side(
        value, kept, n, veiled, silent=n - veiled - len(ids) if len(ids) <= MOST else 0,
        unkeyed=len(values) - len(kept), cut=len(ids) > MOST,
    )  # fmt: skip


def _values(rows: QuerySet[Rollup], by_pair: str) -> Iterator[Value]:
    name = by_pair.removeprefix(META) if by_pair.startswith(META) else ""
    said = Func(
        F("transcript__metadata"), Literal(name), function="jsonb_extract_path", output_field=JSONField()
    )
    keyed = said if name else F("transcript__prompt_digest")
    for pk, value, key in rows.values_list("transcript_id", "value", keyed):
        if name:
            key = "" if key in (None, "") else json.dumps(key, sort_keys=True, ensure_ascii=False)
        if value is not None:
            yield Value(key, pk, value)
