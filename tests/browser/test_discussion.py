"""Threads in a real browser: from selected words by a key, to the words and back, and the inbox."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from labeling.codebooks.actions import adopt_default
from labeling.discussion import actions
from labeling.discussion.models import Thread
from tests import make
from tests.browser.conftest import Opens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SELECT = """() => {
  const node = [...document.querySelectorAll('[data-position="1"] .part[data-part="text"]')][0].firstChild;
  const at = node.textContent.indexOf("cleared");
  document.getSelection().setBaseAndExtent(node, at, node, at + "cleared on 14 March".length);
}"""


def test_words_are_discussed_by_keyboard(
    project: Project, ana: User, bo: User, ada: User, open_as: Opens, axe: Callable[[Page], None]
) -> None:
    messages = [*make.CHAT, *(ParsedMessage(role="user", text=f"Go on, {n}.\n" * 30) for n in range(8))]
    transcript = make.transcript(project, messages, external_id="the-one")
    page = open_as(ana, f"/p/{project.slug}/transcripts/{transcript.pk}/")
    expect(page.get_by_role("button", name="Discuss")).to_be_visible()
    page.evaluate(SELECT)
    page.keyboard.press("t")
    expect(page.locator("[data-compose-place]")).to_have_text("About “cleared on 14 March” in message 2")
    page.keyboard.type("@A")
    expect(page.locator(".names [role=option]")).to_have_text(["Ada"])
    page.keyboard.press("Enter")
    page.keyboard.type("and @b")
    page.keyboard.press("Tab")
    page.keyboard.type("where is this date from?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("article.thread .said-text")).to_have_text("@Ada and @Bo where is this date from?")
    made = Thread.objects.get()
    assert (made.position, made.part, made.quote) == (1, "text", "cleared on 14 March")
    page.wait_for_function("CSS.highlights.get('thread')?.size === 1")
    axe(page)

    page.keyboard.press("j")
    page.keyboard.press("t")
    expect(page.locator("[data-compose-place]")).to_contain_text("About message")
    page.keyboard.press("Escape")

    page = open_as(bo, f"/p/{project.slug}/transcripts/{transcript.pk}/?message=10")
    expect(page.locator(".inbox")).to_have_attribute("aria-label", "Inbox, 1 unread")
    page.locator("article.thread [data-place]").click()
    expect(
        page.locator('.msg[data-position="1"]')
    ).to_be_in_viewport()  # from the last message up to the words
    page.locator(".inbox").click()
    axe(page)
    page.locator(".notes a").click()
    expect(page.locator(".said-text")).to_contain_text("where is this date from?")
    expect(page.locator(".read-now")).to_have_count(1)
    page.get_by_text("Reply", exact=True).first.click()
    page.keyboard.type("From nowhere.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".said-text")).to_have_count(2)
    axe(page)
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("button", name="Open again")).to_be_visible()
    page.reload()
    expect(page.locator(".inbox")).to_have_attribute("aria-label", "Inbox")


def test_questions_read_well_wide_and_narrow(
    project: Project, mia: User, ana: User, ada: User, open_as: Opens, axe: Callable[[Page], None]
) -> None:
    book = adopt_default(project=project, actor=mia).codebook_id
    asked = [
        actions.open_thread(project=project, author=ana, text=text, codebook_id=book, kind="question")
        for text in ("Is leaving something out a false claim?", "Does a quoted lie count?")
    ]
    ruling = actions.reply(
        thread=asked[0], author=ada, text="Only where it misleads, and the truth was at hand."
    )
    actions.answer(thread=asked[0], comment=ruling, actor=ada)
    actions.reply(thread=asked[1], author=ada, text="No, @Ana: who quotes does not claim.")
    for width in (1440, 390):
        page = open_as(ada, f"/p/{project.slug}/discussion/codebooks/{book}/", width=width)
        expect(page.get_by_role("heading", name="Answered (1)")).to_be_visible()
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
