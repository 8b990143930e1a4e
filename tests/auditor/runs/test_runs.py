"""Rows are the truth: a run is carried by one worker, can be stopped, and is taken up again when nobody carries it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.ledger.models import Event
from auditor.runs import actions, queries, tasks
from auditor.runs.actions import (
    MAX_ATTEMPTS,
    Refused,
    RunFailed,
    TakenOver,
    cancel_run,
    carry,
    carry_here,
    open_run,
)
from auditor.runs.models import Pulse, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(project: Project, mia: User) -> Run:
    return open_run(
        project_id=project.pk,
        kind="import",
        title="Import log.jsonl",
        task="intake.import_batch",
        actor=mia,
        total=10,
    )


def silent(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(beat_at=timezone.now() - timedelta(seconds=61))


def breaks(problem: Exception) -> None:
    raise problem


def test_a_run_that_comes_to_its_end_is_done(run: Run) -> None:
    with carry(run.pk) as ticket:
        assert ticket is not None
        ticket.beat(done=3, note="3 so far", force=True)
        run.refresh_from_db()
        assert (run.status, run.done, run.note, run.percent) == ("running", 3, "3 so far", 30)
    run.refresh_from_db()
    assert (run.status, run.done, run.percent, run.attempts) == ("done", 10, 100, 1)
    with carry(run.pk) as again:
        assert again is None


def test_a_run_that_beats_is_not_taken_from_its_worker(run: Run) -> None:
    with carry(run.pk) as ticket, carry(run.pk) as second:
        assert ticket is not None
        assert second is None


def test_a_silent_run_is_taken_over_and_its_old_worker_stops(run: Run) -> None:
    with carry(run.pk) as first:
        assert first is not None
        silent(run)
        with carry(run.pk) as second:
            assert second is not None
            with pytest.raises(TakenOver):
                first.beat(done=1, force=True)
            second.beat(done=2, force=True)
    run.refresh_from_db()
    assert (run.status, run.attempts) == ("done", 2)


def test_the_old_worker_cannot_change_how_the_new_one_ended(run: Run) -> None:
    with carry(run.pk) as first:
        assert first is not None
        silent(run)
        with carry(run.pk):
            pass
        breaks(OSError("the old worker breaks"))
    run.refresh_from_db()
    assert (run.status, run.attempts, run.note) == ("done", 2, "")


def test_a_queued_run_is_cancelled_at_once(run: Run, mia: User) -> None:
    cancel_run(run=run, actor=mia)
    run.refresh_from_db()
    assert (run.status, run.is_over) == ("cancelled", True)
    with carry(run.pk) as ticket:
        assert ticket is None
    assert Event.objects.filter(verb="run.cancelled").count() == 1
    cancel_run(run=run, actor=mia)
    assert Event.objects.filter(verb="run.cancelled").count() == 1


def test_a_running_run_is_cancelled_at_its_next_beat(run: Run, mia: User) -> None:
    with carry(run.pk) as ticket:
        assert ticket is not None
        cancel_run(run=run, actor=mia)
        run.refresh_from_db()
        assert (run.status, run.cancel_asked) == ("running", True)
        ticket.beat(done=4, force=True)
        breaks(AssertionError("went on after it was cancelled"))
    run.refresh_from_db()
    assert (run.status, run.done) == ("cancelled", 4)


def test_beats_are_written_once_a_second(run: Run, django_assert_num_queries: object) -> None:
    with carry(run.pk) as ticket:
        assert ticket is not None
        with django_assert_num_queries(0):  # type: ignore[operator]
            for done in range(100):
                ticket.beat(done=done)


def test_a_refused_run_fails_with_its_words_and_is_not_tried_again(run: Run) -> None:
    with carry(run.pk):
        breaks(Refused("the file is gone"))
    run.refresh_from_db()
    assert (run.status, run.note) == ("failed", "the file is gone")


def test_a_run_that_breaks_waits_for_the_sweep_until_it_was_tried_five_times(run: Run) -> None:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with carry(run.pk):
            breaks(OSError("disk full"))
        run.refresh_from_db()
        assert run.attempts == attempt
        assert run.status == ("queued" if attempt < MAX_ATTEMPTS else "failed")
        assert "disk full" in run.note


def test_a_run_carried_here_says_how_it_failed(run: Run) -> None:
    def work() -> None:
        with carry_here(run) as beat:
            beat(1, "one")
            breaks(OSError("no room"))

    with pytest.raises(RunFailed, match="no room"):
        work()
    other = Run.objects.create(project_id=run.project_id, kind="x", title="x", task="x")
    with carry_here(other):
        pass
    assert other.status == "done"


def test_the_sweep_rings_for_what_nobody_carries_and_only_once(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[str, int]] = []
    monkeypatch.setattr(tasks, "ring", lambda task, pk: rung.append((task, pk)))
    tasks.sweep()
    assert rung == []
    Run.objects.filter(pk=run.pk).update(rung_at=timezone.now() - timedelta(seconds=21))
    tasks.sweep()
    tasks.sweep()
    assert rung == [("intake.import_batch", run.pk)]
    with carry(run.pk):
        tasks.sweep()
        assert len(rung) == 1
        silent(run)
        assert actions.rung_again() == [("intake.import_batch", run.pk)]


def test_the_worker_is_alive_while_its_pulse_is_fresh(
    db: None, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "STARTED_AT", timezone.now() - queries.STARTING)
    settings.CELERY_TASK_ALWAYS_EAGER = False  # type: ignore[attr-defined]
    assert not queries.worker_is_alive()
    tasks.pulse()
    assert queries.worker_is_alive()
    assert not queries.worker_is_alive("judging.judge"), "calls to models have workers of their own"
    tasks.pulse("llm")
    assert queries.worker_is_alive("judging.judge")
    Pulse.objects.update(at=timezone.now() - timedelta(seconds=46))
    assert not queries.worker_is_alive()


def test_a_worker_that_is_busy_with_long_runs_is_alive(
    run: Run, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "STARTED_AT", timezone.now() - queries.STARTING)
    settings.CELERY_TASK_ALWAYS_EAGER = False
    Run.objects.filter(pk=run.pk).update(status="running", beat_at=timezone.now(), task="judging.judge")
    assert queries.worker_is_alive("judging.judge")
    assert not queries.worker_is_alive("intake.import_batch")
    Run.objects.filter(pk=run.pk).update(beat_at=timezone.now() - timedelta(seconds=46))
    assert not queries.worker_is_alive("judging.judge")


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_carries_the_run(run: Run) -> None:
    held: list[bool] = []
    start, finish = threading.Barrier(6), threading.Barrier(6)

    def work() -> None:
        try:
            start.wait()
            with carry(run.pk) as ticket:
                held.append(ticket is not None)
                finish.wait()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == [False] * 5 + [True]


def test_a_worker_that_has_just_been_started_is_given_time(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = False
    monkeypatch.setattr(queries, "STARTED_AT", timezone.now())
    assert queries.worker_is_alive()


def test_how_a_run_ended_is_in_the_trail(run: Run) -> None:
    with carry(run.pk):
        pass
    event = Event.objects.get(verb="run.done")
    assert (event.subject_id, event.project_id) == (str(run.pk), run.project_id)


def test_a_run_waits_when_asked_to_and_goes_on(project: Project, mia: User) -> None:
    run = actions.open_run(project_id=project.pk, kind="x", title="x", task="x", actor=mia)
    actions.pause_run(run=run, actor=mia)
    run.refresh_from_db()
    assert (run.status, run.rests, run.is_over) == ("paused", True, False)
    with actions.carry(run.pk) as ticket:
        assert ticket is None
    actions.pause_run(run=run, actor=mia)
    assert actions.reopen_run(run=run, actor=mia).status == "queued"
    with actions.carry(run.pk) as ticket:
        assert ticket is not None
        actions.pause_run(run=run, actor=mia)
        ticket.beat(done=3, force=True)
        raise AssertionError("the beat said to wait")
    run.refresh_from_db()
    assert (run.status, run.done, run.pause_asked, run.note) == ("paused", 3, False, "Paused.")
    assert not Run.objects.abandoned().filter(pk=run.pk).exists()
    actions.cancel_run(run=run, actor=mia)
    run.refresh_from_db()
    assert run.status == "cancelled"
    verbs = list(
        Event.objects.filter(subject="runs.run", subject_id=str(run.pk))
        .order_by("pk")
        .values_list("verb", flat=True)
    )
    assert verbs == [
        "run.queued", "run.paused", "run.reopened", "run.paused", "run.paused", "run.cancelled"
    ]  # fmt: skip


def test_a_carrier_that_has_done_its_share_leaves_the_rest_to_the_next(project: Project, mia: User) -> None:
    run = actions.open_run(project_id=project.pk, kind="x", title="x", task="x", actor=mia)
    with actions.carry(run.pk) as ticket:
        assert ticket is not None
        raise actions.Again
    run.refresh_from_db()
    assert (run.status, run.attempts, ticket.again) == ("queued", 0, True)
    with actions.carry(run.pk) as ticket:
        assert ticket is not None
        raise actions.Paused("The budget is spent.")
    run.refresh_from_db()
    assert (run.status, run.note) == ("paused", "The budget is spent.")


def test_a_done_run_is_reopened_only_for_new_work(project: Project, mia: User) -> None:
    run = actions.open_run(project_id=project.pk, kind="x", title="x", task="x", actor=mia)
    with actions.carry(run.pk):
        pass
    assert actions.reopen_run(run=run, actor=mia).status == "done"
    assert actions.reopen_run(run=run, actor=mia, when_done=True).status == "queued"
