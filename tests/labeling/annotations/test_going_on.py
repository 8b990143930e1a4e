"""What comes with the answer to a commit, so that the desk's script need not ask for it."""

import re
from typing import Any

import pytest
from django.test import Client

from auditor.accounts.models import Project, User
from labeling.annotations.models import LabelRevision
from labeling.queues.models import BLIND_ONLY, REVEAL, Item, Lease, Round
from tests import make
from tests.labeling.annotations.at_desk import CANARY, address, ahead, lose, on_desk, plant, send
from tests.people import signed_in

pytestmark = pytest.mark.usefixtures("unsettled")


def number(url: str) -> int:
    return int(url.rstrip("/").rsplit("/", 1)[1])


def commit(browser: Client, item: Item, **data: Any) -> dict[str, Any]:
    answer = send(browser, item, "commit", part="here", **data)
    assert answer.status_code == 200, answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    said: dict[str, Any] = answer.json()
    return said


def state_of(page: str) -> str:
    found = re.search(r'id="desk-state" type="application/json">(.*?)</script>', page)
    assert found is not None
    return found[1]


@pytest.fixture
def blind_only(project: Project, ana: User) -> Round:
    return make.round(project, [make.transcript(project) for _ in range(4)], [ana], policy=BLIND_ONLY)


def test_the_next_items_page_comes_with_the_answer(blind_only: Round, ana: User) -> None:
    browser, item = signed_in(ana), on_desk(blind_only, ana)
    said = commit(browser, item)
    assert "ahead" not in said
    assert f'"item": {number(said["url"])}' in state_of(said["page"])
    assert "<span data-done>1</span> / 4 done" in said["page"]
    assert "<header" not in said["page"].split("<main")[0]
    assert Lease.objects.filter(state="held").count() == 1


def test_where_that_page_is_kept_the_one_after_it_comes(blind_only: Round, ana: User) -> None:
    browser, item = signed_in(ana), on_desk(blind_only, ana)
    kept = ahead(browser, item)
    said = commit(browser, item, kept=kept["item"])
    assert said["url"] == kept["url"]
    assert "page" not in said
    coming = said["ahead"]
    assert coming["item"] == number(coming["url"])
    assert coming["item"] not in (item.pk, kept["item"])
    assert f'"item": {coming["item"]}' in state_of(coming["page"])
    assert "data-progress" not in coming["page"]  # its count would be behind
    assert re.findall(r'/item/(\d+)/" data-key="u"', coming["page"]) == [str(kept["item"])]
    assert set(Lease.objects.filter(state="held").values_list("item", flat=True)) == {
        kept["item"],
        coming["item"],
    }
    assert ahead(browser, Item.objects.get(pk=kept["item"]))["url"] == coming["url"]  # nothing more is taken


def test_whoever_kept_another_page_gets_the_right_one(blind_only: Round, ana: User) -> None:
    browser, item = signed_in(ana), on_desk(blind_only, ana)
    held = ahead(browser, item)
    said = commit(browser, item, kept=item.pk)
    assert said["url"] == held["url"]
    assert f'"item": {held["item"]}' in state_of(said["page"])


def test_of_a_long_transcript_the_answer_waits_for_no_page(
    blind_only: Round, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, item = signed_in(ana), on_desk(blind_only, ana)
    kept = ahead(browser, item)
    monkeypatch.setattr("labeling.annotations.views.LIGHT", 1)
    said = commit(browser, item, kept=kept["item"])
    assert said == {"url": kept["url"]}
    assert ahead(browser, Item.objects.get(pk=kept["item"]))["page"]


def test_the_last_item_leads_to_one_more_and_then_to_the_desk(project: Project, ana: User) -> None:
    round = make.round(project, [make.transcript(project) for _ in range(2)], [ana], policy=BLIND_ONLY)
    browser, first = signed_in(ana), on_desk(round, ana)
    kept = ahead(browser, first)
    assert commit(browser, first, kept=kept["item"]) == {"url": kept["url"]}
    answer = send(browser, Item.objects.get(pk=kept["item"]), "commit", part="here")
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == address("desk", project, round.pk)


def test_a_blind_label_brings_the_evidence_of_its_item_and_nothing_of_the_next(
    project: Project, ana: User
) -> None:
    round = make.round(project, [plant(project), plant(project)], [ana], policy=REVEAL)
    browser, item = signed_in(ana), on_desk(round, ana)
    said = commit(browser, item)
    assert number(said["url"]) == item.pk
    assert "canaryexplanation" in said["page"]
    assert '"stage": "final"' in state_of(said["page"])
    kept = ahead(browser, item)
    final = commit(browser, item, stage="final", kept=kept["item"])
    assert final == {"url": kept["url"]}
    assert CANARY.findall(kept["page"]) == []


def test_pages_that_come_with_an_answer_are_blind(project: Project, ana: User) -> None:
    round = make.round(project, [plant(project) for _ in range(4)], [ana], policy=BLIND_ONLY)
    browser, item = signed_in(ana), on_desk(round, ana)
    brought = commit(browser, item)
    item = Item.objects.get(pk=number(brought["url"]))
    kept = ahead(browser, item)
    said = commit(browser, item, kept=kept["item"])
    assert all("I checked it." in page for page in (said["ahead"]["page"], brought["page"], kept["page"]))
    assert CANARY.findall(str(said) + str(brought) + str(kept)) == []


def test_what_is_to_be_said_of_a_late_label_is_on_the_page_that_comes(
    project: Project, ana: User, bo: User
) -> None:
    pool = [make.transcript(project) for _ in range(3)]
    round = make.round(project, pool, [ana, bo], policy=BLIND_ONLY)
    browser, item = signed_in(ana), on_desk(round, ana)
    kept = ahead(browser, item)
    lose(item)
    said = commit(browser, item, kept=kept["item"])
    assert LabelRevision.objects.filter(item=item, late=True).exists()
    assert "marked as late" in said["page"]


def test_the_same_label_again_is_answered_again(blind_only: Round, ana: User) -> None:
    browser, item = signed_in(ana), on_desk(blind_only, ana)
    kept = ahead(browser, item)
    first = commit(browser, item, kept=kept["item"])
    again = commit(browser, item, kept=kept["item"])
    assert (again["url"], again["ahead"]["url"]) == (first["url"], first["ahead"]["url"])
    assert LabelRevision.objects.filter(item=item, stage="blind").count() == 1
