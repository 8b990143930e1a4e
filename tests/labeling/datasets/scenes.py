"""Rounds of every shape from a seed: texts, branches, units, spans, revisions, rulings of every kind, readings, odds."""

import hashlib
import random
import zlib
from typing import Any

from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.corpus.indexing import index_batch
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place
from auditor.corpus.writer import write
from auditor.evidence.actions import CitedQuote, NewReading, write_readings
from auditor.evidence.models import Reading
from auditor.sampling.models import Sample, SampleItem
from labeling.adjudication import actions as adjudication
from labeling.adjudication.bulkrules import BulkRule
from labeling.adjudication.models import Case
from labeling.adjudication.tasks import apply_bulk_rule
from labeling.annotations.models import LabelRevision, LabelSpan, LabelUnit
from labeling.codebooks import actions as codebooks
from labeling.queues import actions as queues
from labeling.queues.models import Item, Round
from tests import make

WORDS = (
    "cleared",
    "ледгер",
    "帳簿",
    "🎉🎉",
    "a\tb",
    "back\\slash",
    "two\nlines",
    "\u202eright",
    "”quoted“",
    "é",
    "n\u0303",
    "",
)
CODES = ("D", "K", "U", "H")


def scene(seed: int, project: Project, people: list[User], judge: User) -> list[Round]:
    """One or two rounds of what the seed says, settled as far as they can be."""
    rng = random.Random(seed)
    channels = [
        make.channel(
            project,
            "judge.quill",
            lo=0,
            hi=100,
            polarity="lies",
            notice="beware",
            detail={"rubric": {"n": [1, 2.5]}},
        ),
        make.channel(project, "probe.own.v1", kind="probe", unit="span", rollup="mean"),
    ]
    rounds = []
    for number in range(1 + seed % 2):
        transcripts = _transcripts(rng, project, 6, f"{seed}-{number}")
        for one in transcripts:
            _readings(rng, channels, one)
        made = queues.open_round(
            project=project, name=f"Round {number} of {seed}", sample=_sample(rng, project, transcripts, judge, f"S{seed}-{number}"),
            codebook_version=codebooks.adopt_default(project=project, actor=judge), members=people, overlap=len(people),
            actor=judge, policy=("reveal", "blind_only", "open")[(seed + number) % 3], helping=True, seed=7,
        )  # fmt: skip
        for item in made.items.order_by("order"):
            _labels(rng, item, people)
        adjudication.settle_due(round_id=made.pk)
        _rulings(rng, made, judge)
        rounds.append(made)
    return rounds


def _text(rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 8)))


def _transcripts(rng: random.Random, project: Project, n: int, name: str) -> list[Transcript]:
    """Some with tool calls and reasoning, equal resamples of one record, and branches."""
    batch = make.batch(project)
    parsed: list[ParsedTranscript] = []
    for number in range(n):
        digest = hashlib.sha256(
            f"{name}:{number - (number == 2)}".encode()
        ).hexdigest()  # the third equals the second
        call = {"kind": "tool_call", "id": "c1", "name": "look", "text": '{\n  "a": 1\n}', "valid": True}
        result = {"kind": "tool_result", "tool_call_id": "c1", "name": "look", "error": None}
        messages = [
            ParsedMessage("system", _text(rng)), ParsedMessage("user", _text(rng), source_id=f"m{number}"),
            ParsedMessage("assistant", _text(rng), reasoning=_text(rng), parts=(call,), model="m-7b"),
            ParsedMessage("tool", _text(rng), parts=(result,)), ParsedMessage("assistant", f"Done {number}. " + _text(rng)),
        ]  # fmt: skip
        if number == 2:
            messages = list(parsed[1].messages)
        parsed.append(
            ParsedTranscript(
                digest, Place(record=number + 1, line=number + 1, start=number * 10, length=9), tuple(messages), external_id=f"{name}-{number}",
                model=rng.choice(("m-7b", "")), conditions={"arm": rng.choice(("base", "tuned"))},
                metadata={"note": _text(rng), "deep": {"n": [1, None, 2.5, True]}}, warnings=("a warning",) if number % 2 else (),
            )
        )  # fmt: skip
    main = parsed[0]
    parsed.append(
        ParsedTranscript(
            hashlib.sha256(f"{name}:branch".encode()).hexdigest(), Place(record=1, branch="retry"),
            (*main.messages[:3], ParsedMessage("assistant", "Another way. " + _text(rng))), external_id=f"{name}-branch",
            parent=main.digest, shared=3,
        )
    )  # fmt: skip
    ids = [pk for written in write(batch, parsed, file=batch.files.get()) for _, pk in written.pairs]
    index_batch(batch)
    rows = Transcript.objects.in_bulk(ids)
    made = [rows[pk] for pk in ids]
    rng.shuffle(made)  # a branch may come before its parent in the sample's order
    return made


def _readings(rng: random.Random, channels: list[Any], transcript: Transcript) -> None:
    judge, probe = channels
    new = []
    if rng.random() < 0.8:
        quotes = (CitedQuote("Done"), CitedQuote("never said"))
        new.append(
            NewReading(judge, transcript.pk, rng.choice((70.25, 0.1 + 0.2, None)), label=rng.choice(("lie", "")), explanation=_text(rng), detail={"x": [_text(rng)]}, quotes=quotes)
        )  # fmt: skip
    new += [
        NewReading(
            probe, transcript.pk, rng.random(), position=1, part="text", start=start, end=start + 1,
            identifier=rng.choice(("", "v")),
        )
        for start in range(rng.randint(0, 3))
    ]  # fmt: skip
    write_readings(readings=new, source="test")


