"""What is known, and who said what of it: rows from rulings or from a field of the data, and what channels say of them.

All of it is read on behalf of a person: rounds that are withheld from them and transcripts that are veiled
to them stay out.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import Max, QuerySet

from auditor.accounts.models import User
from auditor.corpus.models import Transcript, TranscriptQuerySet
from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import MACHINE, SCOPES, Sight, channels_of, visible_to
from auditor.interp.controls import scores_of
from auditor.interp.models import Threshold
from auditor.interp.packs import PACKS, PLAIN
from labeling.adjudication.models import Ruling
from labeling.adjudication.queries import rulings_of
from labeling.agreement.queries import withheld_rounds
from labeling.annotations.content import TRUTH
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.queues.models import WORK, Item, Round
from labeling.validity.contrasts import Known
from labeling.validity.figures import Given
from labeling.validity.references import CHANNEL, CODEBOOK, CONDITION, META, MOST_VALUES, Reference, value_at
from labeling.validity.report import EDITION, Voice
from labeling.validity.units import Anchor, Listener, Row, Said, Spoken

MOST = 20_000  # transcripts of a reference that came with the data
CHUNK = 2000
LOOK_ALIKES = "honest look-alikes"


@dataclass(frozen=True)
class Gathered:
    """Everything that is known, and what it rests on."""

    reference: Reference
    rows: tuple[Row, ...]
    words: str  # on which labels, for people
    notes: tuple[str, ...] = ()
    codebook: Codebook | None = None
    values: tuple[str, ...] = ()  # what a reference without a codebook says, the commonest first
    rounds: tuple[Round, ...] = ()
    reviewed: tuple[int, ...] = ()  # transcripts of these rounds
    n_drawn: int = 0
    detail: dict[str, Any] = field(default_factory=dict)

    def basis(self) -> dict[str, Any]:
        """As a report keeps it."""
        wholes = [row for row in self.rows if row.is_whole]
        return {
            "words": self.words, "notes": list(self.notes), "n_transcripts": len(wholes),
            "n_units": len(self.rows) - len(wholes), "n_drawn": self.n_drawn,
            "weighted": len({round(row.weight, 9) for row in wholes}) > 1, **self.detail,
        }  # fmt: skip


def rounds_of(reference: Reference, person: User) -> list[Round]:
    """The rounds by the reference's codebook that are not withheld from the person; none for other references."""
    if reference.codebook is None:
        return []
    rows = Round.objects.filter(
        project_id=reference.project_id, codebook_version__codebook=reference.codebook
    )
    rounds = list(rows.select_related("sample", "codebook_version").defer("sample__frame_ids").order_by("pk"))
    hidden = withheld_rounds(rounds, person, SCOPES)
    return [one for one in rounds if one.pk not in hidden]


def is_narrowed(reference: Reference, person: User) -> bool:
    """Whether labels are hidden from the person that others can hold channels against."""
    if reference.codebook is None:
        return visible_to(person).is_veiled_anywhere(reference.project_id, [MACHINE])
    known = [one.pk for one in rounds_of(reference, person)]
    rows = Round.objects.filter(
        project_id=reference.project_id, codebook_version__codebook=reference.codebook
    )
    hidden = list(rows.exclude(pk__in=known).values_list("pk", flat=True))
    return bool(hidden) and Ruling.objects.filter(item__round__in=hidden, item__role=WORK).exists()


def gather(reference: Reference, person: User) -> Gathered:
    """What the reference says of its transcripts and their units."""
    if reference.kind == CODEBOOK:
        return _of_rulings(reference, person)
    return _of_values(reference, person)


def names_of(reference: Reference, person: User) -> tuple[object, ...]:
    """Ids of the rulings or transcripts that `gather` rests on, cheaply: a report of others is out of date."""
    if reference.kind == CODEBOOK:
        rounds = rounds_of(reference, person)
        return tuple(_rulings(rounds).values_list("pk", flat=True)) if rounds else ()
    if reference.kind == CHANNEL and reference.channel is not None:
        rows = visible_to(person).rollups_of(reference.channel).order_by("transcript_id")
        return tuple(rows.values_list("transcript_id", "label", "value")[:MOST])
    return tuple(_transcripts(reference, person).values_list("pk", flat=True)[:MOST])


