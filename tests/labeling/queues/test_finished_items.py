"""When an item is finished, those who never had it need not be kept from it."""

from datetime import timedelta

from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import MACHINE, visible_to
from auditor.ledger.models import Event
from labeling.queues.actions import mark_done, take_next
from labeling.queues.models import BLIND_ONLY, Lease
from tests import make


def test_who_never_had_a_finished_item_may_see_it(project: Project, ana: User, bo: User, mia: User) -> None:
    transcript = make.transcript(project)
    round = make.round(project, [transcript], [ana, bo, mia], overlap=1)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    assert visible_to(mia).is_veiled(transcript.pk)
    mark_done(lease=lease)
    for scope in (MACHINE, HUMAN):
        assert not visible_to(mia).is_veiled(transcript.pk, scope)
        assert visible_to(ana).is_veiled(transcript.pk, scope)  # hers fall with her labels and with the round


def test_who_lost_it_to_the_clock_stays_blind(project: Project, ana: User, bo: User) -> None:
    transcript = make.transcript(project)
    round = make.round(project, [transcript], [ana, bo], overlap=1)
    assert take_next(round=round, reviewer=bo) is not None
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    mark_done(lease=lease)
    assert visible_to(bo).is_veiled(transcript.pk)


def test_a_blind_only_round_stays_blind_to_its_end(project: Project, ana: User, bo: User) -> None:
    transcript = make.transcript(project)
    round = make.round(project, [transcript], [ana, bo], overlap=1, policy=BLIND_ONLY)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    mark_done(lease=lease)
    assert visible_to(bo).is_veiled(transcript.pk)


def test_taking_an_item_and_losing_it_are_in_the_trail(project: Project, ana: User, bo: User) -> None:
    round = make.round(project, [make.transcript(project)], [ana, bo], overlap=1)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    take_next(round=round, reviewer=bo)
    events = Event.objects.filter(verb__startswith="item.").order_by("pk")
    assert [(event.verb, event.actor_id) for event in events] == [
        ("item.taken", ana.pk),
        ("item.lease_ran_out", None),
        ("item.taken", bo.pk),
    ]
