"""A project whose transcripts are ruled on, and channels that know something of it."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedTranscript, Place
from auditor.corpus.writer import write
from auditor.evidence.actions import NewReading, write_readings
from auditor.evidence.models import Channel
from labeling.adjudication.content import whole
from labeling.adjudication.models import UNANIMOUS, Ruling
from labeling.codebooks.queries import definition_of
from labeling.queues.actions import close_round
from labeling.queues.models import Item, Round
from labeling.validity.actions import open_report
from labeling.validity.models import ChannelFigures, ValidityReport
from labeling.validity.references import reference_of
from labeling.validity.tasks import compute_report
from tests import make

CODES = ("D", "K", "U", "H")
INTENT = "group.intent~group.hallucination"


def ruled(
    project: Project, codes: Sequence[str], members: Sequence[User], owner: User, *, closed: bool = True,
    model: Callable[[int], str] = lambda at: "m-a" if at % 2 else "m-b",
    conditions: Callable[[int], dict[str, str]] = lambda at: {"oversight": "on" if at % 3 else "off"},
    **more: Any,
) -> Round:  # fmt: skip
    """A round in which each transcript is ruled to be what the codes say."""
    transcripts = stored(project, len(codes), model, conditions)
    made = make.round(project, transcripts, members, actor=owner, **more)
    for at, item in enumerate(made.items.order_by("order")):
        rule_on(item, codes[at])
    if closed:
        close_round(round=made, actor=owner)
    return made


def stored(
    project: Project, n: int, model: Callable[[int], str] = lambda at: "m-7b",
    conditions: Callable[[int], dict[str, str]] = lambda at: {}, metadata: Callable[[int], dict[str, Any]] = lambda at: {},
) -> list[Transcript]:  # fmt: skip
    """So many transcripts of two messages, written together."""
    into = make.batch(project)
    parsed = [
        ParsedTranscript(
            digest=hashlib.sha256(f"{into.pk} {at}".encode()).hexdigest(), place=Place(record=at + 1, line=at + 1),
            messages=make.CHAT, external_id=f"t-{into.pk}-{at:04d}", model=model(at), conditions=conditions(at),
            metadata=metadata(at),
        )
        for at in range(n)
    ]  # fmt: skip
    (written,) = write(into, parsed, file=into.files.get())
    found = Transcript.objects.in_bulk([pk for _, pk in written.pairs])
    return [found[pk] for _, pk in written.pairs]


def rule_on(item: Item, code: str, units: Sequence[dict[str, Any]] = (), spans: Sequence[dict[str, Any]] = ()) -> Ruling:  # fmt: skip
    """A ruling on the item, as settling writes it."""
    book = definition_of(item.round.codebook_version)
    answers = make.ANSWERS[code]
    group = book.by_code[code].group
    number = item.rulings.count() + 1
    return Ruling.objects.create(
        item=item, number=number, rule=UNANIMOUS, label=code, group=group, grade="I0", answers=answers,
        units=list(units) or [whole(code, group, "I0", answers)], spans=list(spans),
        codebook_version=item.round.codebook_version,
    )  # fmt: skip


def unit(number: int, code: str, position: int, start: int | None = None, end: int | None = None) -> dict[str, Any]:  # fmt: skip
    """A claim that stands in a message."""
    group = "intent" if code == "D" else "hallucination" if code in "KU" else "honest"
    return {
        **whole(code, group, "I0", make.ANSWERS[code]), "number": number, "position": position, "part": "text",
        "start": start, "end": end,
    }  # fmt: skip


def speak(channel: Channel, transcripts: Sequence[Transcript], values: Sequence[float | None], labels: Sequence[str] = ()) -> None:  # fmt: skip
    """One reading of each transcript as a whole."""
    readings = [
        NewReading(channel=channel, transcript_id=one.pk, value=None if value is None else float(value), label=label)
        for one, value, label in zip(transcripts, values, labels or [""] * len(values), strict=True)
        if value is not None or label
    ]  # fmt: skip
    write_readings(readings=readings, source="test")


def transcripts_of(round: Round) -> list[Transcript]:
    """In the order in which they were given."""
    return [one.transcript for one in round.items.order_by("order").select_related("transcript")]


def key_of(round: Round) -> str:
    return f"codebook:{round.codebook_version.codebook_id}"


def computed(project: Project, reference: str, actor: User, contrast: str = "") -> ValidityReport:
    """A report, computed as a worker would."""
    row = open_report(
        project=project, reference=reference_of(project.pk, reference), actor=actor, contrast=contrast
    )
    assert row.run_id is not None
    compute_report(row.run_id)
    row.refresh_from_db()
    if row.computed_at is None and row.run is not None:
        row.run.refresh_from_db()
    return row


def some_codes(n: int, seed: int = 1) -> list[str]:
    """So many labels of four kinds."""
    return [CODES[at] for at in np.random.default_rng(seed).integers(0, 4, n)]


def scores_for(codes: Sequence[str], seed: int, *, gap: float = 1.5, kind: str = "D") -> list[float]:
    """Scores that are higher where the label is of this kind."""
    rng = np.random.default_rng(seed)
    return [round(float(rng.normal() + gap * (code == kind)), 2) for code in codes]


RULED = some_codes(260)


def line(row: ValidityReport, channel: Channel, question: str = INTENT) -> dict:  # type: ignore[type-arg]
    (found,) = [
        one for one in row.figures["lines"] if (one["channel"], one["question"]) == (channel.pk, question)
    ]
    return found  # type: ignore[no-any-return]


def detail(row: ValidityReport, channel: Channel, question: str = INTENT) -> dict:  # type: ignore[type-arg]
    return ChannelFigures.objects.get(report=row, channel=channel, question=question).figures  # type: ignore[no-any-return]


def figure(found: dict, name: str, part: str = "") -> dict:  # type: ignore[type-arg]
    (one,) = [one for one in found["figures"] if (one["name"], one["part"]) == (name, part)]
    return one  # type: ignore[no-any-return]