def digest_of(names: Sequence[object], contrasts: Iterable[str]) -> str:
    """Names the labels that a report is made from."""
    return hashlib.sha256(f"{EDITION}:{list(names)}:{sorted(contrasts)}".encode()).hexdigest()


def newest_reading(project_id: int, transcripts: Sequence[int], person: User) -> int:
    """The id of the newest machine reading on these transcripts."""
    rows = visible_to(person).readings_on(_channels(project_id)).order_by()
    found = 0
    for begin in range(0, len(transcripts), CHUNK):
        newest = rows.filter(transcript_id__in=transcripts[begin : begin + CHUNK]).aggregate(one=Max("pk"))
        found = max(found, newest["one"] or 0)
    return found


def has_newer_reading(project_id: int, transcripts: Sequence[int], person: User, newest: int) -> bool:
    """Whether anything was read on these transcripts since."""
    rows = visible_to(person).readings(transcripts).exclude(channel__kind=HUMAN)
    return rows.filter(pk__gt=newest).order_by().exists()


def voices_of(reference: Reference) -> list[Voice]:
    """Every channel that can be measured, with its thresholds and what it said of control packs."""
    channels = _channels(reference.project_id)
    if reference.channel is not None:
        channels = [one for one in channels if one.pk != reference.channel.pk]
    ids = [one.pk for one in channels]
    thresholds = {
        one.channel_id: Given(one.control, one.value, one.fired, one.n, one.wanted)
        for one in Threshold.objects.filter(channel__in=ids, superseded_at=None)
    }
    controls: dict[int, dict[str, list[float]]] = {}
    for score in scores_of(ids):
        name = PACKS[score.pack].name.lower() if score.pack == PLAIN else LOOK_ALIKES
        said = [one["value"] for one in score.scores if one["value"] is not None]
        controls.setdefault(score.channel_id, {}).setdefault(name, []).extend(said)
    return [
        Voice(
            one.pk, one.key, one.name, one.kind, one.lo, one.hi, _given(one, thresholds.get(one.pk)),
            tuple((name, np.array(said)) for name, said in sorted(controls.get(one.pk, {}).items())),
        )
        for one in channels
    ]  # fmt: skip


class Hearing:
    """Reads what channels say of the rows, some channels at a time."""

    def __init__(self, rows: Sequence[Row], person: User, project_id: int) -> None:
        self.listener = Listener(rows)
        self.sight: Sight = visible_to(person)
        self.transcripts = sorted({row.transcript for row in rows})
        self.with_units = sorted({row.transcript for row in rows if not row.is_whole})
        self.channels = {one.pk: one for one in _channels(project_id)}

    def __call__(self, voices: Sequence[Voice]) -> Iterator[tuple[Voice, Spoken]]:
        channels = [self.channels[voice.pk] for voice in voices]
        wholes: dict[int, dict[int, tuple[float | None, str]]] = {}
        places: dict[int, list[Said]] = {}
        for begin in range(0, len(self.transcripts), CHUNK):
            some = self.transcripts[begin : begin + CHUNK]
            rows = self.sight.rollups_on(channels).filter(transcript_id__in=some).order_by()
            for channel, transcript, value, label in rows.values_list(
                "channel_id", "transcript_id", "value", "label"
            ).iterator():
                wholes.setdefault(channel, {})[transcript] = value, label
        for begin in range(0, len(self.with_units), CHUNK):
            some = self.with_units[begin : begin + CHUNK]
            readings = self.sight.readings_on(channels).filter(transcript_id__in=some, position__isnull=False)
            for channel, transcript, position, part, start, end, value, label in (
                readings.order_by("pk")
                .values_list("channel_id", "transcript_id", "position", "part", "start", "end", "value", "label")
                .iterator()
            ):  # fmt: skip
                said = Said(transcript, Anchor(position or 0, part, start, end), value, label)
                places.setdefault(channel, []).append(said)
        for voice in voices:
            rollup = self.channels[voice.pk].rollup
            yield (
                voice,
                self.listener.hear(places.pop(voice.pk, []), wholes.pop(voice.pk, {}), rollup),
            )


