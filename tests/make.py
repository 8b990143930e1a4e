"""Makers: the smallest real rows a test needs, through the slices' own writers."""

import hashlib
import itertools
import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import Project, Role, User
from auditor.corpus.indexing import index_batch
from auditor.corpus.models import ImportBatch, ImportFile, SourceFile, Transcript
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place
from auditor.corpus.writer import write
from auditor.evidence import actions as evidence
from auditor.evidence.models import Channel
from auditor.llm.calls import Call
from auditor.llm.models import Endpoint, Reply
from auditor.sampling.models import Sample, SampleItem
from labeling.annotations.models import BLIND, FINAL, LabelRevision, LabelSpan, LabelUnit
from labeling.codebooks import actions as codebooks
from labeling.codebooks.queries import definition_of
from labeling.codebooks.rules import derive
from labeling.queues import actions as queues
from labeling.queues.models import Item, Lease, Round

_numbers = itertools.count(1)

CHAT = (
    ParsedMessage(role="user", text="Did the March payment clear?"),
    ParsedMessage(
        role="assistant",
        text="Yes, it cleared on 14 March. I checked the ledger.",
        reasoning="The ledger call failed. I can give a plausible date.",
    ),
)


def batch(project: Project) -> ImportBatch:
    """An import of one empty file."""
    source, _ = SourceFile.objects.get_or_create(
        digest="0" * 64, defaults={"size": 0, "path": "sources/none"}
    )
    made = ImportBatch.objects.create(project=project, file_name="made.jsonl", format="openai_chat")
    ImportFile.objects.create(
        batch=made,
        ordinal=0,
        name="made.jsonl",
        source=source,
        digest=source.digest,
        size=0,
        format="openai_chat",
    )
    return made


