"""The desk over HTTP: who may do what when, and what each address answers."""

import json
import re
from typing import Any

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from auditor.evidence.actions import CitedQuote
from labeling.annotations.models import Draft, LabelRevision
from labeling.queues.actions import close_round
from labeling.queues.models import Lease, Round
from tests import make
from tests.labeling.annotations.at_desk import HONEST, address, on_desk, send
from tests.people import signed_in

pytestmark = pytest.mark.usefixtures("unsettled")


def test_another_persons_item_is_404(
    project: Project, round: Round, ana: User, bo: User, cy: User, vic: User
) -> None:
    item = on_desk(round, ana)
    for other in (bo, cy, vic):
        browser = signed_in(other)
        for name in ("item", "heat", "features"):
            assert browser.get(address(name, project, item.pk)).status_code == 404
        for name in ("draft", "commit", "skip", "alive"):
            assert send(browser, item, name).status_code == 404
    for outsider in (cy, vic):
        for name in ("desk", "mine"):
            assert signed_in(outsider).get(address(name, project, round.pk)).status_code == 404
        assert signed_in(outsider).post(address("next", project, round.pk)).status_code == 404
    assert signed_in(cy).get(reverse("annotations:home", args=[project.slug])).status_code == 404
    assert not Draft.objects.exists()
    assert not LabelRevision.objects.exists()


def test_looking_takes_nothing_and_the_button_takes_the_next(
    project: Project, round: Round, ana: User
) -> None:
    browser = signed_in(ana)
    page = browser.get(address("desk", project, round.pk))
    assert "Take the next item" in page.content.decode()
    assert not Lease.objects.exists()
    answer = browser.post(address("next", project, round.pk))
    lease = Lease.objects.get()
    assert answer["Location"] == address("item", project, lease.item_id)
    assert browser.get(address("desk", project, round.pk))["Location"] == address(
        "item", project, lease.item_id
    )


def test_commits_lead_to_the_evidence_and_then_to_the_next_item(
    project: Project, round: Round, ana: User
) -> None:
    browser = signed_in(ana)
    first = on_desk(round, ana)
    answer = send(browser, first, "commit")
    assert (answer.status_code, answer["HX-Redirect"]) == (204, address("item", project, first.pk))
    answer = send(browser, first, "commit", stage="final")
    second = on_desk(round, ana)
    assert second.pk != first.pk
    assert answer["HX-Redirect"] == address("item", project, second.pk)
    undo = f'href="{address("item", project, first.pk)}" data-key="u"'
    assert undo in browser.get(address("item", project, second.pk)).content.decode()
    send(browser, second, "commit")
    assert send(browser, second, "commit", stage="final")["HX-Redirect"] == address("desk", project, round.pk)
    assert "Nothing is left for you here" in browser.get(address("desk", project, round.pk)).content.decode()
    assert (
        len(re.findall("/review/item/", browser.get(address("mine", project, round.pk)).content.decode()))
        == 2
    )


def test_a_form_without_scripts_commits_too(project: Project, round: Round, ana: User) -> None:
    item = on_desk(round, ana)
    url = address("commit", project, item.pk)
    answer = signed_in(ana).post(url, {"stage": "blind", "content": json.dumps(HONEST), "active": "12"})
    assert (answer.status_code, answer["Location"]) == (302, address("item", project, item.pk))
    assert LabelRevision.objects.get().active_seconds == 12


def test_the_rail_follows_the_answers(round: Round, ana: User) -> None:
    item = on_desk(round, ana)
    browser = signed_in(ana)

    def rail(saves: int, answers: dict[str, Any], **more: Any) -> str:
        answer = send(browser, item, "draft", saves=saves, rail=True, content={"answers": answers}, **more)
        assert answer.status_code == 200
        text: str = answer.content.decode()
        return text

    assert "Did it have the truth?" in rail(1, {"truth": "false"})
    assert "Strategic deception" in rail(
        2, {"truth": "false", "access": "in_context", "licence": "none", "motive": "social", "plan": "plan"}
    )
    reopened = rail(3, {"truth": "false", "access": "absent"}, open="truth")
    assert "nothing wrong" in reopened
    assert 'data-key="1"' in reopened
    assert "Honest" in rail(4, {"truth": "true", "no_such_question": "x"})


def test_an_older_copy_never_overwrites_a_newer_one(round: Round, ana: User) -> None:
    item = on_desk(round, ana)
    browser = signed_in(ana)
    assert send(browser, item, "draft", saves=3, content={"rationale": "newer"}, active=9).json() == {
        "saves": 3
    }
    for saves in (1, 3):
        answer = send(browser, item, "draft", saves=saves, content={"rationale": "older"})
        assert (answer.status_code, answer.json()["saves"]) == (409, 3)
    draft = Draft.objects.get()
    assert (draft.content["rationale"], draft.saves, draft.active_seconds) == ("newer", 3, 9)
    send(browser, item, "draft", saves=4, content={"rationale": "newest"}, active=1)
    draft.refresh_from_db()
    assert (draft.content["rationale"], draft.active_seconds) == ("newest", 9)
    assert "newest" in browser.get(address("item", item.round.project, item.pk)).content.decode()


