"""Rounds: what opening one promises, and their pages."""

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.evidence.queries import visible_to
from auditor.ledger.models import Event
from labeling.codebooks.actions import adopt_default
from labeling.queues import actions, queries
from labeling.queues.actions import CannotOpen
from labeling.queues.models import Round
from tests import make
from tests.people import signed_in


@pytest.fixture
def round(project: Project, ana: User, bo: User) -> Round:
    return make.round(project, [make.transcript(project) for _ in range(3)], [ana, bo], name="First round")


def test_opening_veils_every_item_for_every_reviewer(round: Round, ana: User, bo: User, mia: User) -> None:
    ids = [item.transcript_id for item in round.items.all()]
    for reviewer in (ana, bo):
        assert visible_to(reviewer).veiled_ids(ids) == set(ids)
        assert visible_to(reviewer).veiled_ids(ids, "human") == set(ids)
    assert visible_to(mia).veiled_ids(ids) == set()
    assert Event.objects.get(verb="round.opened").detail["items"] == 3


def test_a_later_member_is_veiled_too(round: Round, ada: User, mia: User) -> None:
    actions.add_member(round=round, user=ada, actor=mia)
    actions.add_member(round=round, user=ada, actor=mia)
    ids = [item.transcript_id for item in round.items.all()]
    assert visible_to(ada).veiled_ids(ids) == set(ids)
    assert Event.objects.filter(verb="round.member_added").count() == 1


def test_closing_lifts_the_veils_of_this_round_alone(
    project: Project, round: Round, ana: User, mia: User
) -> None:
    first = round.items.first()
    assert first is not None
    make.round(project, [first.transcript], [ana])
    ids = [item.transcript_id for item in round.items.all()]
    actions.close_round(round=round, actor=mia)
    actions.close_round(round=round, actor=mia)
    assert visible_to(ana).veiled_ids(ids) == {first.transcript_id}
    assert Event.objects.filter(verb="round.closed").count() == 1


def test_a_round_needs_as_many_reviewers_as_labels(project: Project, ana: User, vic: User, cy: User) -> None:
    items = [make.transcript(project)]
    with pytest.raises(CannotOpen, match="at least 2 reviewers"):
        make.round(project, items, [ana], overlap=2)
    for outsider in (vic, cy):
        with pytest.raises(CannotOpen, match="may not review"):
            make.round(project, items, [ana, outsider])


def test_progress_counts_labels_people_and_pairs(round: Round, ana: User, bo: User) -> None:
    for reviewer, n in ((ana, 3), (bo, 2)):
        for _ in range(n):
            lease = actions.take_next(round=round, reviewer=reviewer)
            assert lease is not None
            actions.mark_done(lease=lease)
    actions.take_next(round=round, reviewer=bo)
    found = queries.progress(round)
    assert (found.items, found.finished, found.labels, found.labels_wanted, found.held) == (3, 2, 5, 6, 1)
    assert found.pairs == {
        (ana.pk, ana.pk): 3, (ana.pk, bo.pk): 2, (bo.pk, ana.pk): 2, (bo.pk, bo.pk): 2
    }  # fmt: skip
    assert found.seconds_left is not None
    assert found.basis == 5
    desk = queries.desk_of(round, bo)
    assert (desk.done, desk.open, desk.total) == (2, 1, 3)


def test_the_round_page_asks_a_fixed_number_of_queries(
    project: Project, round: Round, mia: User, django_assert_max_num_queries: object
) -> None:
    browser = signed_in(mia)
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        assert browser.get(reverse("queues:round", args=[project.slug, round.pk])).status_code == 200


def test_a_manager_opens_a_round_by_the_form(project: Project, mia: User, ana: User, bo: User) -> None:
    sample = make.sample(project, [make.transcript(project)])
    version = adopt_default(project=project, actor=mia)
    browser = signed_in(mia)
    url = reverse("queues:new", args=[project.slug])
    page = browser.get(url, {"sample": sample.pk}).content.decode()
    assert f'<option value="{sample.pk}" selected>' in page
    sent = {
        "name": "By form", "sample": sample.pk, "codebook_version": version.pk, "members": [ana.pk, bo.pk],
        "overlap": 2, "policy": "reveal", "lease_minutes": 30,
    }  # fmt: skip
    answer = browser.post(url, sent)
    opened = Round.objects.get(name="By form")
    assert answer["Location"] == reverse("queues:round", args=[project.slug, opened.pk])
    assert "By form" in browser.get(answer["Location"]).content.decode()
    assert browser.post(url, sent).status_code == 422  # the name is taken
    assert browser.post(url, {**sent, "name": "More", "overlap": 3}).status_code == 422
    by_channel = {"order": "channel_down", "order_channel": make.channel(project).pk}
    refused = browser.post(url, {**sent, "name": "Hinted", **by_channel})
    assert refused.status_code == 422
    assert "the order tells what the channel says" in refused.content.decode()
    fresh = make.sample(project, [make.transcript(project)])  # on which nobody is blind
    sent |= {"name": "Open", "sample": fresh.pk, "policy": "open", **by_channel}
    assert browser.post(url, sent).status_code == 302