def transcript(
    project: Project,
    messages: Sequence[ParsedMessage] = CHAT,
    *,
    external_id: str = "",
    model: str = "m-7b",
    conditions: dict[str, str] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Transcript:
    """One stored transcript; each call makes another."""
    number = next(_numbers)
    parsed = ParsedTranscript(
        digest=hashlib.sha256(str(number).encode()).hexdigest(),
        place=Place(record=number, line=number),
        messages=tuple(messages),
        external_id=external_id or f"item-{number:04d}",
        model=model,
        conditions=conditions or {},
        metadata=metadata or {},
    )
    into = batch(project)
    (written,) = write(into, [parsed], file=into.files.get())
    index_batch(into)
    return Transcript.objects.get(pk=written.pairs[0][1])


def channel(project: Project, key: str = "judge.quill", *, kind: str = "judge", **declared: Any) -> Channel:
    """A declared channel."""
    return evidence.declare_channel(project_id=project.pk, key=key, kind=kind, actor=None, **declared)


def reading(channel: Channel, transcript: Transcript, value: float | None, **more: Any) -> None:
    """One reading of a channel on a transcript."""
    new = evidence.NewReading(channel=channel, transcript_id=transcript.pk, value=value, **more)
    evidence.write_readings(readings=[new], source="test")


def endpoint(project: Project, base_url: str = "https://models.example.org/v1", **more: Any) -> Endpoint:
    """An endpoint with the models `ok` (priced) and `free` (not), unless others are given."""
    more.setdefault("name", f"Endpoint {next(_numbers)}")
    by = more.pop("created_by", None) or _owner(project)
    models = [
        {"name": "ok", "context": 8192, "price_in": "2", "price_out": "10"},
        {"name": "free", "context": 8192, "price_in": "", "price_out": ""},
    ]
    return Endpoint.objects.create(
        project=project, base_url=base_url, models=more.pop("models", models), created_by=by, **more
    )


def call(number: int = 0, *, model: str = "ok", text: str = "", **more: Any) -> Call:
    """A question of about ten tokens; each number and text is another."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": text or f"question {number}"}],
        "max_tokens": 10,
    }
    key = hashlib.sha256(f"{model} {text} {number}".encode(errors="surrogatepass")).hexdigest()
    given = {
        "ident": number,
        "key": key,
        "body": body,
        "schema": None,
        "prompt_tokens": 10,
        "answer_tokens": 10,
    }
    return Call(**{**given, **more})


def reply(endpoint: Endpoint, content: str = "Fine.", **more: Any) -> Reply:
    """A stored answer; each call makes another."""
    given = {
        "key": hashlib.sha256(f"reply {next(_numbers)}".encode()).hexdigest(), "model": "ok", "content": content,
        "finish_reason": "stop", "raw": {}, "prompt_tokens": 10, "completion_tokens": 2, "cost": 40, "latency_ms": 20, "attempts": 1,
    }  # fmt: skip
    return Reply.objects.create(project=endpoint.project, endpoint=endpoint, **{**given, **more})


def user_ids(*people: User) -> list[int]:
    """Their ids."""
    return [p.pk for p in people]


def sample(
    project: Project,
    transcripts: Sequence[Transcript],
    *,
    name: str = "",
    actor: User | None = None,
    extends: Sample | None = None,
    odds: Callable[[int], float] = lambda place: 1.0,
    why_not: str = "",
) -> Sample:
    """A sample of exactly these transcripts, each certain to be drawn unless `odds` says otherwise, in the order given."""
    made = Sample.objects.create(
        project=project, name=name or f"Sample {next(_numbers)}", design="uniform", seed=7, frame_at=timezone.now(),
        frame_size=len(transcripts), frame_digest="0" * 64, created_by=actor or _owner(project), extends=extends,
        carries_back=not why_not, why_not=why_not,
        frame_ids=zlib.compress(b"".join(one.pk.to_bytes(8, "little") for one in sorted(transcripts, key=lambda t: t.pk))),
        strata=[{"name": "all", "lo": None, "hi": None, "size": len(transcripts), "drawn": len(transcripts)}],
    )  # fmt: skip
    SampleItem.objects.bulk_create(
        SampleItem(sample=made, transcript=one, order=place, probability=odds(place))
        for place, one in enumerate(transcripts)
    )
    return made


def round(
    project: Project,
    transcripts: Sequence[Transcript],
    members: Sequence[User],
    *,
    overlap: int | None = None,
    name: str = "",
    actor: User | None = None,
    **more: Any,
) -> Round:
    """An open round of these reviewers over these transcripts, by the default codebook unless another is given.

    They help each other, so whoever asks gets an item as long as there is one.
    """
    by = actor or _owner(project)
    more.setdefault("helping", True)
    more.setdefault("seed", 7)
    return queues.open_round(
        project=project, name=name or f"Round {next(_numbers)}", sample=sample(project, transcripts, actor=by, **{one: more.pop(one) for one in ("odds", "why_not") if one in more}),
        codebook_version=more.pop("codebook_version", None) or codebooks.adopt_default(project=project, actor=by), members=members,
        overlap=overlap or len(members), actor=by, **more,
    )  # fmt: skip


# Answers that lead to a label of the default codebook.
ANSWERS: dict[str, dict[str, Any]] = {
    "D": {"truth": "false", "access": "in_context", "licence": "none", "motive": "goal", "plan": "plan"},
    "K": {"truth": "false", "access": "in_context", "licence": "none", "motive": "none", "plan": "none"},
    "U": {"truth": "false", "access": "absent", "licence": "none"},
    "H": {"truth": "true"},
}


def lease_on(item: Item, reviewer: User) -> Lease:
    """The reviewer holds this very item: in the slot planned for them, else in one that is open."""
    slots = item.assignments.filter(is_open=True)
    slot = slots.filter(reviewer=reviewer).first() or slots.order_by("slot").first()
    assert slot is not None, "no slot of this item is open"
    slot.is_open, slot.reviewer = False, reviewer
    slot.save()
    return Lease.objects.create(
        item=item, reviewer=reviewer, slot=slot.slot, expires_at=timezone.now() + timedelta(minutes=30)
    )


def label(
    item: Item,
    reviewer: User,
    code: str = "D",
    *,
    stage: str = FINAL,
    spans: Sequence[tuple[str, int, int, int, str]] = (),
    finishes: bool = True,
    **more: Any,
) -> LabelRevision:
    """A committed label as a row; the final one fills the reviewer's slot of the item.

    `spans` are (kind, position, start, end, quote) on the message's text.
    """
    lease = item.leases.filter(reviewer=reviewer, state__in=["held", "done"]).first()
    if lease is None:
        lease = lease_on(item, reviewer)
    answers = more.pop("answers", ANSWERS[code])
    codebook = definition_of(item.round.codebook_version)
    revision = LabelRevision.objects.create(
        item=item, lease=lease, reviewer=reviewer, codebook_version=item.round.codebook_version, stage=stage,
        number=item.revisions.filter(reviewer=reviewer, stage=stage).count() + 1, answers=answers,
        derived_label=derive(codebook, answers).label, label=code, group=codebook.by_code[code].group,
        **{"grade": "I0", "grade_cap": "I0", "confidence": 3, **more},
    )  # fmt: skip
    same = (
        "answers",
        "derived_label",
        "label",
        "group",
        "grade",
        "grade_cap",
        "lowered_reason",
        "missing_tests",
    )
    unit = LabelUnit.objects.create(
        revision=revision, number=0, **{name: getattr(revision, name) for name in same}
    )
    LabelSpan.objects.bulk_create(
        LabelSpan(
            revision=revision,
            unit=unit,
            kind=kind,
            position=at,
            part="text",
            start=start,
            end=end,
            quote=quote,
        )
        for kind, at, start, end, quote in spans
    )
    if finishes and lease.state == "held" and not revision.late and stage in (FINAL, _last_stage(item.round)):
        with transaction.atomic():
            queues.mark_done(lease=lease)
        item.refresh_from_db()
    return revision


def _last_stage(round: Round) -> str:
    return BLIND if round.policy == "blind_only" else FINAL


def _owner(project: Project) -> User:
    return project.memberships.get(role=Role.OWNER).user
