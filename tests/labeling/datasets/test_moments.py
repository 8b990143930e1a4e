"""As of: a release of any past moment is the same, byte for byte, whatever has come since."""

from collections.abc import Sequence
from datetime import timedelta
from threading import Thread, current_thread, main_thread
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.runs.models import Run
from labeling.adjudication import actions as adjudication
from labeling.datasets import actions
from labeling.datasets.actions import CannotRelease
from labeling.datasets.models import Release
from labeling.datasets.planning import Chosen
from labeling.datasets.rows import Records
from labeling.datasets.rows.making import Fetched
from labeling.datasets.tasks import check_release
from labeling.queues import actions as queues
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.test_build import bytes_of, records_of

THREE = [{"name": "train", "share": 0.5}, {"name": "test", "share": 0.5}]


def later(project: Project, round: Round, ana: User, bo: User, ada: User) -> None:
    """Everything that can still happen: readings, labels, rulings, a case opened again, names changed."""
    agreed, ruled, disputed, unfinished = round.items.order_by("order")
    channel = make.channel(project)
    make.reading(channel, agreed.transcript, 0.1)
    make.reading(make.channel(project, "judge.new"), ruled.transcript, 1.0)
    make.label(unfinished, bo, "H")
    make.label(agreed, bo, "D", rationale="I see it otherwise now.", finishes=False)
    adjudication.settle_due()
    adjudication.rule(
        case=disputed.case, adjudicator=ada, took=disputed.revisions.order_by("pk")[0], reason="So."
    )
    Round.objects.filter(pk=round.pk).update(name="Renamed")
    Project.objects.filter(pk=project.pk).update(name="Another name")


def test_a_release_of_a_past_moment_is_the_same_whatever_came_since(
    project: Project, round: Round, mia: User, ana: User, bo: User, ada: User
) -> None:
    make.reading(make.channel(project), round.items.order_by("order")[0].transcript, 0.75)
    first = released(round, mia, splits=THREE, split_seed=3)
    later(project, round, ana, bo, ada)
    assert first.as_of is not None
    again = released(round, mia, "Again", **actions.same_again(first))
    for name in ("codebook.yaml", "verify.py"):
        assert bytes_of(first, name) == bytes_of(again, name)
    before, after = records_of(first), records_of(again)
    for one in (*before, *after):
        one["round"].pop("name")  # as it was called when each was built
    assert before == after
    now = released(round, mia, "Now", splits=THREE, split_seed=3)
    assert len(records_of(now)) == 3  # one more is agreed, one ruled, and the first is disputed again
    assert records_of(now) != records_of(first)


def test_it_is_built_again_byte_for_byte_to_check_it(
    project: Project, round: Round, mia: User, ana: User, bo: User, ada: User
) -> None:
    make.reading(make.channel(project), round.items.order_by("order")[0].transcript, 0.75)
    release = released(
        round, mia, splits=THREE, pseudonyms=False, redactions=[{"text": "Yes"}],
        filter={"channels": [{"key": "judge.quill", "lo": 0.5, "hi": None, "label": ""}]},
    )  # fmt: skip
    later(project, round, ana, bo, ada)
    run = checked(release, mia)
    assert (run.status, run.note) == (
        "done",
        f"All {release.files.count()} files are the same, byte for byte.",
    )


@pytest.mark.django_db(transaction=True)
def test_fetched_ahead_or_when_asked_for_the_bytes_are_the_same(
    round: Round, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[Thread] = []
    real = Records.fetched

    def watched(records: Records, chosen: Sequence[Chosen]) -> Fetched:
        fetched.append(current_thread())
        return real(records, chosen)

    monkeypatch.setattr(Records, "fetched", watched)
    release = released(round, mia)
    assert main_thread() not in fetched
    fetched.clear()
    with transaction.atomic():  # nothing is fetched ahead inside a transaction
        assert checked(release, mia).status == "done"
    assert set(fetched) == {main_thread()}


def test_a_check_says_which_file_is_not_the_same(round: Round, mia: User) -> None:
    release = released(round, mia)
    Release.objects.filter(pk=release.pk).update(prose={"about": "Something else."})
    run = checked(release, mia)
    assert run.status == "failed"
    assert run.note.startswith("Not the same: README.md")


def test_a_filter_of_evidence_is_of_now(project: Project, round: Round, mia: User) -> None:
    make.channel(project)
    wanted: dict[str, Any] = {
        "filter": {"channels": [{"key": "judge.quill"}]},
        "as_of": timezone.now().isoformat(),
    }
    with pytest.raises(CannotRelease, match="as it stands now"):
        released(round, mia, **wanted)
    with pytest.raises(CannotRelease, match="has not come"):
        released(round, mia, as_of=(timezone.now() + timedelta(days=1)).isoformat())
    with pytest.raises(CannotRelease, match="time zone"):
        released(round, mia, as_of="2026-11-27T10:00:00")


def test_a_round_that_grew_is_of_its_sample_then(project: Project, mia: User, ana: User, bo: User) -> None:
    transcripts = [make.transcript(project) for _ in range(2)]
    made = make.round(project, transcripts, [ana, bo])
    small = made.sample
    for item in made.items.all():
        for reviewer in (ana, bo):
            make.label(item, reviewer, "H")
    first = released(made, mia)
    large = make.sample(project, [*transcripts, make.transcript(project)], name="Large", extends=small)
    queues.extend_items(round=made, sample=large, actor=mia)
    made.refresh_from_db()
    again = released(made, mia, "Again", **actions.same_again(first))
    assert bytes_of(first, "labels.jsonl") == bytes_of(again, "labels.jsonl")
    assert {one["sampling"]["sample"] for one in records_of(again)} == {small.name}
    assert {one["sampling"]["sample"] for one in records_of(released(made, mia, "Now"))} == {"Large"}


def checked(release: Release, by: User) -> Run:
    run = actions.open_check(release=release, actor=by).check_run
    assert run is not None
    check_release(run.pk)
    run.refresh_from_db()
    return run
