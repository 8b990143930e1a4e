"""Writing evidence: channels are declared, readings supersede, veils are laid and lifted."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from auditor.accounts.models import User
from auditor.corpus.copying import copy_rows, next_ids
from auditor.corpus.copytext import row
from auditor.corpus.jsontext import encode_json
from auditor.corpus.queries import messages_of, texts_of
from auditor.evidence.models import HUMAN, ROLLUPS, Channel, Quote, Reading, Rollup
from auditor.evidence.quotes import Located, MessageTexts, locate
from auditor.evidence.spoken import Spoken
from auditor.ledger.actions import record
from auditor.web.prepared import prepared

OWN = "channel {} is computed here, and nothing from outside may write to it"
PEOPLE = "people."  # how keys of channels of kind human begin
READING_COLUMNS = (
    "id", "channel_id", "transcript_id", "position", "part", "start", '"end"', "identifier", "value", "label",
    "explanation", "detail", "source", "created_at",
)  # fmt: skip
ROLLUP_COLUMNS = ("channel_id", "transcript_id", "value", "label", "n")
LIFT = "UPDATE evidence_veil SET lifted_at = %s WHERE lifted_at IS NULL"
ROLL: dict[str, Callable[[Sequence[float]], float]] = {
    "max": max,
    "min": min,
    "mean": statistics.fmean,
    "last": itemgetter(-1),
}


@dataclass(frozen=True)
class CitedQuote:
    """Words as an opinion cites them, with the message it names, if it names one, and the part of that."""

    text: str
    position: int | None = None
    source_id: str = ""
    part: str = ""
    found: Located | None = None  # where they stand, if somebody has looked for them already


@dataclass(frozen=True)
class NewReading:
    """A reading to be written; a place without a position speaks of the whole transcript."""

    channel: Channel
    transcript_id: int
    value: float | None
    label: str = ""
    position: int | None = None
    part: str = ""
    start: int | None = None  # code points
    end: int | None = None
    identifier: str = ""
    explanation: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    quotes: tuple[CitedQuote, ...] = ()

    @property
    def place(self) -> tuple[Any, ...]:
        """What may hold one current reading."""
        return (
            self.channel.pk, self.transcript_id, self.position, self.part, self.start, self.end, self.identifier
        )  # fmt: skip


class ChannelClash(ValueError):
    """A channel of this key exists and is declared differently."""


def declare_channel(
    *,
    project_id: int,
    key: str,
    kind: str,
    actor: User | None,
    name: str = "",
    own: bool = False,
    **declared: Any,
) -> Channel:
    """The project's channel of this key, made at first mention; later mentions may fill what was empty.

    One that came from outside is made known to whoever keeps count of its kind: see `WITNESSES` in the settings.

    Args:
        own: a run of the project computes it, and keeps a record of how.
        declared: any of unit, rollup, lo, hi, polarity, notice, detail.

    Raises:
        ChannelClash: the key is taken by a channel of another kind or unit or kept for people's
            labels, is computed here and now comes from outside or the reverse, or the rollup is unknown.
    """
    if key.startswith(PEOPLE) and kind != HUMAN:
        raise ChannelClash(f"channel {key}: keys that begin with {PEOPLE} are for what people decide here")
    given = {name: value for name, value in declared.items() if value not in (None, "", {})}
    if given.get("rollup", "max") not in ROLLUPS:
        raise ChannelClash(f"channel {key}: rollup must be one of {', '.join(ROLLUPS)}")
    with transaction.atomic():
        channel, created = Channel.objects.get_or_create(
            project_id=project_id,
            key=key[:200],
            defaults={"name": (name or key)[:300], "kind": kind, "own": own, **given},
        )
        if created:
            record(
                verb="channel.declared", subject=channel, actor=actor, project_id=project_id, key=channel.key
            )
            if not own and (witness := settings.WITNESSES.get(kind)):
                import_string(witness)(channel=channel, actor=actor)
            return channel
        if channel.own != own:
            raise ChannelClash(OWN.format(key) if channel.own else f"channel {key} came from outside")
        if channel.kind != kind or channel.unit != given.get("unit", channel.unit):
            raise ChannelClash(f"channel {key} exists as {channel.kind} by {channel.unit}, not {kind}")
        changed = [n for n in given if getattr(channel, n) in (None, "", {})]
        if changed:
            for attribute in changed:
                setattr(channel, attribute, given[attribute])
            channel.save(update_fields=changed)
            record(
                verb="channel.filled_in", subject=channel, actor=actor, project_id=project_id, fields=changed
            )
    return channel


def write_readings(*, readings: Sequence[NewReading], source: str, unseen: Container[int] = ()) -> int:
    """Write readings, superseding what stood at the same places; equal ones are left alone.

    The caller holds the transaction and records the ledger event of the whole batch.
    Cost: a constant number of queries for any number of readings. Of two readings for one
    place in `readings` the later holds.

    Args:
        unseen: transcripts that this transaction has made, so that nothing can stand on them yet.

    Returns:
        The number of readings written.
    """
    latest = {reading.place: reading for reading in readings}
    first = [reading for reading in latest.values() if reading.transcript_id in unseen]
    if first:
        _write_first(first, source)
        latest = {place: new for place, new in latest.items() if new.transcript_id not in unseen}
        if not latest:
            return len(first)
    transcripts = {reading.transcript_id for reading in latest.values()}
    channels = {reading.channel.pk for reading in latest.values()}
    now = timezone.now()
    with transaction.atomic():
        current = {
            (r.channel_id, r.transcript_id, r.position, r.part, r.start, r.end, r.identifier): r
            for r in Reading.objects.filter(
                transcript_id__in=transcripts, channel_id__in=channels, superseded_at__isnull=True
            )
        }
        taken = {(one.channel_id, one.transcript_id) for one in current.values()}
        rolled = Rollup.objects.filter(transcript_id__in=transcripts, channel_id__in=channels)
        taken |= set(rolled.values_list("channel_id", "transcript_id"))
        if alone := [new for new in latest.values() if (new.channel.pk, new.transcript_id) not in taken]:
            _write_first(alone, source)
            first += alone
        fresh = [
            new
            for place, new in latest.items()
            if (new.channel.pk, new.transcript_id) in taken
            and (place not in current or differs(current[place], new))
        ]
        if not fresh:
            return len(first)
        replaced = [current[new.place].pk for new in fresh if new.place in current]
        if replaced:
            Reading.objects.filter(pk__in=replaced).update(superseded_at=now)
        rows = Reading.objects.bulk_create(
            [
                Reading(
                    channel=new.channel, transcript_id=new.transcript_id, position=new.position, part=new.part,
                    start=new.start, end=new.end, identifier=new.identifier, value=new.value, label=new.label[:200],
                    explanation=new.explanation, detail=dict(new.detail), source=source,
                )
                for new in fresh
            ],
            batch_size=2000,
        )  # fmt: skip
        _write_quotes([(row, new) for row, new in zip(rows, fresh, strict=True) if new.quotes])
        roll_up(pairs={(new.channel.pk, new.transcript_id) for new in fresh})
    return len(first) + len(rows)


def _write_first(readings: list[NewReading], source: str) -> None:
    """Readings of channels on transcripts where these had said nothing: rows and roll-ups go in by COPY."""
    ids, moment = next_ids("evidence_reading", len(readings)), timezone.now().isoformat()
    copy_rows(
        "evidence_reading",
        READING_COLUMNS,
        (
            row(
                pk, *new.place, new.value, new.label[:200], new.explanation, encode_json(dict(new.detail)), source,
                moment,
            )
            for pk, new in zip(ids, readings, strict=True)
        ),
    )  # fmt: skip
    behind: dict[tuple[int, int], list[NewReading]] = defaultdict(list)
    for new in readings:
        behind[new.channel.pk, new.transcript_id].append(new)
    rolled = [_rolled(found[0].channel, pk, found) for (_, pk), found in behind.items()]
    copy_rows(
        "evidence_rollup",
        ROLLUP_COLUMNS,
        (row(one.channel_id, one.transcript_id, one.value, one.label[:200], one.n) for one in rolled),
    )
    _write_quotes(
        [
            (Reading(pk=pk, transcript_id=new.transcript_id), new)
            for pk, new in zip(ids, readings, strict=True)
            if new.quotes
        ]
    )


def roll_up(*, pairs: Iterable[tuple[int, int]]) -> None:
    """Make the transcript's value of each (channel, transcript) anew from its current readings."""
    wanted = set(pairs)
    if not wanted:
        return
    channels = {c.pk: c for c in Channel.objects.filter(pk__in={channel for channel, _ in wanted})}
    behind: dict[tuple[int, int], list[Reading]] = defaultdict(list)
    rows = Reading.objects.filter(
        channel_id__in=channels, transcript_id__in={t for _, t in wanted}, superseded_at__isnull=True
    )
    for reading in rows.only("channel_id", "transcript_id", "value", "label").order_by("pk"):
        if (reading.channel_id, reading.transcript_id) in wanted:
            behind[reading.channel_id, reading.transcript_id].append(reading)
    gone = wanted - behind.keys()
    for channel_id, transcript_id in gone:
        Rollup.objects.filter(channel_id=channel_id, transcript_id=transcript_id).delete()
    Rollup.objects.bulk_create(
        [
            _rolled(channels[channel_id], transcript_id, found)
            for (channel_id, transcript_id), found in behind.items()
        ],
        update_conflicts=True,
        unique_fields=["transcript", "channel"],
        update_fields=["value", "label", "n"],
        batch_size=2000,
    )


