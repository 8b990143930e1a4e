"""Handing out items: exact overlap, nobody twice, nothing stuck."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from auditor.accounts.models import Project, User
from labeling.queues import actions
from labeling.queues.actions import LeaseLost, RoundClosed, keep_alive, mark_done, skip, take_next
from labeling.queues.models import Item, Lease, Round
from tests import make
from tests.people import _member


def run_out(lease: Lease) -> None:
    Lease.objects.filter(pk=lease.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def in_threads(jobs: list[Callable[[], object]]) -> list[object]:
    def run(job: Callable[[], object]) -> object:
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]


@pytest.fixture
def round(project: Project, ana: User, bo: User) -> Round:
    return make.round(project, [make.transcript(project) for _ in range(3)], [ana, bo])


def test_taking_twice_gives_the_held_item(round: Round, ana: User) -> None:
    first = take_next(round=round, reviewer=ana)
    again = take_next(round=round, reviewer=ana)
    assert first is not None
    assert again is not None
    assert first.pk == again.pk
    assert again.expires_at > first.expires_at


def test_each_reviewer_has_an_order_of_their_own_that_holds(project: Project, ana: User, bo: User) -> None:
    round = make.round(project, [make.transcript(project) for _ in range(12)], [ana, bo])
    orders = {}
    for reviewer in (ana, bo):
        met = []
        while lease := take_next(round=round, reviewer=reviewer):
            met.append(lease.item.order)
            mark_done(lease=lease)
        orders[reviewer.pk] = met
    assert sorted(orders[ana.pk]) == sorted(orders[bo.pk]) == list(range(12))
    assert orders[ana.pk] != orders[bo.pk]
    assert orders[ana.pk] != list(range(12))


def test_an_item_is_finished_by_its_last_slot(round: Round, ana: User, bo: User) -> None:
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    assert mark_done(lease=lease) is False
    other = make.lease_on(lease.item, bo)
    assert mark_done(lease=other) is True
    assert Item.objects.get(pk=lease.item_id).finished_at is not None


def test_a_skipped_item_goes_to_others_and_not_back(project: Project, ana: User, bo: User) -> None:
    round = make.round(project, [make.transcript(project)], [ana, bo], overlap=1)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    skip(lease=lease, note="Written in a language I do not read")
    assert take_next(round=round, reviewer=ana) is None
    given = take_next(round=round, reviewer=bo)
    assert given is not None
    assert given.item_id == lease.item_id
    with pytest.raises(LeaseLost):
        skip(lease=lease, note="again")


def test_a_lease_that_ran_out_frees_the_item(project: Project, ana: User, bo: User) -> None:
    round = make.round(project, [make.transcript(project)], [ana, bo], overlap=1)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    assert take_next(round=round, reviewer=bo) is None
    run_out(lease)
    assert take_next(round=round, reviewer=bo) is not None
    lease.refresh_from_db()
    assert (lease.state, lease.reason) == ("released", "expired")
    with pytest.raises(LeaseLost):
        keep_alive(lease=lease)


def test_work_lost_to_the_clock_comes_back_first(project: Project, ana: User, bo: User) -> None:
    round = make.round(project, [make.transcript(project) for _ in range(6)], [ana, bo])
    first = take_next(round=round, reviewer=ana)
    assert first is not None
    mark_done(lease=first)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    run_out(lease)
    take_next(round=round, reviewer=bo)  # somebody comes by, and the clock is looked at
    lease.refresh_from_db()
    assert lease.state == "released"
    back = take_next(round=round, reviewer=ana)
    assert back is not None
    assert back.item_id == lease.item_id


def test_a_lease_that_ran_out_is_renewed_while_nobody_wants_it(round: Round, ana: User) -> None:
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    run_out(lease)
    assert keep_alive(lease=lease).expires_at > timezone.now()
    actions.release_expired(round=round)
    run_out(lease)
    actions.release_expired(round=round)
    again = keep_alive(lease=lease)
    assert again.pk != lease.pk
    assert again.state == "held"


def test_a_closed_round_gives_nothing_out(round: Round, ana: User, mia: User) -> None:
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    actions.close_round(round=round, actor=mia)
    lease.refresh_from_db()
    assert (lease.state, lease.reason) == ("released", "closed")
    with pytest.raises(RoundClosed):
        take_next(round=round, reviewer=ana)
    with pytest.raises(LeaseLost):
        keep_alive(lease=lease)


def test_who_is_not_in_the_round_gets_nothing(round: Round, ada: User) -> None:
    with pytest.raises(RoundClosed):
        take_next(round=round, reviewer=ada)


@pytest.mark.django_db(transaction=True)
def test_eight_reviewers_at_once_never_exceed_the_overlap(project: Project) -> None:
    people = [_member(project, f"R{n}", 20) for n in range(8)]
    round = make.round(project, [make.transcript(project) for _ in range(10)], people, overlap=3)

    def job(reviewer: User) -> Callable[[], object]:
        def run() -> int:
            done = 0
            while (lease := take_next(round=round, reviewer=reviewer)) is not None:
                with transaction.atomic():
                    held = Lease.objects.select_for_update().get(pk=lease.pk)
                    mark_done(lease=held)
                done += 1
            return done

        return run

    in_threads([job(reviewer) for reviewer in people])
    taken = Q(leases__state__in=["held", "done"])
    items = Item.objects.filter(round=round).annotate(
        n=Count("leases", filter=taken), people=Count("leases__reviewer", filter=taken, distinct=True)
    )
    assert [(item.n, item.people) for item in items] == [(3, 3)] * 10
    assert all(item.finished_at for item in items)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_of_one_reviewer_hold_one_item(project: Project, ana: User, bo: User) -> None:
    round = make.round(project, [make.transcript(project) for _ in range(4)], [ana, bo], overlap=1)
    in_threads([lambda: take_next(round=round, reviewer=ana)] * 4)
    assert Lease.objects.filter(reviewer=ana, state="held").count() == 1


@pytest.mark.django_db(transaction=True)
def test_work_is_moved_while_everybody_takes_and_skips(project: Project) -> None:
    """Six reviewers at work, some of it reserved ahead, some given back; a manager shares out and drops one."""
    people = [_member(project, f"R{n}", 20) for n in range(6)]
    boss = _member(project, "Boss", 40)
    round = make.round(
        project, [make.transcript(project) for _ in range(24)], people, overlap=2, helping=False
    )

    def review(reviewer: User, number: int) -> Callable[[], object]:
        def run() -> int:
            turns = 0
            with suppress(RoundClosed):  # dropped
                while (lease := take_next(round=round, reviewer=reviewer)) is not None:
                    turns += 1
                    actions.reserve_next(round=round, reviewer=reviewer)
                    with suppress(LeaseLost):
                        if (turns + number) % 7 == 0:
                            skip(lease=lease, note="not mine")
                            continue
                        with transaction.atomic():
                            actions.hold_desk(round_id=round.pk, reviewer_id=reviewer.pk)
                            if Lease.objects.select_for_update().get(pk=lease.pk).state == "held":
                                mark_done(lease=lease)
            return turns

        return run

    def manage() -> None:
        actions.share_out(round=round, actor=boss)
        actions.drop_member(round=round, user=people[0], actor=boss)
        actions.share_out(round=round, actor=boss)

    in_threads([*(review(reviewer, number) for number, reviewer in enumerate(people)), manage])
    in_threads([review(reviewer, -turn) for turn, reviewer in enumerate(people[1:])])  # what came back late
    assert not Lease.objects.filter(item__round=round, reviewer=people[0], state="held").exists()
    for item in round.items.prefetch_related("leases", "assignments"):
        taken = [lease for lease in item.leases.all() if lease.state in ("held", "done")]
        assert len({lease.slot for lease in taken}) == len(taken) == item.n_done <= 2
        assert len({lease.reviewer_id for lease in taken}) == len(taken)
        assert (item.finished_at is not None) == (item.n_done == 2)
        assert {one.slot for one in item.assignments.all()} == {0, 1}
        closed = {one.slot for one in item.assignments.all() if not one.is_open}
        assert item.escalated_at is not None or closed == {lease.slot for lease in taken}


@pytest.mark.django_db(transaction=True)
def test_who_takes_the_item_up_again_while_the_sweep_looks_at_it_may_finish_it(
    project: Project, ana: User, bo: User
) -> None:
    """Given back by one, labelled by another, lost to the clock by the third, who is back before it is counted who is left."""
    cy = _member(project, "Cy", 20)
    round = make.round(project, [make.transcript(project)], [ana, bo, cy], overlap=2)
    first = take_next(round=round, reviewer=ana)
    assert first is not None
    skip(lease=first, note="not mine")
    done, lost = take_next(round=round, reviewer=bo), take_next(round=round, reviewer=cy)
    assert done is not None
    assert lost is not None
    with transaction.atomic():
        mark_done(lease=Lease.objects.select_for_update().get(pk=done.pk))
    run_out(lost)
    assert actions.release_expired(round=round) == 1
    back: list[object] = []

    def meanwhile(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if "COUNT(" in sql and "queues_roundmember" in sql and not back:
            back.extend(in_threads([lambda: take_next(round=round, reviewer=cy)]))
        return execute(sql, *rest)

    with connection.execute_wrapper(meanwhile):
        assert actions.escalate_stuck() == 0
    (lease,) = back
    assert isinstance(lease, Lease)
    with transaction.atomic():
        assert mark_done(lease=Lease.objects.select_for_update().get(pk=lease.pk))
    item = Item.objects.get(round=round)
    assert (item.escalated_at, item.finished_at is not None) == (None, True)
