"""What channels say of one transcript, gathered for the rail beside its text.

    opinions(sight, transcript) -> [Opinion of a channel -> Statement -> Citation]

Only what `sight` shows comes in; a veiled transcript has no opinions at all.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Q, QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber

from auditor.accounts.models import User
from auditor.corpus.document import Mark
from auditor.evidence.kinds import Kind, kind_of
from auditor.evidence.models import HUMAN, Channel, Quote, Reading, Rollup
from auditor.evidence.queries import Sight
from auditor.evidence.quotes import EXACT, NOT_FOUND

MOST_READINGS = 2000  # of one transcript, read at all
MOST_QUOTES = 2000  # of one transcript, in the rail
MOST_STATEMENTS = 8  # of one channel, shown
LONG = 280  # characters of an explanation that are shown at once
STATUS_WORDS = {
    "normalised": "found with other spacing or punctuation",
    "elided": "found in pieces",
    "in_arguments": "in the arguments of a tool call",
    "in_reasoning": "in the reasoning",
    NOT_FOUND: "not in the text",
}


@dataclass(frozen=True)
class Citation:
    """Words that an opinion cites, and where they stand."""

    text: str
    ident: str  # of its mark; empty if it stands nowhere
    position: int | None
    part: str
    start: int
    end: int
    letter: str
    status: str  # in words; empty for exact

    @property
    def number(self) -> int | None:
        """What people call the message."""
        return None if self.position is None else self.position + 1

    @property
    def place(self) -> str:
        """Where the words stand, as JSON for the page's scripts; empty if nowhere."""
        if self.position is None or self.end <= self.start:
            return ""
        return json.dumps(
            {"position": self.position, "part": self.part, "start": self.start, "end": self.end}
        )


@dataclass(frozen=True)
class Statement:
    """One reading."""

    reading: Reading
    who: str  # on channels of people
    citations: list[Citation]

    @property
    def number(self) -> int | None:
        """What people call the message it is about."""
        return None if self.reading.position is None else self.reading.position + 1

    @property
    def is_long(self) -> bool:
        """Whether its explanation is folded at first."""
        return len(self.reading.explanation) > LONG


@dataclass(frozen=True)
class Opinion:
    """One channel on one transcript."""

    channel: Channel
    kind: Kind
    value: float | None  # rolled up
    label: str
    statements: list[Statement]
    more: int  # readings beyond those shown
    first_of_kind: bool  # where the kind's warning stands

    @property
    def is_whole(self) -> bool:
        """Whether it is a single reading of the whole transcript."""
        return len(self.statements) == 1 and self.statements[0].reading.position is None


def opinions(sight: Sight, transcript_id: int) -> list[Opinion]:
    """Every channel's opinion, machines first; a fixed number of queries."""
    readings = list(_weightiest(sight, transcript_id))
    rolled = {rollup.channel_id: rollup for rollup in sight.rollups([transcript_id])}
    quotes: dict[int, list[Quote]] = {}
    cited = sight.quotes([transcript_id]).filter(reading__in=[reading.pk for reading in readings])
    for quote in cited.select_related(None)[:MOST_QUOTES]:
        quotes.setdefault(quote.reading_id, []).append(quote)
    names = _names(reading for reading in readings if reading.channel.kind == HUMAN)
    by_channel: dict[int, list[Reading]] = {}
    for reading in readings:
        by_channel.setdefault(reading.channel_id, []).append(reading)
    letters = _letters()
    found: list[Opinion] = []
    ordered = sorted(by_channel.values(), key=lambda said: said[0].channel.kind == HUMAN)
    for said in ordered:
        statements = [
            Statement(
                reading,
                names.get(reading.identifier, ""),
                [_citation(quote, letters) for quote in quotes.get(reading.pk, [])],
            )
            for reading in sorted(said, key=_weight)
        ]
        new = not found or found[-1].channel.kind != said[0].channel.kind
        found.append(_opinion(said, rolled.get(said[0].channel_id), statements, new))
    return found


def quote_marks(found: Iterable[Opinion]) -> list[Mark]:
    """The cited words as marks in their channel's colour, named as the rail names them."""
    return [
        Mark(
            citation.position,
            citation.part,
            citation.start,
            citation.end,
            "quote",
            css=opinion.kind.hue,
            label=citation.letter,
            ident=citation.ident,
            title=f"cited by {opinion.channel.name}",
        )
        for opinion in found
        for statement in opinion.statements
        for citation in statement.citations
        if citation.ident and citation.position is not None
    ]


def _opinion(
    said: Sequence[Reading], rolled: Rollup | None, statements: list[Statement], first_of_kind: bool
) -> Opinion:
    channel = said[0].channel
    return Opinion(
        channel=channel,
        kind=kind_of(channel.kind),
        value=rolled.value if rolled is not None else None,
        label=rolled.label if rolled is not None else "",
        statements=statements,
        more=getattr(said[0], "n_said", len(said)) - len(statements),
        first_of_kind=first_of_kind,
    )


def _weightiest(sight: Sight, transcript_id: int) -> QuerySet[Reading]:
    """The first readings of each channel by weight, chosen by the database; each knows how many there are."""
    of_channel: dict[str, Any] = {"partition_by": F("channel_id")}
    weight = [
        ExpressionWrapper(Q(position__isnull=False), output_field=BooleanField()).asc(),
        Coalesce(F("value"), 0.0).desc(),
        F("pk").asc(),
    ]
    rows = sight.readings([transcript_id]).annotate(
        rank=Window(RowNumber(), order_by=weight, **of_channel),
        n_said=Window(Count("pk"), **of_channel),
    )
    return rows.filter(rank__lte=MOST_STATEMENTS)


def _weight(reading: Reading) -> tuple[bool, float, int]:
    """Of the whole transcript first, then the highest values."""
    return (reading.position is not None, -(reading.value or 0.0), reading.pk)


def _citation(quote: Quote, letters: list[str]) -> Citation:
    placed = quote.status != NOT_FOUND and quote.position is not None and quote.start is not None
    status = "" if quote.status == EXACT else STATUS_WORDS.get(quote.status, quote.status)
    return Citation(
        text=quote.text,
        ident=f"q{quote.pk}" if placed else "",
        position=quote.position,
        part=quote.part,
        start=quote.start or 0,
        end=quote.end or 0,
        letter=letters.pop() if placed and letters else "",
        status=status,
    )


def _letters() -> list[str]:
    """a to z, to be popped in order; later citations have none."""
    return [chr(code) for code in range(ord("z"), ord("a") - 1, -1)]


def _names(readings: Iterable[Reading]) -> dict[str, str]:
    """People's names by the identifier on their readings."""
    ids = {reading.identifier for reading in readings if reading.identifier.isdigit()}
    people = User.objects.filter(pk__in=[int(ident) for ident in ids])
    return {str(pk): name for pk, name in people.values_list("pk", "name")}
