"""The dashboard: what stands, and what a number opens; nothing that tells a blinded person what was said."""

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.adjudication.actions import settle
from labeling.overview.dashboard import DAYS, dashboard_of
from labeling.overview.items import items_of
from labeling.queues.actions import take_next
from labeling.queues.models import Item, Round
from tests import make
from tests.people import signed_in


@pytest.fixture
def round(project: Project, ana: User, bo: User) -> Round:
    return make.round(project, [make.transcript(project) for _ in range(4)], [ana, bo], name="Spring")


def member(project: Project, user: User):  # type: ignore[no-untyped-def]
    return project.memberships.select_related("project", "user").get(user=user)


def disagree(round: Round, ana: User, bo: User) -> Item:
    """Both label the first item, differently, and a case opens."""
    item = round.items.order_by("order").first()
    assert item is not None
    make.label(item, ana, "H")
    make.label(item, bo, "D")
    item.refresh_from_db()
    settle(item=item)
    return item


def test_a_project_without_an_open_round_says_what_to_do(project: Project, mia: User) -> None:
    page = signed_in(mia).get(reverse("overview:dashboard", args=[project.slug])).content.decode()
    assert "No round is open" in page


def test_progress_pace_and_waiting_are_counted(
    project: Project, round: Round, mia: User, ana: User, bo: User
) -> None:
    disagree(round, ana, bo)
    take_next(round=round, reviewer=ana)
    board = dashboard_of(member(project, mia))
    (one,) = board.standings
    assert (one.progress.finished, one.progress.labels, one.progress.held) == (1, 2, 1)
    assert (board.labels, board.people, len(board.days)) == (2, 2, DAYS)
    assert board.days[-1].labels == 2
    assert (one.by_day, one.days_left) == (2.0, 3)
    assert (one.cases, one.returned) == (1, 0)
    assert one.agreement is not None
    page = signed_in(mia).get(reverse("overview:dashboard", args=[project.slug])).content.decode()
    assert "alpha" in page
    assert "people" in page


def test_every_number_opens_its_items(project: Project, round: Round, mia: User, ana: User, bo: User) -> None:
    item = disagree(round, ana, bo)
    mine = member(project, mia)
    assert list(items_of(mine, round, state="finished")) == [item]
    assert list(items_of(mine, round, state="case")) == [item]
    assert items_of(mine, round, state="open").count() == 3
    assert list(items_of(mine, round, reviewer=bo.pk)) == [item]
    assert not items_of(mine, round, state="escalated").exists()
    page = signed_in(mia).get(
        reverse("overview:items", args=[project.slug]), {"round": round.pk, "state": "case"}
    )
    assert item.transcript.name in page.content.decode()


def test_who_still_labels_learns_neither_agreement_nor_which_items_are_disputed(
    project: Project, round: Round, ana: User, bo: User
) -> None:
    item = disagree(round, ana, bo)
    hers = member(project, ana)
    (one,) = dashboard_of(hers).standings
    assert (one.withheld, one.agreement, one.cases) == (True, None, 0)
    assert not items_of(hers, round, state="case").exists()
    waiting = round.items.exclude(pk=item.pk).first()
    assert waiting is not None
    page = signed_in(ana).get(reverse("overview:items", args=[project.slug]), {"round": round.pk})
    assert waiting.transcript.name not in page.content.decode()
    assert "hidden until you have labelled it" in page.content.decode()


def test_a_stranger_sees_none_of_it(project: Project, round: Round, cy: User) -> None:
    for name in ("dashboard", "items"):
        assert (
            signed_in(cy)
            .get(reverse(f"overview:{name}", args=[project.slug]), {"round": round.pk})
            .status_code
            == 404
        )