def _given(channel: Channel, threshold: Given | None) -> tuple[Given, ...]:
    """The channel's own threshold, and the middle of its declared scale."""
    found = [threshold] if threshold is not None else []
    if channel.lo is not None and channel.hi is not None and channel.hi > channel.lo:
        found.append(Given("middle of the declared scale, chosen on nothing", (channel.lo + channel.hi) / 2))
    return tuple(found)


def _channels(project_id: int) -> list[Channel]:
    return list(channels_of(project_id).exclude(kind=HUMAN).defer("detail"))


def _rulings(rounds: Sequence[Round]) -> QuerySet[Ruling]:
    items = Item.objects.filter(round__in=rounds, role=WORK).values_list("pk", flat=True)
    rows = rulings_of(items).select_related("item", "item__sample_item", "codebook_version")
    return rows.order_by("pk")


def _of_rulings(reference: Reference, person: User) -> Gathered:
    rounds = rounds_of(reference, person)
    by_id = {one.pk: one for one in rounds}
    held = list(_rulings(rounds)) if rounds else []
    newest = {one.item.transcript_id: one for one in held}  # of several rounds the latest ruling
    kept = sorted(newest.values(), key=lambda one: one.item.transcript_id)
    samples = {by_id[one.item.round_id].sample_id: by_id[one.item.round_id].sample for one in kept}
    why = [f"{one.name}: {one.why_not}" for one in samples.values() if not one.carries_back]
    n_of = {pk: sum(by_id[one.item.round_id].sample_id == pk for one in kept) for pk in samples}
    facts = {
        pk: (model, conditions)
        for pk, model, conditions in Transcript.objects.filter(pk__in=newest).values_list(
            "pk", "model_name", "conditions"
        )
    }
    plans: dict[tuple[int, int], int] = {}
    rows: list[Row] = []
    for one in kept:
        round = by_id[one.item.round_id]
        drawn = one.item.sample_item
        stratum = drawn.stratum if drawn is not None else 0
        plan = plans.setdefault((round.sample_id, stratum), len(plans))
        odds = 1.0 if drawn is None or why else drawn.probability
        if drawn is not None and not why and len(samples) > 1 and drawn.overall is not None:
            odds = drawn.overall
        weight = (n_of[round.sample_id] / len(kept) if len(samples) > 1 else 1.0) / odds
        model, conditions = facts[one.item.transcript_id]
        codebook = definition_of(one.codebook_version)
        names = round.sample.strata
        rows += _rows_of(
            one, codebook, weight=weight, plan=plan, model=model,
            stratum=str(names[stratum].get("name") or stratum + 1) if stratum < len(names) else "",
            conditions={str(name): str(value) for name, value in conditions.items()},
        )  # fmt: skip
    reviewed = Item.objects.filter(round__in=rounds).values_list("transcript_id", flat=True).distinct()
    n_drawn = Item.objects.filter(round__in=rounds, role=WORK).values("transcript").distinct().count()
    used = [one for one in rounds if one.pk in {ruling.item.round_id for ruling in kept}]
    newest_version = max((one.codebook_version for one in rounds), key=lambda v: v.number, default=None)
    notes = _notes(why, len(samples), n_drawn, len(kept))
    named = " and ".join(one.name for one in used[:3]) + (
        f" and {len(used) - 3} more rounds" if len(used) > 3 else ""
    )
    words = f"{len(kept):,} adjudicated transcript{'' if len(kept) == 1 else 's'}" + (
        f" of {named}" if used else ""
    )
    return Gathered(
        reference, tuple(rows), words, notes, definition_of(newest_version) if newest_version is not None else None,
        rounds=tuple(used), reviewed=tuple(reviewed), n_drawn=n_drawn,
        detail={
            "rounds": [[one.pk, one.name] for one in used],
            "versions": sorted({one.codebook_version.number for one in kept}),
        },
    )  # fmt: skip


