"""A round is handed out as it was planned, until somebody gives something back or a manager moves it."""

from collections import Counter
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from auditor.accounts.models import Project, User
from auditor.evidence.queries import visible_to
from auditor.ledger.models import Event
from labeling.queues import actions, queries
from labeling.queues.actions import CannotChange, CannotOpen, Paused, RoundClosed, mark_done, skip, take_next
from labeling.queues.models import DESCENDING, OPEN, Assignment, Item, Lease, Round
from labeling.queues.tasks import give_on
from tests import make
from tests.people import _member, signed_in


@pytest.fixture
def crew(ana: User, bo: User, ada: User) -> list[User]:
    return [ana, bo, ada]


@pytest.fixture
def round(project: Project, crew: list[User]) -> Round:
    """Nine items, each for two of three who do not help each other: six each, three for each two."""
    return make.round(project, [make.transcript(project) for _ in range(9)], crew, overlap=2, helping=False)


def planned(round: Round, reviewer: User) -> set[int]:
    return set(round.assignments.filter(reviewer=reviewer).values_list("item_id", flat=True))


def work_through(round: Round, reviewer: User) -> list[int]:
    met = []
    while lease := take_next(round=round, reviewer=reviewer):
        met.append(lease.item_id)
        mark_done(lease=lease)
    return met


def work_through_own(round: Round, reviewer: User) -> None:
    """What is planned for them, and nothing of others."""
    for _ in planned(round, reviewer):
        lease = take_next(round=round, reviewer=reviewer)
        assert lease is not None
        mark_done(lease=lease)