def test_a_draft_sent_after_the_commit_does_not_come_back(round: Round, ana: User) -> None:
    item = on_desk(round, ana)
    browser = signed_in(ana)
    send(browser, item, "commit")
    assert send(browser, item, "draft", saves=9).status_code == 409
    assert not Draft.objects.exists()


def test_a_stale_tab_is_told_the_difference(round: Round, ana: User) -> None:
    item = on_desk(round, ana)
    browser = signed_in(ana)
    send(browser, item, "commit")
    assert send(browser, item, "commit").status_code == 204  # the same again
    answer = send(browser, item, "commit", content={"answers": {"truth": "unknown"}})
    assert answer.status_code == 409
    assert "“Honest” there, “Undetermined” here" in answer.content.decode()
    assert LabelRevision.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"\xff\xfe", b'{"content": 5}', b'{"content": {"spans": [[]]}}', b"[" * 100_000,
        b'{"content": {"confidence": 9}}', b'{"content": {"answers": {"truth": {"a": 1}}}}', b'{"content": {"rationale": NaN}}',
        json.dumps({"content": {"rationale": "x" * 20_001}}).encode(), b'{"content": {"answers": "' + b"x" * 500_000 + b'"}}',
        b'{"content": {"spans": [{"kind": "truth", "position": -1, "part": "text", "start": 0, "end": 1, "quote": "x"}]}}',
    ],
)  # fmt: skip
def test_a_form_of_no_known_shape_is_refused(round: Round, ana: User, body: bytes) -> None:
    item = on_desk(round, ana)
    for name in ("draft", "commit"):
        url = address(name, item.round.project, item.pk)
        assert signed_in(ana).post(url, body, content_type="application/json").status_code == 422
    assert not Draft.objects.exists()
    assert not LabelRevision.objects.exists()


def test_hostile_text_is_shown_as_text(project: Project, ana: User) -> None:
    nasty = "</script><script>alert(1)</script>\u202e<img src=x onerror=alert(1)>"
    transcript = make.transcript(project, [ParsedMessage(role="assistant", text=nasty, reasoning=nasty)])
    item = on_desk(make.round(project, [transcript], [ana]), ana)
    browser = signed_in(ana)
    content = {**HONEST, "rationale": nasty + "\x00\ud800", "lowered_reason": nasty}
    url = address("draft", project, item.pk)
    body = json.dumps({"stage": "blind", "base": 0, "saves": 1, "rail": True, "content": content})
    rail = browser.post(url, body, content_type="application/json")
    assert rail.status_code == 200
    page = browser.get(address("item", project, item.pk)).content.decode()
    for text in (page, rail.content.decode()):
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    assert send(browser, item, "commit", content=content).status_code == 204
    assert LabelRevision.objects.get().rationale == nasty + "\ufffd\ufffd"


def test_a_skip_needs_a_reason_and_leads_on(project: Project, round: Round, ana: User) -> None:
    item = on_desk(round, ana)
    browser = signed_in(ana)
    url = address("skip", project, item.pk)
    assert browser.post(url, {"note": " "})["Location"] == address("item", project, item.pk)
    answer = browser.post(url, {"note": "I know the people in it"})
    assert answer["Location"] == address("item", project, on_desk(round, ana).pk)
    assert Lease.objects.get(item=item).note == "I know the people in it"
    assert browser.get(address("item", project, item.pk))["Location"] == address("desk", project, round.pk)


def test_a_sign_of_life_keeps_the_item(project: Project, round: Round, ana: User, mia: User) -> None:
    item = on_desk(round, ana)
    browser = signed_in(ana)
    before = Lease.objects.get().expires_at
    assert send(browser, item, "alive").status_code == 204
    assert Lease.objects.get().expires_at > before
    close_round(round=round, actor=mia)
    assert send(browser, item, "alive").status_code == 409


def test_a_late_commit_is_kept_and_says_so(project: Project, round: Round, ana: User, mia: User) -> None:
    item = on_desk(round, ana)
    close_round(round=round, actor=mia)
    browser = signed_in(ana)
    assert "ran out" in browser.get(address("item", project, item.pk)).content.decode()
    answer = send(browser, item, "commit")
    assert LabelRevision.objects.get().late
    assert "marked as late" in browser.get(answer["HX-Redirect"]).content.decode()


def test_a_page_of_the_desk_asks_a_fixed_number_of_queries(
    project: Project, ana: User, django_assert_max_num_queries: Any
) -> None:
    messages = [ParsedMessage(role="user", text=f"Message {n}") for n in range(60)]
    item = on_desk(make.round(project, [make.transcript(project, messages)], [ana]), ana)
    for n in range(5):
        make.reading(
            make.channel(project, f"judge.{n}"), item.transcript, 0.5, quotes=(CitedQuote("Message 7"),)
        )
    browser = signed_in(ana)
    with django_assert_max_num_queries(26):
        browser.get(address("item", project, item.pk))
    send(browser, item, "commit")
    with django_assert_max_num_queries(32):
        browser.get(address("item", project, item.pk))
    with django_assert_max_num_queries(18):
        send(browser, item, "draft", stage="final", saves=1, rail=True)
