"""What channels say of one transcript, gathered for the rail beside its text.

    opinions(sight, transcript) -> [Opinion of a channel -> Statement -> Citation]

Only what `sight` shows comes in; a veiled transcript has no opinions at all.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditor.accounts.models import User
from auditor.corpus.document import Mark
from auditor.evidence.kinds import Kind, kind_of
from auditor.evidence.models import HUMAN, Channel, Quote, Reading
from auditor.evidence.queries import Sight
from auditor.evidence.quotes import EXACT, NOT_FOUND
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared

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
READING, CHANNEL, QUOTE = Columns(Reading), Columns(Channel), Columns(Quote)
# A veil hides all that machines say of a transcript, or all that people say of it.
WEIGHTIEST = f"""
    SELECT {READING.of("said")}, {CHANNEL.of("channel")}, said.of, rolled.value, coalesce(rolled.label, '')
    FROM (SELECT one.*, count(*) OVER (PARTITION BY one.channel_id) AS of, row_number() OVER (
              PARTITION BY one.channel_id ORDER BY one.position IS NOT NULL, coalesce(one.value, 0) DESC, one.id) AS rank
          FROM evidence_reading one WHERE one.transcript_id = %(transcript)s AND one.superseded_at IS NULL) said
    JOIN evidence_channel channel ON channel.id = said.channel_id
    LEFT JOIN evidence_rollup rolled ON rolled.channel_id = channel.id AND rolled.transcript_id = %(transcript)s
    WHERE said.rank <= %(most)s AND NOT EXISTS (SELECT FROM evidence_veil veil
        WHERE veil.person_id = %(person)s AND veil.transcript_id = %(transcript)s AND veil.lifted_at IS NULL
        AND veil.scope = CASE channel.kind WHEN 'human' THEN 'human' ELSE 'machine' END)
    ORDER BY channel.kind, channel.key, said.id
"""  # noqa: S608 - made of constants
QUOTES = f"""
    SELECT {QUOTE.of("quote")} FROM evidence_quote quote WHERE quote.reading_id = ANY(%s) ORDER BY quote.id LIMIT %s
"""  # noqa: S608 - made of constants


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
    by_channel: dict[int, list[_Said]] = {}
    for one in _weightiest(sight, transcript_id):
        by_channel.setdefault(one.reading.channel_id, []).append(one)
    readings = [one.reading for said in by_channel.values() for one in said]
    quotes = _quotes(readings)
    names = _names(reading for reading in readings if reading.channel.kind == HUMAN)
    letters = _letters()
    found: list[Opinion] = []
    ordered = sorted(by_channel.values(), key=lambda said: said[0].reading.channel.kind == HUMAN)
    for said in ordered:
        statements = [
            Statement(
                reading,
                names.get(reading.identifier, ""),
                [_citation(quote, letters) for quote in quotes.get(reading.pk, [])],
            )
            for reading in sorted((one.reading for one in said), key=_weight)
        ]
        new = not found or found[-1].channel.kind != said[0].reading.channel.kind
        found.append(_opinion(said[0], statements, new))
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """A reading, how many the channel has there, and what these come to."""

    reading: Reading
    of: int
    value: float | None
    label: str


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


def _opinion(first: _Said, statements: list[Statement], first_of_kind: bool) -> Opinion:
    channel = first.reading.channel
    return Opinion(
        channel=channel,
        kind=kind_of(channel.kind),
        value=first.value,
        label=first.label,
        statements=statements,
        more=first.of - len(statements),
        first_of_kind=first_of_kind,
    )


def _weightiest(sight: Sight, transcript_id: int) -> Iterator[_Said]:
    """The first readings of each channel by weight, chosen by the database; each knows how many there are."""
    values = {"transcript": transcript_id, "person": sight.person_id, "most": MOST_STATEMENTS}
    with prepared() as cursor:
        cursor.execute(WEIGHTIEST, values)
        rows = cursor.fetchall()
    for row in rows:
        columns = iter(row)
        reading = READING.row(columns)
        reading.channel = CHANNEL.row(columns)
        yield _Said(reading, *columns)


def _quotes(readings: Sequence[Reading]) -> dict[int, list[Quote]]:
    """The words that these readings cite; whoever may see a reading may see those."""
    found: dict[int, list[Quote]] = {}
    if readings:
        with prepared() as cursor:
            cursor.execute(QUOTES, [[reading.pk for reading in readings], MOST_QUOTES])
            for row in cursor.fetchall():
                quote = QUOTE.row(iter(row))
                found.setdefault(quote.reading_id, []).append(quote)
    return found


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
    if not ids:
        return {}
    people = User.objects.filter(pk__in=[int(ident) for ident in ids])
    return {str(pk): name for pk, name in people.values_list("pk", "name")}
