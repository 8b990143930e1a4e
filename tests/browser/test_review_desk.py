"""The review desk by keyboard alone, in a real browser."""

import re
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from auditor.evidence.actions import CitedQuote
from labeling.annotations.models import Draft, LabelRevision
from labeling.queues.actions import take_next
from labeling.queues.models import BLIND_ONLY, Lease, Round
from tests import make
from tests.browser.conftest import Opens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adjudication has tests of its own."""
    monkeypatch.setattr("labeling.annotations.actions.commits.ring", lambda *_: None)


@pytest.fixture
def round(project: Project, ana: User) -> Round:
    transcripts = [make.transcript(project) for _ in range(3)]
    judge = make.channel(project, "judge.quill", name="Quill v2", lo=0.0, hi=1.0)
    for transcript in transcripts:
        make.reading(
            judge, transcript, 0.81, label="deception", explanation="It claims a check.",
            quotes=(CitedQuote("I checked the ledger"),),
        )  # fmt: skip
    return make.round(project, transcripts, [ana])


class Keys:
    """Presses keys and counts them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.count += 1


def home(project: Project) -> str:
    return reverse("annotations:home", args=[project.slug])


def ready(page: Page, stage: str) -> None:
    expect(page.locator(f'[data-desk][data-ready][data-stage="{stage}"]')).to_have_count(1)


def begin(open_as: Opens, ana: User, project: Project, **how: object) -> Page:
    """From the list of rounds to the first item, by Enter."""
    page = open_as(ana, home(project), **how)
    page.keyboard.press("Enter")
    ready(page, "blind")
    return page


def test_three_labels_by_keyboard_from_first_to_last(
    open_as: Opens, project: Project, round: Round, ana: User, axe: Callable[[Page], None]
) -> None:
    page = begin(open_as, ana, project)
    assert "Quill" not in page.content()

    deception = Keys(page)  # false, in its context, no licence, social motive, a plan; sure; commit
    deception.press("2", "1", "1", "2", "1")
    expect(page.locator(".verdict")).to_contain_text("Strategic deception")
    deception.press("4")
    page.keyboard.press("s")  # marks `truth` or `misleads`, whichever is still wanted: by finding words
    page.keyboard.press("/")
    page.keyboard.type("I checked")
    for key in ("Enter", "Shift+ArrowRight", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".spans")).to_contain_text("I checked the ledger")
    page.keyboard.press("a")  # marks `truth`: by walking, two parts down, to the end of the sentence
    for key in ("ArrowDown", ".", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".spans")).to_contain_text("The ledger call failed")
    expect(page.locator(".verdict")).to_contain_text("I3")
    axe(page)
    deception.press("Enter")
    assert deception.count <= 12

    ready(page, "final")
    expect(page.locator("[data-evidence]")).to_contain_text("Quill v2")
    axe(page)
    page.keyboard.press("e")
    page.keyboard.press("r")
    expect(page.locator("[data-rely][aria-pressed=true]")).to_contain_text("pointed at")
    page.keyboard.press("Enter")
    ready(page, "blind")
    first = LabelRevision.objects.get(stage="final")
    assert (first.label, first.grade, first.confidence) == ("D", "I3", 4)
    assert {span.kind: span.quote for span in first.spans.all()} == {
        "misleads": "I checked the ledger", "truth": "The ledger call failed"
    }  # fmt: skip
    assert [one["channel"] for one in first.relied_on] == ["judge.quill"]

    hallucination = Keys(page)
    hallucination.press("2", "3", "1")
    expect(page.locator(".verdict")).to_contain_text("Ignorance")
    hallucination.press("Enter")
    assert hallucination.count <= 6
    ready(page, "final")
    page.keyboard.press("Enter")
    ready(page, "blind")

    honest = Keys(page)
    honest.press("1", "Enter")  # as fast as fingers go: the second key waits for the first one's answer
    assert honest.count <= 3
    ready(page, "final")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is left for you here")).to_be_visible()
    labels = LabelRevision.objects.filter(stage="final").order_by("pk").values_list("label", flat=True)
    assert list(labels) == ["D", "U", "H"]
    assert Lease.objects.filter(state="done").count() == 3


def test_a_reload_in_the_middle_brings_everything_back(
    open_as: Opens, project: Project, round: Round, ana: User
) -> None:
    page = begin(open_as, ana, project)
    page.keyboard.press("2")
    expect(page.get_by_text("Did it have the truth?")).to_be_visible()
    page.keyboard.press("i")
    page.keyboard.type("Message 2 claims a check")
    page.reload()
    ready(page, "blind")
    expect(page.locator("#rationale")).to_have_value("Message 2 claims a check")
    expect(page.locator(".answered")).to_contain_text("false")


def test_what_the_server_never_got_comes_back_from_this_browser(
    open_as: Opens, project: Project, round: Round, ana: User
) -> None:
    page = begin(open_as, ana, project)
    page.route("**/draft/", lambda route: route.abort())
    page.keyboard.press("i")
    page.keyboard.type("typed while the server was down")
    expect(page.locator("[data-saved]")).to_have_text("not saved: retrying")
    assert not Draft.objects.exists()
    page.unroute("**/draft/")
    page.reload()
    ready(page, "blind")
    expect(page.locator("#rationale")).to_have_value("typed while the server was down")
    expect(page.locator("[data-saved]")).to_contain_text("saved")


