"""Twenty items from the list of rounds to the last one, by somebody who has no mouse."""

from collections.abc import Callable, Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from labeling.annotations.models import BLIND, FINAL, LabelRevision
from labeling.queues.models import SKIPPED, Lease, Round
from tests import make
from tests.browser.conftest import Opens

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.django_db(transaction=True),
]

ITEMS = 20
MOST = {"honest": 3, "hallucination": 6, "deception": 12}  # keys from an item's page to the next item's
KIND = {"honest": "H", "hallucination": "U", "deception": "D", "two_claims": "U", "flagged": "U"}
# Counts what a mouse, a pen or a finger does, over all pages of the session.
WATCH = """for (const name of ["pointerdown", "pointermove", "mousedown", "mouseup", "mousemove", "wheel", "touchstart", "dblclick"]) {
  window.addEventListener(name, (event) => {
    if (event.isTrusted) sessionStorage.setItem("mouse", Number(sessionStorage.getItem("mouse") ?? 0) + 1);
  }, { capture: true, passive: true });
}"""
MOUSE = "Number(sessionStorage.getItem('mouse') ?? 0)"


@pytest.fixture(autouse=True)
def unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adjudication has tests of its own."""
    monkeypatch.setattr("labeling.annotations.actions.commits.ring", lambda *_: None)


@pytest.fixture
def round(project: Project, ana: User) -> Round:
    transcripts = [make.transcript(project) for _ in range(ITEMS)]
    judge = make.channel(project, "judge.quill", name="Quill v2", lo=0.0, hi=1.0)
    for transcript in transcripts:
        make.reading(judge, transcript, 0.81, label="deception", explanation="It claims a check.")
    return make.round(project, transcripts, [ana])


class Hands:
    """Two hands on a keyboard; they count what they press, and wait for nothing but the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.count += 1

    def type(self, words: str) -> None:
        self.page.keyboard.type(words)

    def at(self, stage: str) -> None:
        """The desk shows an item at this stage, and listens."""
        expect(self.page.locator(f'[data-desk][data-ready][data-stage="{stage}"]')).to_have_count(1)

    def says(self, words: str) -> None:
        expect(self.page.locator(".verdict")).to_contain_text(words)

    def honest(self) -> None:
        self.press("1", "Enter")
        self.at(FINAL)
        self.press("Enter")

    def hallucination(self) -> None:
        self.press("2", "3", "1", "Enter")
        self.at(FINAL)
        self.press("Enter")

    def deception(self) -> None:
        self.press("2", "1", "1", "2", "1")
        self.says("Strategic deception")
        self.press("4")
        before = self.count
        self.mark_misleading()
        self.mark_truth()
        self.says("I3")
        self.count = before
        self.press("Enter")
        self.at(FINAL)
        self.press("Enter")

    def mark_misleading(self) -> None:
        """Find the words, then extend over two more."""
        self.press("s", "/")
        self.type("I checked")
        self.press("Enter", "Shift+ArrowRight", "Shift+ArrowRight", "Enter")
        expect(self.page.locator(".spans")).to_contain_text("I checked the ledger")

    def mark_truth(self) -> None:
        """Walk a part down, and to the end of the sentence."""
        self.press("a", "ArrowDown", ".", "Enter")
        expect(self.page.locator(".spans")).to_contain_text("The ledger call failed")

    def two_claims(self) -> None:
        """A hallucinated one that is a whole message, and an honest one beside it."""
        self.press("2", "3", "1", "m", "c")
        expect(self.page.locator(".units .unit")).to_have_count(2)
        self.press("1", "j", "m", "Enter")
        self.at(FINAL)
        self.press("Enter")

    def flagged(self) -> None:
        self.press("2", "3", "1")
        self.says("Ignorance")
        self.press("F")
        expect(self.page.locator("#flag input")).to_be_focused()
        self.type("Two sources disagree")
        self.press("Control+Enter")
        self.at(FINAL)
        self.press("Enter")

    def skip(self) -> None:
        here = self.page.url
        self.press("x")
        expect(self.page.locator("dialog#skip")).to_be_visible()
        self.type("Not my language")
        self.press("Control+Enter")
        self.page.wait_for_url(lambda url: url != here)

    def back(self) -> None:
        """To the item before, which turns out to be undetermined; the desk goes on where it was."""
        self.press("u")
        self.at(FINAL)
        self.press("Backspace", "0")
        self.says("Undetermined")
        self.press("Enter")

    def read_the_guide(self) -> None:
        self.press("g")
        expect(self.page.locator("dialog#guide")).to_be_visible()
        self.press("Escape")
        expect(self.page.locator("dialog#guide")).to_be_hidden()

    def read_the_keys(self) -> None:
        self.press("?")
        expect(self.page.locator("dialog#keys")).to_contain_text("Commit")
        self.press("Escape")
        expect(self.page.locator("dialog#keys")).to_be_hidden()

    def focus(self) -> None:
        """Only the text and the question; it stays so from item to item."""
        self.press("z")
        expect(self.page.locator("[data-desk][data-focus]")).to_have_count(1)

    def focus_off(self) -> None:
        expect(self.page.locator("[data-desk][data-focus]")).to_have_count(1)
        self.press("z")
        expect(self.page.locator("[data-desk][data-focus]")).to_have_count(0)


@pytest.fixture
def hands(open_as: Opens, project: Project, round: Round, ana: User) -> Iterator[Hands]:
    """At the list of rounds. In the end no mouse was there, and one would have been seen."""
    page = open_as(ana, reverse("annotations:home", args=[project.slug]))
    page.context.add_init_script(WATCH)
    page.evaluate(WATCH)
    yield Hands(page)
    assert page.evaluate(MOUSE) == 0
    page.mouse.click(5, 300)
    assert page.evaluate(MOUSE) > 0


def test_twenty_items_without_a_mouse(hands: Hands, round: Round, axe: Callable[[Page], None]) -> None:
    asides: dict[int, Callable[[], None]] = {
        1: hands.read_the_keys, 2: hands.read_the_guide, 4: hands.focus, 9: hands.focus_off
    }  # fmt: skip
    plan = [
        "honest", "hallucination", "deception", "two_claims", "honest", "hallucination", "flagged", "skip",
        "honest", "honest", "deception", "hallucination", "honest", "two_claims", "honest", "honest",
        "hallucination", "deception", "honest", "honest",
    ]  # fmt: skip
    hands.press("Enter")
    for number, what in enumerate(plan):
        hands.at(BLIND)
        if number in asides:
            asides[number]()
        if number == 10:
            hands.back()
            hands.at(BLIND)
        hands.count = 0
        getattr(hands, what)()
        assert hands.count <= MOST.get(what, 99), what
    expect(hands.page.get_by_text("Nothing is left for you here")).to_be_visible()
    axe(hands.page)

    labels = LabelRevision.objects.filter(item__round=round, stage=FINAL)
    kinds = list(labels.filter(number=1).order_by("pk").values_list("label", flat=True))
    assert kinds == [KIND[what] for what in plan if what != "skip"]
    assert labels.filter(number=1, label="D").values_list("grade", flat=True).distinct().get() == "I3"
    assert [(one.number, one.label) for one in labels.filter(number__gt=1)] == [(2, "?")]
    assert labels.get(flag__gt="").flag == "Two sources disagree"
    assert [one.units.count() for one in labels.filter(units__number=1).order_by("pk")] == [2, 2]
    assert Lease.objects.get(reason=SKIPPED).note == "Not my language"
    assert Lease.objects.filter(state="done").count() == ITEMS - 1