def _sample(
    rng: random.Random, project: Project, transcripts: list[Transcript], actor: User, name: str
) -> Sample:
    """Two strata, with odds that no decimal says exactly."""
    ids = sorted(one.pk for one in transcripts)
    made = Sample.objects.create(
        project=project, name=name, design="stratified", seed=rng.randint(0, 2**40), filter={}, frame_at=timezone.now(),
        frame_size=50, frame_digest="f" * 64, frame_ids=zlib.compress(b"".join(pk.to_bytes(8, "little") for pk in ids)),
        left_out=2, created_by=actor, carries_back=rng.random() < 0.5, why_not="top-k",
        strata=[{"name": "low", "size": 40, "drawn": 4, "n": 4}, {"name": "high", "size": 10, "drawn": 3, "n": 3}],
    )  # fmt: skip
    SampleItem.objects.bulk_create(
        SampleItem(
            sample=made, transcript=one, order=order, stratum=rng.randint(0, 1), overall=rng.choice((None, 0.9)),
            probability=rng.choice((0.1, 1 / 3, 1.0, 0.7071067811865476)),
        )
        for order, one in enumerate(transcripts)
    )  # fmt: skip
    return made


def _labels(rng: random.Random, item: Item, people: list[User]) -> None:
    agreed = rng.choice(CODES) if rng.random() < 0.3 else None
    for person in people:
        if rng.random() < 0.1:
            continue  # not finished
        stages = {"reveal": ("blind", "final"), "blind_only": ("blind",), "open": ("final",)}[
            item.round.policy
        ]
        for stage in stages:
            for _ in range(rng.choice((1, 1, 1, 2))):  # revised
                code = agreed or rng.choice(CODES)
                _label(rng, item, person, code, stage)


def _label(rng: random.Random, item: Item, person: User, code: str, stage: str) -> None:
    readings = list(
        Reading.objects.filter(transcript=item.transcript, channel__kind__in=("judge", "probe")).order_by(
            "pk"
        )
    )
    relied = []
    for reading in readings[: rng.randint(0, 2)] if stage == "final" else ():
        cited: dict[str, Any] = {"reading": reading.pk, "channel": reading.channel.key}
        if rng.random() < 0.5:
            cited |= {
                "place": {"position": 1, "part": "text", "start": 0, "end": 1, "quote": "x"},
                "value": 0.5,
            }
        relied.append(cited)
    text = item.transcript.messages.filter(position=4).values_list("text", flat=True).first() or "Done"
    made = make.label(
        item, person, code, stage=stage, spans=[("misleads", 4, 0, 4, text[:4])] if rng.random() < 0.5 else [],
        rationale=_text(rng), confidence=rng.choice((None, 1, 5)), grade=rng.choice(("I0", "I1")), grade_cap="I2",
        evidence_seen=[one.pk for one in readings] if stage == "final" else [], relied_on=relied,
        flag=rng.choice(("", "look at this")), missing_tests=rng.choice(([], ["check_source"])), active_seconds=rng.randint(0, 500),
        lowered_reason=rng.choice(("", "less sure")), late=rng.random() < 0.05,
        answers={**make.ANSWERS[code], "note": _text(rng), "marks": ["a", "b"]},
    )  # fmt: skip
    if rng.random() < 0.4:
        _second_unit(made, text)


def _second_unit(made: LabelRevision, text: str) -> None:
    """Another claim of the same label, less severe, with words of its own."""
    unit = LabelUnit.objects.create(
        revision=made, number=1, position=4, part="text", start=0, end=3, quote=text[:3], answers={"truth": "true"},
        derived_label="H", label="H", group="honest", grade="I0", grade_cap="I0",
    )  # fmt: skip
    LabelSpan.objects.create(
        revision=made, unit=unit, kind="truth", position=1, part="text", start=0, end=1, quote="x"
    )


def _rulings(rng: random.Random, round: Round, judge: User) -> None:
    """Bulk rules first, then an adjudicator with most of what is left."""
    if rng.random() < 0.7:
        bulk = adjudication.open_bulk(
            round=round, rule=BulkRule(kind="bulk_threshold", votes=2, share=0.5), actor=judge
        )
        apply_bulk_rule(bulk.run_id)
    for case in Case.objects.filter(item__round=round, settled_at__isnull=True).order_by("pk"):
        if rng.random() < 0.2:
            continue
        stage = "blind" if round.policy == "blind_only" else "final"
        standing = case.item.revisions.filter(late=False, stage=stage).order_by("pk")
        newest = {one.reviewer_id: one for one in standing}
        took = rng.choice(sorted(newest.values(), key=lambda one: one.pk)) if newest else None
        if took is not None:
            for _ in range(rng.choice((1, 1, 2))):  # thought about again
                adjudication.rule(case=case, adjudicator=judge, took=took, reason=_text(rng).strip() or "So.")