def test_the_form_offers_the_keys_that_occur(project: Project, mia: User, ana: User, bo: User) -> None:
    transcript = make.transcript(
        project, conditions={"oversight": "low"}, metadata={"task": "t", "note": "n"}
    )
    sample, version = make.sample(project, [transcript]), adopt_default(project=project, actor=mia)
    browser, url = signed_in(mia), reverse("queues:new", args=[project.slug])
    page = browser.get(url).content.decode()
    for key in ("oversight", "task", "note"):
        assert f'value="{key}"' in page
    assert "may be a hint" in page
    sent = {
        "name": "Keys", "sample": sample.pk, "codebook_version": version.pk, "members": [ana.pk, bo.pk],
        "overlap": 2, "policy": "reveal", "lease_minutes": 30, "visible_metadata": ["task"], "due_on": "2026-12-24",
    }  # fmt: skip
    assert browser.post(url, sent).status_code == 302
    assert Round.objects.get(name="Keys").visible_metadata == ["task"]
    assert browser.post(url, {**sent, "name": "Other", "visible_metadata": ["secret"]}).status_code == 422


def test_strangers_get_404_and_reviewers_may_look_but_not_open(
    project: Project, round: Round, ana: User, cy: User
) -> None:
    pages = [
        reverse("queues:rounds", args=[project.slug]),
        reverse("queues:round", args=[project.slug, round.pk]),
    ]
    for page in pages:
        assert signed_in(cy).get(page).status_code == 404
        assert signed_in(ana).get(page).status_code == 200
    assert signed_in(ana).get(reverse("queues:new", args=[project.slug])).status_code == 404
    for name in ("close", "add", "pause", "due", "share", "reassign", "drop", "resume", "extend"):
        assert (
            signed_in(ana).post(reverse(f"queues:{name}", args=[project.slug, round.pk])).status_code == 404
        )
    round.refresh_from_db()
    assert round.is_open


def test_a_manager_closes_and_adds_by_the_page(project: Project, round: Round, mia: User, ada: User) -> None:
    browser = signed_in(mia)
    browser.post(reverse("queues:add", args=[project.slug, round.pk]), {"user": ada.pk})
    assert round.members.filter(user=ada).exists()
    browser.post(reverse("queues:close", args=[project.slug, round.pk]))
    round.refresh_from_db()
    assert not round.is_open
    answer = browser.post(reverse("queues:add", args=[project.slug, round.pk]), {"user": mia.pk}, follow=True)
    assert "First round is closed." in answer.content.decode()
    assert not round.members.filter(user=mia).exists()


def test_a_manager_changes_a_round_by_its_page(
    project: Project, round: Round, mia: User, ana: User, bo: User
) -> None:
    """Each form of the page once; what is refused is said there and changes nothing."""
    browser = signed_in(mia)

    def sends(name: str, **data: object) -> str:
        address = reverse(f"queues:{name}", args=[project.slug, round.pk])
        answer = browser.post(address, data, follow=True)
        assert answer.redirect_chain[-1][0] == reverse("queues:round", args=[project.slug, round.pk])
        return str(answer.content.decode())

    assert "The round is paused" in sends("pause")
    assert "The round goes on" in sends("pause", go_on="1")
    assert "due 24 December 2026" in sends("due", due_on="2026-12-24")
    assert "year-month-day" in sends("due", due_on="soon")
    assert "items moved from Ana to Bo" in sends(
        "reassign", giver=ana.pk, taker=bo.pk
    )  # Bo has them all himself
    assert "how many items" in sends("reassign", giver=ana.pk, taker=bo.pk, count="-1")
    assert "level already" in sends("share")
    assert "there can be up to that many" in sends("extend", overlap="3")
    assert "reviews here no longer" in sends("drop", user=bo.pk)
    assert "goes on" in sends("resume", user=ana.pk)
    assert Round.objects.get(pk=round.pk).is_open