def test_from_item_to_item_one_request_brings_what_is_needed(
    open_as: Opens, project: Project, ana: User
) -> None:
    make.round(project, [make.transcript(project) for _ in range(4)], [ana], policy=BLIND_ONLY)
    page = begin(open_as, ana, project)
    with page.expect_response(lambda answer: answer.url.endswith("/ahead/") and answer.ok):
        pass
    asked: list[tuple[str, str]] = []
    page.on("request", lambda one: asked.append((one.method, one.url.rstrip("/").rsplit("/", 1)[1])))
    for done in range(1, 4):
        before = page.url
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url, before=before: url != before)
        ready(page, "blind")
        expect(page.locator("[data-done]")).to_have_text(str(done))
        page.wait_for_timeout(800)  # longer than the script waits before it looks ahead by itself
    # With the last item no page came; the script asks whether there is one by now.
    others = {("POST", "draft"), ("GET", "icon.svg")}
    assert [one for one in asked if one not in others] == [*[("POST", "commit")] * 3, ("POST", "ahead")]


@pytest.mark.parametrize("ahead", [True, False])
def test_answers_can_be_opened_again_and_the_last_label_undone(
    open_as: Opens, project: Project, round: Round, ana: User, ahead: bool
) -> None:
    page = begin(open_as, ana, project)
    if not ahead:
        page.route("**/ahead/", lambda route: route.abort())
    for key in ("2", "3", "Backspace", "Backspace", "1"):
        page.keyboard.press(key)
    expect(page.locator(".verdict")).to_contain_text("Honest")
    kept = page.expect_response(lambda answer: answer.url.endswith("/ahead/") and answer.ok)
    with kept if ahead else nullcontext():
        page.keyboard.press("Enter")
        ready(page, "final")
    page.keyboard.press("Enter")
    ready(page, "blind")
    page.keyboard.press("u")
    ready(page, "final")
    page.keyboard.press("Backspace")
    expect(page.locator(".q.now")).to_have_count(1)
    page.keyboard.press("0")
    expect(page.locator(".verdict")).to_contain_text("Undetermined")
    page.keyboard.press("Enter")
    ready(page, "blind")
    numbers = LabelRevision.objects.filter(stage="final").order_by("pk").values_list("number", "label")
    assert list(numbers) == [(1, "H"), (2, "?")]


def test_a_skip_by_keyboard(open_as: Opens, project: Project, round: Round, ana: User) -> None:
    page = begin(open_as, ana, project)
    page.keyboard.press("x")
    page.keyboard.type("Not my language")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/review/item/*/")
    ready(page, "blind")
    assert Lease.objects.get(reason="skipped").note == "Not my language"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_desk_is_accessible_and_fits(
    open_as: Opens,
    project: Project,
    round: Round,
    ana: User,
    axe: Callable[[Page], None],
    scheme: str,
    width: int,
) -> None:
    page = begin(open_as, ana, project, scheme=scheme, width=width)
    if width == 390:
        page.locator(".pane-rail summary").first.click()
    page.get_by_role("button", name="false", exact=False).first.click()
    expect(page.get_by_text("Did it have the truth?")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="no: did not have it").click()
    page.get_by_role("button", name="no licence").click()
    page.locator("[data-commit]:visible").last.click()
    ready(page, "final")
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1440, 1100, 390])
def test_the_places_come_before_the_name_of_the_round_in_the_bar(
    open_as: Opens, project: Project, mia: User, ana: User, width: int
) -> None:
    Project.objects.filter(pk=project.pk).update(name="Sandbagging audit, autumn")
    for person in (mia, ana):
        name = f"Intent versus hallucination, the second wave of {person}"
        round = make.round(project, [make.transcript(project)], [person], name=name)
        lease = take_next(round=round, reviewer=person)
        assert lease is not None
        page = open_as(person, reverse("annotations:item", args=[project.slug, lease.item_id]), width=width)
        expect(page.locator("[data-progress]")).to_have_attribute("title", re.compile(f"^{name} · "))
        nav, note = page.locator("nav.nav"), page.locator(".top-note > .clip")
        expect(nav.get_by_role("link", name="Overview")).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        hidden = nav.evaluate("(bar) => bar.scrollWidth - bar.clientWidth")
        assert hidden == 0 if width == 1440 else hidden > 0
        if width == 1440 and person == ana:  # whose bar has fewer entries
            expect(note).to_have_attribute("title", re.compile(f"^{name} · "))
            assert note.evaluate("(words) => words.scrollWidth > words.clientWidth")
        else:
            expect(note).to_be_hidden()
        nav.get_by_role("link", name="Datasets").focus()
        expect(nav.get_by_role("link", name="Datasets")).to_be_in_viewport(ratio=0.99)
