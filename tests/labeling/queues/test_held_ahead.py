"""The item after the one on the desk, which is held as well so that its page can be there."""

from datetime import timedelta

import pytest
from django.utils import timezone

from auditor.accounts.models import Project, User
from labeling.queues import actions
from labeling.queues.actions import mark_done, take_next
from labeling.queues.models import Lease, Round
from tests import make


@pytest.fixture
def round(project: Project, ana: User, bo: User) -> Round:
    return make.round(project, [make.transcript(project) for _ in range(4)], [ana, bo], overlap=2)


def test_two_items_are_held_at_most_and_the_first_is_on_the_desk(round: Round, ana: User) -> None:
    assert actions.reserve_next(round=round, reviewer=ana) is None  # nothing is on the desk yet
    first = take_next(round=round, reviewer=ana)
    ahead = actions.reserve_next(round=round, reviewer=ana)
    assert first is not None
    assert ahead is not None
    assert ahead.item_id != first.item_id
    again = actions.reserve_next(round=round, reviewer=ana)
    assert again is not None
    assert again.pk == ahead.pk
    assert take_next(round=round, reviewer=ana) == first
    assert Lease.objects.filter(reviewer=ana, state="held").count() == 2
    mark_done(lease=first)
    assert take_next(round=round, reviewer=ana) == ahead


def test_what_is_next_and_what_comes_after_it_are_taken_at_once(round: Round, ana: User) -> None:
    first, ahead = actions.take_up(round=round, reviewer=ana, most=2)
    assert first.item_id != ahead.item_id
    assert list(actions.take_up(round=round, reviewer=ana, most=1)) == [first]
    assert list(actions.take_up(round=round, reviewer=ana, most=2)) == [first, ahead]
    assert actions.reserve_next(round=round, reviewer=ana) == ahead
    assert Lease.objects.filter(reviewer=ana, state="held").count() == 2
    mark_done(lease=first)
    assert actions.take_up(round=round, reviewer=ana, most=2)[0] == ahead


def test_of_a_paused_round_only_what_lies_on_the_desk_is_there(round: Round, ana: User, mia: User) -> None:
    first = take_next(round=round, reviewer=ana)
    actions.pause_round(round=round, actor=mia)
    assert list(actions.take_up(round=round, reviewer=ana, most=2)) == [first]


def test_work_on_the_desk_keeps_what_is_reserved(round: Round, ana: User) -> None:
    first = take_next(round=round, reviewer=ana)
    ahead = actions.reserve_next(round=round, reviewer=ana)
    assert first is not None
    assert ahead is not None
    Lease.objects.filter(pk=ahead.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    actions.keep_alive(lease=first)
    ahead.refresh_from_db()
    assert ahead.expires_at > timezone.now()