def run_out(lease: Lease) -> None:
    Lease.objects.filter(pk=lease.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def test_everybody_is_planned_for_as_much_and_each_two_meet_as_often(round: Round, crew: list[User]) -> None:
    assert [len(planned(round, one)) for one in crew] == [6, 6, 6]
    assert [len(planned(round, a) & planned(round, b)) for a, b in combinations(crew, 2)] == [3, 3, 3]
    found = queries.progress(round)
    assert {n for pair, n in found.planned.items() if pair[0] != pair[1]} == {3}


def test_each_reviewer_gets_what_is_planned_and_no_more(round: Round, crew: list[User]) -> None:
    ana, bo, ada = crew
    plan = planned(round, ana)
    assert set(work_through(round, ana)) == plan
    assert take_next(round=round, reviewer=ana) is None
    work_through(round, bo)
    work_through(round, ada)
    assert not round.items.filter(finished_at__isnull=True).exists()
    assert queries.progress(round).pairs == queries.progress(round).planned


def test_who_helps_goes_on_with_what_others_have_not_begun(project: Project, crew: list[User]) -> None:
    round = make.round(project, [make.transcript(project) for _ in range(9)], crew, overlap=2, helping=True)
    assert len(work_through(round, crew[0])) == 9
    work_through(round, crew[1])
    assert not round.items.filter(finished_at__isnull=True).exists()
    assert take_next(round=round, reviewer=crew[2]) is None
    assert queries.desk_of(round, crew[2]).others == 0


def test_who_can_only_help_is_told_so_and_may_begin(project: Project, crew: list[User], cy: User) -> None:
    round = make.round(project, [make.transcript(project) for _ in range(9)], crew, overlap=2, helping=True)
    assert queries.desk_of(round, crew[0]).others == 0  # their own come first
    for _ in range(6):
        lease = take_next(round=round, reviewer=crew[0])
        assert lease is not None
        mark_done(lease=lease)
    desk = queries.desk_of(round, crew[0])
    assert (desk.done, desk.open, desk.others) == (6, 0, 3)
    client = signed_in(crew[0])
    for page in ("annotations:home", "annotations:desk"):
        shown = client.get(reverse(page, args=[project.slug, *([round.pk] if page.endswith("desk") else [])]))
        assert b"3 items" in shown.content.replace(b"\xc2\xa0", b" ")
        assert reverse("annotations:next", args=[project.slug, round.pk]).encode() in shown.content
    assert len(work_through(round, crew[0])) == 3
    assert queries.desk_of(round, crew[0]).others == 0
    assert b"nothing left for you" in client.get(reverse("annotations:home", args=[project.slug])).content
    assert queries.desk_of(round, cy).others == 0  # no seat, nothing to help with


def test_the_home_of_review_asks_as_often_for_twenty_rounds_as_for_two(
    project: Project, crew: list[User], mia: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ana = crew[0]

    def opened(number: int, **more: Any) -> Round:
        name = f"Round {number}"
        return make.round(project, [make.transcript(project) for _ in range(3)], crew, name=name, **more)

    begun, alone = opened(1), opened(2, overlap=2)
    assert take_next(round=begun, reviewer=ana) is not None
    work_through_own(alone, ana)
    actions.close_round(round=opened(3), actor=mia)
    client, home = signed_in(ana), reverse("annotations:home", args=[project.slug])
    client.get(home)
    told = {}
    for n_rounds in (3, 20):
        for number in range(Round.objects.count() + 1, n_rounds + 1):
            opened(number, helping=bool(number % 2))
        with django_assert_num_queries(6):
            client.get(home)
        with django_assert_num_queries(3):
            desks = queries.desks_of(project.pk, ana)
        assert desks == [queries.desk_of(Round.objects.get(pk=desk.round.pk), ana) for desk in desks]
        assert len(desks) == n_rounds
        assert not desks[-1].round.is_open
        told[n_rounds] = {desk.round.name: desk for desk in desks}
    assert told[20].items() >= told[3].items()
    assert told[3]["Round 1"].held is not None
    assert (told[3]["Round 2"].open, told[3]["Round 2"].others) == (0, 1)
    assert (told[3]["Round 3"].open, told[3]["Round 3"].others) == (0, 0)


def test_what_runs_out_is_free_for_everybody_within_the_sweep(round: Round, crew: list[User]) -> None:
    ana, bo, ada = crew
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    other = next(one for one in (bo, ada) if lease.item_id not in planned(round, one))
    run_out(lease)
    give_on()
    given = take_next(round=round, reviewer=other)
    assert given is not None
    assert given.item_id == lease.item_id


def test_two_skips_hand_an_item_to_adjudication(project: Project, crew: list[User]) -> None:
    round = make.round(project, [make.transcript(project)], crew, overlap=1)
    given = []
    for reviewer in crew[:2]:
        lease = take_next(round=round, reviewer=reviewer)
        assert lease is not None
        given.append(lease.item_id)
        skip(lease=lease, note="Dutch", why="language")
    item = Item.objects.get(round=round)
    assert given == [item.pk, item.pk]
    assert item.escalated_at is not None
    assert item.escalation == "Given back by 2: Dutch; Dutch"
    assert take_next(round=round, reviewer=crew[2]) is None
    assert queries.progress(round).escalated == 1
    assert Event.objects.get(verb="item.escalated").detail["skips"] == 2


def test_an_item_that_nobody_else_can_take_is_escalated_by_the_first_skip(
    project: Project, ana: User
) -> None:
    round = make.round(project, [make.transcript(project)], [ana])
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    skip(lease=lease, note="", why="known")
    words = Item.objects.get(round=round).escalation
    assert (
        words == "Given back, and nobody else is left who could take it: I know the case, or took part in it"
    )


def test_a_skip_whose_others_label_later_is_escalated_by_the_sweep(
    project: Project, ana: User, bo: User
) -> None:
    round = make.round(project, [make.transcript(project)], [ana, bo], overlap=2)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    skip(lease=lease, note="broken")
    give_on()
    assert Item.objects.get(round=round).escalated_at is None  # Bo is still to come
    work_through(round, bo)
    give_on()
    assert Item.objects.get(round=round).escalated_at is not None


def test_a_paused_round_hands_nothing_out_and_takes_what_is_on_desks(
    round: Round, crew: list[User], mia: User
) -> None:
    held = take_next(round=round, reviewer=crew[0])
    actions.pause_round(round=round, actor=mia)
    actions.pause_round(round=round, actor=mia)
    assert held is not None
    assert take_next(round=round, reviewer=crew[0]) == held
    assert actions.reserve_next(round=round, reviewer=crew[0]) is None
    with pytest.raises(Paused):
        take_next(round=round, reviewer=crew[1])
    assert queries.desk_of(round, crew[1]).waits_for == ""  # as it was read before
    assert "paused" in queries.desk_of(Round.objects.get(pk=round.pk), crew[1]).waits_for
    mark_done(lease=held)
    actions.resume_round(round=round, actor=mia)
    assert take_next(round=round, reviewer=crew[1]) is not None
    assert Counter(Event.objects.values_list("verb", flat=True))["round.paused"] == 1


def test_a_manager_moves_what_is_not_begun(round: Round, crew: list[User], mia: User) -> None:
    ana, bo, _ = crew
    held = take_next(round=round, reviewer=ana)
    assert held is not None
    both = planned(round, ana) & planned(round, bo)
    moved = actions.reassign(round=round, giver=ana, taker=bo, actor=mia)
    assert moved == 6 - len(both | {held.item_id})  # neither what lies on her desk, nor what Bo has anyway
    assert set(work_through(round, ana)) | {held.item_id} == both | {held.item_id}
    assert len(planned(round, bo)) == 6 + moved
    with pytest.raises(CannotChange):
        actions.reassign(round=round, giver=ana, taker=mia, actor=mia)


def test_a_manager_moves_some(round: Round, crew: list[User], mia: User) -> None:
    assert actions.reassign(round=round, giver=crew[0], taker=crew[1], count=1, actor=mia) == 1
    assert Event.objects.get(verb="round.reassigned").detail["items"] == 1


def test_what_is_left_is_shared_out(round: Round, crew: list[User], mia: User, cy: User) -> None:
    work_through(round, crew[0])
    late = make_reviewer(round.project)
    actions.add_member(round=round, user=late, actor=mia)
    assert actions.share_out(round=round, actor=mia) > 0
    left = [len(round.assignments.filter(reviewer=one, is_open=True)) for one in (*crew, late)]
    assert left == [3, 3, 3, 3]  # although Ana may get three of the nine items only
    for one in (*crew, late):
        work_through(round, one)
    assert not round.items.filter(finished_at__isnull=True).exists()
    assert actions.share_out(round=round, actor=mia) == 0


def make_reviewer(project: Project) -> User:
    return _member(project, "Dot", 20)


def test_a_dropped_reviewer_leaves_labels_and_veils_and_nothing_else(
    round: Round, crew: list[User], mia: User
) -> None:
    ana, bo, ada = crew
    done = take_next(round=round, reviewer=ana)
    assert done is not None
    mark_done(lease=done)
    held = take_next(round=round, reviewer=ana)
    assert held is not None
    actions.drop_member(round=round, user=ana, actor=mia)
    assert actions.drop_member(round=round, user=ana, actor=mia) == 0
    held.refresh_from_db()
    assert (held.state, held.reason) == ("released", "dropped")
    with pytest.raises(RoundClosed):
        take_next(round=round, reviewer=ana)
    assert Lease.objects.filter(reviewer=ana, state="done").count() == 1
    assert visible_to(ana).is_veiled(held.item.transcript_id)
    work_through(round, bo)
    work_through(round, ada)
    assert round.items.filter(finished_at__isnull=False).count() == 9
    assert not Assignment.objects.filter(round=round, reviewer=ana, is_open=True).exists()
    actions.close_round(round=round, actor=mia)
    assert not visible_to(ana).is_veiled(held.item.transcript_id)


def test_places_that_nobody_can_take_wait_for_a_new_reviewer(
    project: Project, ana: User, bo: User, mia: User
) -> None:
    round = make.round(project, [make.transcript(project) for _ in range(3)], [ana, bo])
    actions.drop_member(round=round, user=bo, actor=mia)
    assert len(work_through(round, ana)) == 3
    assert queries.progress(round).given_back == 3
    actions.add_member(round=round, user=make_reviewer(project), actor=mia)
    assert len(work_through(round, User.objects.get(name="Dot"))) == 3
    assert not round.items.filter(finished_at__isnull=True).exists()


def test_more_labels_for_every_item(round: Round, crew: list[User], mia: User) -> None:
    assert actions.extend_overlap(round=round, overlap=3, actor=mia) == 9
    for one in crew:
        assert len(work_through(round, one)) == 9
    assert set(round.items.values_list("n_done", "wanted")) == {(3, 3)}
    with pytest.raises(CannotChange):
        actions.extend_overlap(round=round, overlap=4, actor=mia)


def test_who_has_seen_an_item_is_not_asked_about_it(round: Round, crew: list[User], mia: User) -> None:
    """Once two have finished an item the third may look at it, and a blind label of theirs would be none."""
    for one in crew:
        work_through(round, one)
    assert actions.extend_overlap(round=round, overlap=3, actor=mia) == 0
    assert Event.objects.get(verb="round.overlap_extended").detail["as_they_are"] == 9
    assert not round.items.filter(finished_at__isnull=True).exists()


def test_the_items_of_a_larger_draw_come_in_blind(
    project: Project, round: Round, crew: list[User], mia: User
) -> None:
    more = [make.transcript(project) for _ in range(3)]
    all_of_them = [*[item.transcript for item in round.items.all()], *more]
    with pytest.raises(CannotChange):
        actions.extend_items(round=round, sample=make.sample(project, all_of_them), actor=mia)
    larger = make.sample(project, all_of_them, extends=round.sample)
    assert actions.extend_items(round=round, sample=larger, actor=mia) == 3
    assert {
        item.sample_item.sample_id for item in round.items.select_related("sample_item") if item.sample_item
    } == {larger.pk}
    assert [len(planned(round, one)) for one in crew] == [8, 8, 8]
    assert visible_to(crew[0]).veiled_ids([one.pk for one in more]) == {one.pk for one in more}
    assert {len(work_through(round, one)) for one in crew} == {8}
    assert not round.items.filter(finished_at__isnull=True).exists()


def test_an_open_round_goes_by_a_channel_and_hides_nothing(project: Project, ana: User, bo: User) -> None:
    transcripts = [make.transcript(project) for _ in range(5)]
    channel = make.channel(project)
    for transcript, value in zip(transcripts, (30.0, 90.0, None, 10.0, 50.0), strict=True):
        if value is not None:
            make.reading(channel, transcript, value)
    round = make.round(
        project, transcripts, [ana, bo], policy=OPEN, order=DESCENDING, order_channel=channel, helping=False
    )
    order = [Item.objects.get(pk=pk).transcript_id for pk in work_through(round, ana)]
    assert order == [transcripts[at].pk for at in (1, 4, 0, 3, 2)]
    assert visible_to(ana).veiled_ids(order) == set()


def test_an_order_that_would_be_a_hint_is_refused(project: Project, ana: User) -> None:
    transcript, channel = make.transcript(project), make.channel(project)
    with pytest.raises(CannotOpen, match="nothing is hidden"):
        make.round(project, [transcript], [ana], order=DESCENDING, order_channel=channel)
    make.round(project, [transcript], [ana])  # Ana is blind on it from now on
    with pytest.raises(CannotOpen, match="blind in another round"):
        make.round(project, [transcript], [ana], policy=OPEN, order=DESCENDING, order_channel=channel)


def test_a_round_over_some_of_a_sample(project: Project, ana: User) -> None:
    transcripts = [make.transcript(project) for _ in range(4)]
    round = make.round(project, transcripts, [ana], only={transcripts[1].pk, transcripts[3].pk, 0})
    assert set(round.items.values_list("transcript_id", flat=True)) == {transcripts[1].pk, transcripts[3].pk}
    with pytest.raises(CannotOpen, match="None of these"):
        make.round(project, transcripts, [ana], only=[])


def test_the_due_date_is_changed_once(round: Round, mia: User) -> None:
    for _ in range(2):
        actions.set_due(round=round, due_on=date(2026, 12, 1), actor=mia)
    assert Round.objects.get(pk=round.pk).due_on == date(2026, 12, 1)
    assert Event.objects.get(verb="round.due_changed").detail["due_on"] == "2026-12-01"