def _rolled(
    channel: Channel, transcript_id: int, readings: Sequence[Reading] | Sequence[NewReading]
) -> Rollup:
    value, label = rolled(channel, readings)
    return Rollup(channel=channel, transcript_id=transcript_id, value=value, label=label, n=len(readings))


def rolled(
    channel: Channel, readings: Sequence[Reading] | Sequence[NewReading] | Sequence[Spoken]
) -> tuple[float | None, str]:
    """The value and the label that a channel's readings of one transcript, oldest first, come to."""
    values = [r.value for r in readings if r.value is not None]
    value = None
    if values:
        value = ROLL[channel.rollup](values)
    labels = [r.label for r in readings if r.label]
    label = ""
    if labels:
        if channel.kind == HUMAN and len(set(labels)) > 1:
            label = "mixed"
        else:
            chosen = [r.label for r in readings if r.label and r.value == value] or labels
            label = chosen[-1]
    return value, label


def differs(old: Reading, new: NewReading) -> bool:
    """Whether a reading says something else than the one that stands at its place."""
    return (old.value, old.label, old.explanation, old.detail) != (
        new.value,
        new.label[:200],
        new.explanation,
        dict(new.detail),
    )


def _located(quote: CitedQuote, texts: Sequence[MessageTexts], hint: int | str | None) -> Located:
    """Where the quote stands; the part that it names goes before all others."""
    if quote.part and hint not in (None, ""):
        named = [
            MessageTexts(one.position, one.role, one.source_id, {quote.part: one.parts[quote.part]})
            for one in texts
            if quote.part in one.parts and hint == (one.position if isinstance(hint, int) else one.source_id)
        ]
        if (found := locate(quote.text, named, hint)).position is not None:
            return found
    return locate(quote.text, texts, hint)


