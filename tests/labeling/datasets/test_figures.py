"""What a card says of prevalence and channels, as it was computed by then; and a build that is taken up again."""

import pytest
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel, ChannelWorth
from auditor.evidence.worth import Basis, write_worth
from labeling.datasets.actions import building, open_release
from labeling.datasets.models import Release
from labeling.datasets.tasks import build_release
from labeling.queues.models import Round
from labeling.validity.prevalence.models import PrevalenceReport
from labeling.validity.prevalence.report import LABELS, Line, Report
from tests import make
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.test_build import bytes_of
from tests.labeling.datasets.test_moments import checked


def measured(round: Round, channel: Channel, mia: User) -> None:
    """The channel against rulings, and how common lies are."""
    figure = ChannelWorth(
        channel=channel, place=0, contrast="group:intent", words="intent vs hallucination", figure="AUROC", value=0.81,
        low=0.72, high=0.9, n_positive=40, n_negative=60,
    )  # fmt: skip
    basis = Basis("codebook:1", "rulings of Round one", True, "d" * 64, 7, [])
    write_worth(project_id=round.project_id, basis=basis, figures=[figure])
    report = Report(4, 4, 2, 0, lines=(Line(LABELS, "all", "", 0.5, 0.1, 0.9, 2, 4),))
    PrevalenceReport.objects.create(
        project=round.project, round=round, target="label:D", figures=report.plain(), asked_by=mia,
        computed_at=timezone.now(),
    )  # fmt: skip


def test_the_card_says_what_is_not_known(project: Project, round: Round, mia: User) -> None:
    make.reading(make.channel(project), round.items.order_by("order")[0].transcript, 0.5)
    text = bytes_of(released(round, mia), "README.md").decode()
    assert "## How common it is\n\nNot computed by then" in text
    assert "Not computed by then for `judge.quill`" in text


def test_the_card_says_what_was_computed_by_then_and_keeps_it(
    project: Project, round: Round, mia: User
) -> None:
    channel = make.channel(project)
    make.reading(channel, round.items.order_by("order")[0].transcript, 0.5)
    before = released(round, mia, "Before")
    measured(round, channel, mia)
    release = released(round, mia)
    text = bytes_of(release, "README.md").decode()
    assert "AUROC 0\\.81 \\(0\\.72 to 0\\.90\\)" in text
    assert "50\\.0% \\(10\\.0% to 90\\.0%\\)" in text
    assert release.manifest["validity"][0]["n_positive"] == 40
    assert "Not computed by then" in bytes_of(before, "README.md").decode()
    ChannelWorth.objects.all().delete()
    PrevalenceReport.objects.all().delete()
    assert checked(release, mia).status == "done"


def test_a_worker_that_dies_half_way_is_followed_by_one_that_does_the_same(
    round: Round, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = open_release(
        project=round.project, name="Killed", rounds=[round], actor=mia,
        parameters={"splits": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}]},
    )  # fmt: skip

    def dies(*_: object) -> None:
        raise OSError("the machine went away")

    with monkeypatch.context() as broken:
        broken.setattr(building, "keep_file", dies)
        build_release(release.run_id)
    half = Release.objects.get(pk=release.pk)
    assert half.built_at is None
    assert half.as_of is not None
    assert half.items.count() == 2
    make.label(
        round.items.order_by("order")[3], last_of(round), "H"
    )  # what comes in between is not of its moment
    build_release(release.run_id)
    whole = Release.objects.get(pk=release.pk)
    assert (whole.built_at is None, whole.as_of) == (False, half.as_of)
    assert whole.items.count() == 2
    same = released(round, mia, "Same", **{**release.parameters, "as_of": half.as_of.isoformat()})
    assert bytes_of(same, "labels.jsonl") == bytes_of(whole, "labels.jsonl")


def last_of(round: Round) -> User:
    """Who has not labelled the last item yet."""
    done = round.items.order_by("order")[3].revisions.values("reviewer")
    return User.objects.exclude(pk__in=done).get(pk__in=round.members.values("user"))
