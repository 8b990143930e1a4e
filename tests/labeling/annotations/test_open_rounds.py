"""Rounds that hide nothing, what a blind desk may show all the same, and the item that is fetched ahead."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.evidence.models import Reading
from labeling.annotations import actions
from labeling.annotations.content import Content, Place, Relied
from labeling.annotations.models import LabelRevision, Reveal
from labeling.queues.actions import take_next
from labeling.queues.models import OPEN, Item, Lease, Round
from tests import make
from tests.people import signed_in

pytestmark = pytest.mark.usefixtures("unsettled")
HONEST = Content.of({"truth": "true"})


def post(browser: Client, name: str, project: Project, pk: int, **body: Any) -> Any:
    url = reverse(f"annotations:{name}", args=[project.slug, pk])
    return browser.post(
        url, json.dumps(body), content_type="application/json", headers={"HX-Request": "true"}
    )


def first_item(round: Round, browser: Client) -> Item:
    """Take the first item as the page's button does."""
    place = browser.post(reverse("annotations:next", args=[round.project.slug, round.pk])).headers["Location"]
    return Item.objects.select_related("round__project").get(pk=int(place.rstrip("/").rsplit("/", 1)[1]))


def test_in_an_open_round_the_evidence_is_shown_with_the_item_and_recorded(
    project: Project, ana: User
) -> None:
    transcript = make.transcript(project)
    make.reading(make.channel(project, name="Quill"), transcript, 0.8, explanation="It claims a check.")
    round = make.round(project, [transcript], [ana], policy=OPEN)
    browser = signed_in(ana)
    item = first_item(round, browser)
    assert Reveal.objects.get(item=item, reviewer=ana).readings == [Reading.objects.get().pk]
    assert (
        "It claims a check."
        in browser.get(reverse("annotations:item", args=[project.slug, item.pk])).content.decode()
    )
    answer = post(
        browser, "commit", project, item.pk, stage="final", base=0, content={"answers": {"truth": "true"}}
    )
    assert answer.status_code == 204
    label = LabelRevision.objects.get()
    assert (label.stage, label.evidence_seen) == ("final", Reveal.objects.get().readings)
    assert Lease.objects.get().state == "done"


def test_an_open_round_has_no_blind_label(project: Project, ana: User) -> None:
    round = make.round(project, [make.transcript(project)], [ana], policy=OPEN)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    with pytest.raises(actions.NotOnDesk, match="first label is final"):
        actions.commit_blind(item=lease.item, reviewer=ana, content=HONEST)


def test_only_the_named_keys_are_visible_while_blind(project: Project, ana: User) -> None:
    transcript = make.transcript(
        project, model="canarymodel", conditions={"arm": "free tier", "secret": "canaryarm"},
        metadata={"task": "ledger", "score": "canaryscore"},
    )  # fmt: skip
    round = make.round(project, [transcript], [ana])
    Round.objects.filter(pk=round.pk).update(visible_metadata=["arm", "task"])
    browser = signed_in(ana)
    item = first_item(round, browser)
    page = browser.get(reverse("annotations:item", args=[project.slug, item.pk])).content.decode()
    assert "free tier" in page
    assert "ledger" in page
    assert "canary" not in page


def test_the_next_item_is_held_while_this_one_is_worked_on(project: Project, ana: User) -> None:
    round = make.round(project, [make.transcript(project) for _ in range(3)], [ana], policy=OPEN)
    browser = signed_in(ana)
    item = first_item(round, browser)
    ahead = post(browser, "ahead", project, item.pk)
    assert ahead.status_code == 200
    token = re.compile(r'name=\\"csrfmiddlewaretoken\\" value=\\"\w+')  # masked anew in every answer
    again = post(browser, "ahead", project, item.pk)
    assert token.sub("", again.content.decode()) == token.sub("", ahead.content.decode())
    assert Lease.objects.filter(reviewer=ana, state="held").count() == 2
    assert browser.get(ahead.json()["url"]).status_code == 200
    answer = post(browser, "commit", project, item.pk, stage="final", base=0, content=HONEST.plain())
    assert answer.headers["HX-Redirect"] == ahead.json()["url"]


def test_after_the_last_item_nothing_is_held_ahead(project: Project, ana: User) -> None:
    round = make.round(project, [make.transcript(project)], [ana], policy=OPEN)
    browser = signed_in(ana)
    item = first_item(round, browser)
    assert post(browser, "ahead", project, item.pk).status_code == 204


def test_a_quote_is_pointed_at_by_its_place(project: Project, ana: User) -> None:
    transcript = make.transcript(project)
    make.reading(make.channel(project), transcript, 0.8)
    round = make.round(project, [transcript], [ana], policy=OPEN)
    item = first_item(round, signed_in(ana))
    place = Place(1, "text", 0, 3)
    form = Content.of({"truth": "true"}, relied_on=(Relied(Reading.objects.get().pk, place),))
    label = actions.commit_final(item=item, reviewer=ana, content=form, base=0).revision
    (relied,) = label.relied_on
    assert relied["channel"] == "judge.quill"
    assert (relied["place"]["start"], relied["place"]["end"]) == (0, 3)
