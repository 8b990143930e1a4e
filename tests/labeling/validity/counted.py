"""A frame of 60 of which 40 were drawn, what is so of each, and a judge that is mostly right."""

from collections.abc import Iterable

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedTranscript, Place
from auditor.corpus.writer import write
from auditor.evidence.actions import NewReading, write_readings
from auditor.evidence.models import Channel
from auditor.sampling.actions import draw_sample
from auditor.sampling.designs.design import Design
from auditor.sampling.models import Sample
from labeling.adjudication.models import UNANIMOUS, Ruling
from labeling.codebooks.actions import adopt_default
from labeling.codebooks.queries import definition_of
from labeling.queues.actions import close_round, open_round
from labeling.queues.models import Item, Round
from labeling.validity.prevalence.models import PrevalenceReport
from labeling.validity.tasks import compute_prevalence
from tests import make
from tests.people import signed_in

SIZE, DRAWN = 60, 40


def yes(number: int) -> bool:
    """Every fourth transcript is a lie."""
    return number % 4 == 0


@pytest.fixture
def judge(project: Project) -> Channel:
    return make.channel(project, lo=0.0, hi=100.0)


@pytest.fixture
def sample(project: Project, judge: Channel, mia: User) -> Sample:
    """40 of 60 transcripts of two models; the judge is wrong about one in ten and silent on two."""
    batch = make.batch(project)
    parsed = [
        ParsedTranscript(
            digest=f"{number:064x}", place=Place(record=number + 1, line=number + 1), messages=make.CHAT,
            external_id=f"t{number:03}", model=f"m-{number % 2}", conditions={"oversight": "on" if number % 3 else "off"},
        )
        for number in range(SIZE)
    ]  # fmt: skip
    ids = [pk for part in write(batch, parsed, file=batch.files.get()) for _, pk in part.pairs]
    said = [
        NewReading(channel=judge, transcript_id=pk, value=80.0 if yes(number) != (number % 10 == 9) else 20.0)
        for number, pk in enumerate(ids[: SIZE - 2])
    ]
    write_readings(readings=said, source="test")
    return draw_sample(project=project, name="Forty", design=Design(n=DRAWN), seed=5, actor=mia)


@pytest.fixture
def counted(project: Project, sample: Sample, ana: User, mia: User) -> Round:
    made = opened(project, sample, ana, mia, "First round")
    ruled(made.items.all())
    close_round(round=made, actor=mia)
    return made


def opened(project: Project, sample: Sample, reviewer: User, actor: User, name: str, **more: object) -> Round:
    return open_round(
        project=project, name=name, sample=sample, codebook_version=adopt_default(project=project, actor=actor),
        members=[reviewer], overlap=1, actor=actor, **more,
    )  # fmt: skip


def ruled(items: Iterable[Item]) -> None:
    """All reviewers say what is so, and the rule takes it."""
    some = list(items)
    codebook = some[0].round.codebook_version
    groups = {code: definition_of(codebook).by_code[code].group for code in "DH"}
    codes = {one.pk: "D" if yes(number_of(one)) else "H" for one in some}
    Ruling.objects.bulk_create(
        Ruling(
            item=one, number=1, rule=UNANIMOUS, label=codes[one.pk], group=groups[codes[one.pk]], grade="I0", codebook_version=codebook
        )
        for one in some
    )  # fmt: skip


def number_of(item: Item) -> int:
    """Of its transcript."""
    return int(item.transcript.external_id[1:])


def computed(project: Project, mia: User, round: Round, **asked: str) -> PrevalenceReport:
    """A report by the page's own form."""
    said = {"round": round.pk, "target": "group:intent", **asked}
    answer = signed_in(mia).post(reverse("validity:prevalence_compute", args=[project.slug]), said)
    assert answer.status_code == 302
    return carried(PrevalenceReport.objects.latest("pk"))


def carried(row: PrevalenceReport) -> PrevalenceReport:
    """As a worker leaves it."""
    assert row.run_id is not None
    compute_prevalence(row.run_id)
    row.refresh_from_db()
    return row