def _rows_of(ruling: Ruling, codebook: Codebook, **shared: Any) -> list[Row]:
    """The transcript as a whole with its most severe label, and each of its units that stands somewhere."""
    transcript = ruling.item.transcript_id
    found = [Row(transcript, Known(ruling.label, ruling.group, ruling.answers, codebook), **shared)]
    for unit in ruling.units:
        anchor = _anchor(unit, ruling.spans)
        if anchor is not None:
            known = Known(unit["label"], unit["group"], unit.get("answers") or {}, codebook)
            found.append(Row(transcript, known, anchor=anchor, **shared))
    return found


def _anchor(unit: dict[str, Any], spans: Iterable[dict[str, Any]]) -> Anchor | None:
    """Where a unit stands: as said, else at its first marked words other than where the truth was."""
    if unit.get("position") is not None:
        return Anchor(unit["position"], unit.get("part") or "", unit.get("start"), unit.get("end"))
    for span in spans:
        if span.get("unit", 0) == unit.get("number", 0) and span["kind"] != TRUTH:
            return Anchor(span["position"], span["part"], span["start"], span["end"])
    return None


def _notes(why: Sequence[str], n_samples: int, n_drawn: int, n_kept: int) -> tuple[str, ...]:
    found = []
    if why:
        found.append(f"Not weighted: {'; '.join(why)}. The figures speak of these transcripts alone.")
    if n_samples > 1 and not why:
        found.append(
            f"Rounds of {n_samples} draws: each draw is weighted back to its own frame, and counts by its size."
        )
    if n_kept < n_drawn:
        found.append(
            f"Of {n_drawn:,} drawn transcripts {n_drawn - n_kept:,} have no ruling yet; they are taken to be like the others."
        )
    return tuple(found)


def _transcripts(reference: Reference, person: User) -> TranscriptQuerySet:
    """Those that may have the field, in order of their ids."""
    rows = visible_to(person).unveiled(Transcript.objects.of(reference.project_id), [MACHINE])
    field_name = "metadata" if reference.kind == META else "conditions"
    first = reference.name.split(".")[0] if reference.kind == META else reference.name
    return rows.filter(**{f"{field_name}__has_key": first}).order_by("pk")


def _of_values(reference: Reference, person: User) -> Gathered:
    """Transcripts by what the data or a channel says of them."""
    said: dict[int, str] = {}
    if reference.kind == CHANNEL and reference.channel is not None:
        rollups = visible_to(person).rollups_of(reference.channel).order_by("transcript_id")
        for pk, label, number in rollups.values_list("transcript_id", "label", "value")[:MOST]:
            said[pk] = label or ("" if number is None else f"{number:g}")
        chosen = Transcript.objects.filter(pk__in=said)
    else:
        chosen = _transcripts(reference, person)
    fields = ("pk", "model_name", "conditions", "metadata")
    rows: list[Row] = []
    counts: dict[str, int] = {}
    for pk, model, conditions, metadata in chosen.values_list(*fields)[:MOST].iterator():
        if reference.kind == CHANNEL:
            value: str | None = said[pk]
        elif reference.kind == META:
            value = value_at(metadata, reference.name)
        else:
            value = value_at({"": conditions.get(reference.name)}, "")
        if not value:
            continue
        counts[value] = counts.get(value, 0) + 1
        shared = {
            str(name): str(one)
            for name, one in conditions.items()
            if (reference.kind, reference.name) != (CONDITION, name)
        }
        rows.append(Row(pk, Known(value), model=model, conditions=shared))
    values = tuple(sorted(counts, key=lambda one: (-counts[one], one)))
    notes = [
        f"Held against {reference.words}, which nobody here has checked: these labels are not adjudicated."
    ]
    if len(values) > MOST_VALUES:
        notes.append(f"It says {len(values):,} different things: it is a text or a number, and no label.")
        rows, values = [], ()
    if len(counts) and len(rows) == MOST:
        notes.append(f"Only the first {MOST:,} transcripts are looked at.")
    return Gathered(
        reference, tuple(rows), f"{len(rows):,} transcripts by {reference.words}", tuple(notes), values=values,
        n_drawn=len(rows),
    )  # fmt: skip