def _write_quotes(cited: list[tuple[Reading, NewReading]]) -> None:
    """Look for each cited quote in its transcript and keep what was found, or that nothing was."""
    if not cited:
        return
    unknown = {row.transcript_id for row, new in cited if any(one.found is None for one in new.quotes)}
    texts = {
        pk: [MessageTexts(m.position, m.role, m.source_id, texts_of(m)) for m in messages]
        for pk, messages in (messages_of(unknown) if unknown else {}).items()
    }
    quotes = []
    for reading, new in cited:
        for quote in new.quotes:
            hint = quote.position if quote.position is not None else quote.source_id
            found = quote.found or _located(quote, texts[reading.transcript_id], hint)
            quotes.append(
                Quote(
                    reading=reading, text=quote.text, status=found.status, position=found.position,
                    part=found.part or "", start=found.start, end=found.end,
                )
            )  # fmt: skip
    Quote.objects.bulk_create(quotes, batch_size=2000)


def lay_veils(
    *, person_ids: Iterable[int], transcript_ids: Sequence[int], round_key: str, scopes: Iterable[str]
) -> None:
    """Hide evidence of these scopes on these transcripts from these people; safe to repeat.

    A veil that was lifted stays lifted. The caller records the event of the round.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO evidence_veil (person_id, transcript_id, scope, round_key, laid_at)
            SELECT person, transcript, scope, %s, now() FROM unnest(%s::bigint[]) AS transcript,
                unnest(%s::bigint[]) AS person, unnest(%s::text[]) AS scope
            ON CONFLICT DO NOTHING
            """,
            [round_key, list(transcript_ids), list(person_ids), list(scopes)],
        )


def lift_veils(
    *,
    round_key: str,
    scopes: Iterable[str],
    person_id: int | None = None,
    transcript_id: int | None = None,
    but_not: Iterable[int] = (),
) -> int:
    """Lift the veils that a round laid, for one person and transcript or for all of it (`but_not` these people).

    Veils that another round laid on the same transcript stay down.
    """
    wanted: dict[str, Any] = {"round_key = %s": round_key, "scope = ANY(%s)": list(scopes)}
    if person_id is not None:
        wanted["person_id = %s"] = person_id
    if transcript_id is not None:
        wanted["transcript_id = %s"] = transcript_id
    if kept := list(but_not):
        wanted["person_id <> ALL(%s)"] = kept
    with prepared() as cursor:
        cursor.execute(f"{LIFT} AND {' AND '.join(wanted)}", [timezone.now(), *wanted.values()])
        return int(cursor.rowcount)
