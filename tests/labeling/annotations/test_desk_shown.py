"""What the desk's pages, parts and fragments show, and what they keep back while a label is blind."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.evidence.models import Reading
from labeling.annotations.models import LabelRevision
from labeling.queues.models import BLIND_ONLY, Item, Round
from tests import make
from tests.auditor.evidence.packets import on_page
from tests.labeling.annotations.at_desk import CANARY, HONEST, address, ahead, lose, on_desk, plant, send
from tests.people import signed_in

pytestmark = pytest.mark.usefixtures("unsettled")


@pytest.fixture
def planted(project: Project, ana: User) -> Item:
    return on_desk(make.round(project, [plant(project)], [ana]), ana)


def everything(browser: Client, item: Item, **sent: Any) -> str:
    """Every page and fragment of the desk, as one text."""
    project = item.round.project
    pages = [
        reverse("annotations:home", args=[project.slug]),
        address("item", project, item.pk),
        address("heat", project, item.pk),
        address("heat", project, item.pk).replace("/heat/", "/features/") + "?at=0.text.0-9",
        address("heat", project, item.pk) + "?heat=probe.canaryprobe",
        address("mine", project, item.round_id),
        address("desk", project, item.round_id),
    ]
    texts = [browser.get(page, follow=True).content.decode() for page in pages]
    texts.append(browser.get(pages[1], headers={"Desk-Part": "here"}).content.decode())
    texts.append(ahead(browser, item).get("page", ""))
    texts.append(send(browser, item, "draft", rail=True, saves=1, **sent).content.decode())
    texts.append(send(browser, item, "alive").content.decode())
    texts.append(
        send(browser, item, "commit", content={"answers": {"truth": "nonsense"}}, **sent).content.decode()
    )
    return "\n".join(texts)


def test_nothing_of_the_evidence_is_sent_before_the_blind_label(planted: Item, ana: User) -> None:
    browser = signed_in(ana)
    before = everything(browser, planted)
    assert "I checked it." in before
    assert set(CANARY.findall(before)) == set()
    assert "heat-" not in before
    assert 'class="m ' not in before

    relying = {**HONEST, "relied_on": list(Reading.objects.values_list("pk", flat=True))}
    assert send(browser, planted, "commit", content=relying).status_code == 204  # ignored: nothing was shown
    assert LabelRevision.objects.get().relied_on == []

    after = everything(browser, planted, stage="final")
    assert set(CANARY.findall(after)) == {
        "canaryname", "canarymodel", "canarymessagemodel", "canarycondition", "canarymetadata", "canarychannel",
        "canarynotice", "canarylabel", "canaryexplanation", "canaryquote", "canarytrack", "canaryprobe",
    }  # fmt: skip
    assert on_page(after)[0, "text"][1][3] is True
    assert 'class="m ' in after


def test_the_script_gets_the_part_that_it_puts_in_place(
    project: Project, round: Round, ana: User, mia: User
) -> None:
    browser, item = signed_in(ana), on_desk(round, ana)
    place = address("item", project, item.pk)
    whole = browser.get(place)
    part = browser.get(place, headers={"Desk-Part": "here"})
    assert part.headers["Cache-Control"] == "no-store"
    assert "Desk-Part" in part.headers["Vary"]
    assert "Cache-Control" not in whole.headers
    page, text = whole.content.decode(), part.content.decode()
    assert "<header" in page.split("<main")[0]
    assert "<header" not in text.split("<main")[0]
    assert "<title>Review · Auditor</title>" in text
    assert "data-progress" in text
    assert "data-progress" not in ahead(browser, item)["page"]

    def content(html: str) -> str:
        token = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
        return token.sub("", html[html.index('<div class="panes') : html.index("</main>")])

    assert content(page) == content(text)


def test_the_way_back_from_what_was_fetched_ahead_leads_to_the_item_before_it(
    project: Project, round: Round, ana: User
) -> None:
    browser, first = signed_in(ana), on_desk(round, ana)
    held = ahead(browser, first)

    def back(shown: str) -> list[str]:
        return re.findall(r'/item/(\d+)/" data-key="u"', shown)

    assert back(held["page"]) == [str(first.pk)]
    # Until the first one is committed nothing leads back to it, whatever a browser says.
    shown = browser.get(held["url"], headers={"Desk-Part": "here", "Desk-After": str(first.pk)})
    assert back(shown.content.decode()) == []
    send(browser, first, "commit")
    send(browser, first, "commit", stage="final")
    assert back(browser.get(held["url"]).content.decode()) == [str(first.pk)]


def test_what_is_said_of_a_late_label_is_on_the_part_that_is_shown(
    project: Project, ana: User, bo: User
) -> None:
    pool = [make.transcript(project) for _ in range(3)]
    round = make.round(project, pool, [ana, bo], policy=BLIND_ONLY)
    browser, item = signed_in(ana), on_desk(round, ana)
    lose(item)
    answer = send(browser, item, "commit")
    coming = Item.objects.get(pk=answer["HX-Redirect"].split("/")[-2])
    assert "marked as late" not in ahead(browser, coming)["page"]
    shown = browser.get(answer["HX-Redirect"], headers={"Desk-Part": "here"})
    assert "marked as late" in shown.content.decode()


def test_a_colleagues_label_is_never_on_the_desk(project: Project, round: Round, ana: User, bo: User) -> None:
    item = on_desk(round, bo)
    while (mine := on_desk(round, ana)) and mine.pk != item.pk:
        send(signed_in(ana), mine, "commit")
        send(signed_in(ana), mine, "commit", stage="final")
    content = {**HONEST, "rationale": "canaryrationale"}
    send(signed_in(bo), item, "commit", content=content)
    send(signed_in(bo), item, "commit", stage="final", content=content)
    assert LabelRevision.objects.filter(reviewer=bo, rationale="canaryrationale").count() == 2
    browser = signed_in(ana)
    assert CANARY.findall(everything(browser, mine)) == []
    send(browser, mine, "commit")
    assert CANARY.findall(everything(browser, mine, stage="final")) == []
