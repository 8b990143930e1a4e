"""Two datasets side by side, from the rows: added, removed, relabelled with reason and ruling, moved."""

from typing import Any

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.adjudication import actions as adjudication
from labeling.datasets.differing import changes, counts
from labeling.datasets.models import Release
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.people import signed_in

SPLITS = [{"name": "train", "share": 0.5}, {"name": "test", "share": 0.5}]


@pytest.fixture
def two(project: Project, round: Round, mia: User, ana: User, bo: User, ada: User) -> tuple[Release, Release]:
    """Before and after: the first changed by its reviewers and ruled, the third ruled, splits dealt anew."""
    before = released(round, mia, splits=SPLITS, split_seed=1)
    agreed, _ruled, disputed, _ = round.items.order_by("order")
    adjudication.rule(
        case=disputed.case,
        adjudicator=ada,
        took=disputed.revisions.order_by("pk")[0],
        reason="The log says so.",
    )
    changed = make.label(agreed, bo, "D", finishes=False)
    adjudication.settle_due()
    adjudication.rule(case=agreed.case, adjudicator=ada, took=changed, reason="It knew.")
    return before, released(round, mia, "Second", splits=SPLITS, split_seed=2)


def test_every_change_is_named_with_its_reason(two: tuple[Release, Release]) -> None:
    before, after = two
    found = {one.external_id: one for one in changes(before, after)}
    assert found["pay-2"].kinds == ("added",)
    relabelled = found["pay-0"]
    assert "relabelled" in relabelled.kinds
    assert (relabelled.label, relabelled.ruling) == (("U", "D"), (1, 2))
    assert (relabelled.rule, relabelled.reason) == ("adjudicator", "It knew.")
    backwards = {one.external_id: one.kinds for one in changes(after, before)}
    assert backwards["pay-2"] == ("removed",)
    moved = {one.external_id for one in changes(before, after) if "moved" in one.kinds}
    splits = {
        name: dict(release.items.values_list("transcript__external_id", "split"))
        for name, release in (("before", before), ("after", after))
    }
    assert moved == {key for key in splits["before"] if splits["before"][key] != splits["after"][key]}


def test_a_release_does_not_differ_from_itself(two: tuple[Release, Release]) -> None:
    assert list(changes(two[0], two[0])) == []
    assert counts(changes(two[0], two[0])) == {"added": 0, "removed": 0, "relabelled": 0, "moved": 0}


def test_page_csv_and_json_say_the_same(
    project: Project, two: tuple[Release, Release], mia: User, ana: User
) -> None:
    before, after = two
    address = reverse("datasets:diff", args=[project.slug, after.pk])
    browser = signed_in(mia)
    page = browser.get(address, {"from": before.pk}).content.decode()
    assert "It knew." in page
    assert "style=" not in page
    csv_answer: Any = browser.get(address, {"from": before.pk, "as": "csv"})
    lines = b"".join(csv_answer.streaming_content).decode().splitlines()
    data = browser.get(address, {"from": before.pk, "as": "json"}).json()
    assert len(lines) - 1 == len(data["changes"]) == sum(1 for _ in changes(before, after))
    assert data["counts"]["relabelled"] == 1
    only = browser.get(address, {"from": before.pk, "kind": "added"}).content.decode()
    assert "pay-2" in only
    assert "pay-0" not in only
    assert "No difference" in browser.get(address, {"from": after.pk}).content.decode()
    assert browser.get(address, {"from": "x"}).status_code == 302
    assert signed_in(ana).get(address, {"from": before.pk}).status_code == 404  # she reviews there still
