"""Carrying a run over control packs: the same path as a capture's, over conversations that are no transcripts.

    pack -> turns -> tokens tied to words -> the model -> values -> one number for each conversation and channel

What was found of one pack is kept in one transaction; a kill repeats at most one pack.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditor.interp import aggregating, reader
from auditor.interp.alignment import DoesNotFit
from auditor.interp.channels import MAX, Voice, voices_of
from auditor.interp.controls import instrument_of
from auditor.interp.models import FULL, WATCH, ControlScore, Dictionary, Instrument
from auditor.interp.packs import PACKS, Pack
from auditor.interp.saying import counted_by, rounded
from auditor.ledger.actions import record
from auditor.runs.actions import Refused, Ticket
from auditor.runs.beating import beating

Scores = dict[int, list[dict[str, Any]]]  # channel -> what it says of each conversation of a pack, in order


def score(ticket: Ticket) -> None:
    """Read every pack of the run that has no scores yet.

    Raises:
        Refused: the model or a probe cannot be used.
        Cancelled, Paused, TakenOver: see `runs`; what was found of whole packs stays.
    """
    rows = list(
        ControlScore.objects.filter(run=ticket.run)
        .select_related("channel", "subject", "run__created_by")
        .order_by("pk")
    )
    if not rows:
        raise Refused("There is nothing to score: its channels are gone.")
    total = sum(len(PACKS[key].conversations) for key in {row.pack for row in rows} if key in PACKS)
    open_ = [row for row in rows if not row.scores and row.pack in PACKS]
    done = total - sum(len(PACKS[key].conversations) for key in {row.pack for row in open_})
    if open_:
        ticket.beat(done=done, total=total, note="Loading the model", force=True)
        instruments = instruments_for(rows)
        voices = voices_of(instruments, subject=rows[0].subject, actor=ticket.run.created_by)
        try:
            with beating(ticket), reader.open_reader(rows[0].subject, instruments) as looking:
                for key in dict.fromkeys(row.pack for row in open_):
                    pack = PACKS[key]
                    scores = scores_on(pack, looking, voices)
                    _store([row for row in open_ if row.pack == key], pack, scores)
                    done += len(pack.conversations)
                    ticket.beat(done=done, total=total, note=f"{pack.name} scored", force=True)
        except reader.CannotRead as problem:
            raise Refused(str(problem)) from problem
    ticket.note = f"{total:,} honest conversations scored"


def instruments_for(rows: Sequence[ControlScore]) -> list[Instrument]:
    """What a model is to be read with, unsaved: a probe each, and for a dictionary all of its features at once."""
    probes: dict[int, Instrument] = {}
    features: dict[int, tuple[Dictionary, set[int]]] = {}
    for channel in {row.channel_id: row.channel for row in rows}.values():
        if "of" in channel.detail:  # beside another
            continue
        found = instrument_of(channel)
        if found.probe is not None:
            probes[found.probe.pk] = Instrument(probe=found.probe)
        elif found.feature is not None:
            dictionary = found.feature.dictionary
            features.setdefault(dictionary.pk, (dictionary, set()))[1].add(found.feature.index)
    looking = [
        Instrument(
            dictionary=dictionary, mode=FULL if dictionary.kind == "topk" else WATCH, features=sorted(wanted), top=1
        )
        for dictionary, wanted in features.values()
    ]  # fmt: skip
    return [*probes.values(), *looking]


def scores_on(pack: Pack, looking: reader.Reader, voices: Mapping[str, Voice]) -> Scores:
    """What each voice says of each conversation of a pack; None with the reason where it can say nothing."""
    reads: dict[int, reader.Reading] = {}
    unread: dict[int, str] = {}
    for at, one in enumerate(pack.conversations):
        try:
            reads[at] = looking.read(one.turns)
        except DoesNotFit as problem:
            unread[at] = str(problem)[:300]
    seen = dict(looking.look(iter(reads.items())))
    scores: Scores = {}
    for voice in voices.values():
        for channel, how in (
            (voice.main, ""),
            *((channel, which) for which, channel in voice.beside.items()),
        ):
            said = scores.setdefault(channel.pk, [])
            for at, one in enumerate(pack.conversations):
                if at in unread or seen[at].words:
                    said.append(
                        {"id": one.id, "value": None, "words": unread.get(at) or seen[at].words[:300]}
                    )
                    continue
                said.append(
                    {"id": one.id, "value": _value(voice, seen[at].values[voice.key], reads[at], how)}
                )
    return scores


def _value(voice: Voice, values: Any, read: reader.Reading, how: str) -> float | None:
    """As a capture would give it; see `saying.readings_of`."""
    window = (voice.card.window or 1) if voice.card is not None else 1
    main = voice.card.aggregation if voice.card is not None else MAX
    value = aggregating.aggregate(values, counted_by(voice, read), how or main, window)
    return None if value is None else rounded(value)


def _store(rows: Sequence[ControlScore], pack: Pack, scores: Scores) -> None:
    with transaction.atomic():
        for row in rows:
            current = ControlScore.objects.filter(
                channel=row.channel_id, subject=row.subject_id, pack=row.pack, superseded_at=None
            )
            current.exclude(pk=row.pk).update(superseded_at=timezone.now())
            row.scores, row.pack_digest, row.superseded_at = scores[row.channel_id], pack.digest, None
            row.save(update_fields=["scores", "pack_digest", "superseded_at"])
        if rows:
            run = rows[0].run
            assert run is not None
            record(
                verb="controls.scored", subject=run, actor=run.created_by, project_id=run.project_id, pack=pack.key,
                channels=len({row.channel_id for row in rows}),
            )  # fmt: skip
