"""Channels over the words in a real browser: drawn, read by pointer and by keys, from a threshold on, and pointed at."""

from collections.abc import Callable

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from auditor.evidence.blockformat import BlockValues, Top
from auditor.evidence.blocks import NewBlock, write_blocks
from auditor.evidence.models import Channel
from auditor.interp.models import Threshold
from labeling.annotations.models import LabelRevision
from tests import make
from tests.auditor.evidence.test_stretches import table
from tests.browser.conftest import Opens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SAID = "😀 I checked every ledger row"  # tokens of whole words
SPOTS = [(0, 1), (2, 3), (4, 11), (12, 17), (18, 24), (25, 28)]
DRAWN = """() => Object.fromEntries([...CSS.highlights].filter(([name, some]) => some.size && /^(heat|line)-/.test(name))
  .map(([name, some]) => [name, [...some].map((range) => {
    const live = document.createRange();
    live.setStart(range.startContainer, range.startOffset);
    live.setEnd(range.endContainer, range.endOffset);
    return live.toString();
  })]))"""


@pytest.fixture(autouse=True)
def unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adjudication has tests of its own."""
    monkeypatch.setattr("labeling.annotations.actions.commits.ring", lambda *_: None)


@pytest.fixture
def channels(project: Project) -> list[Channel]:
    return [
        make.channel(project, "probe.dec.v1", kind="probe", unit="token", name="Deception probe", lo=0.0, hi=31.0),
        make.channel(project, "sae.tiny.7", kind="sae", unit="token", name="Feature 7", lo=0.0, hi=31.0),
    ]  # fmt: skip


def captured(row: Transcript, channels: list[Channel]) -> None:
    """Each message's six words as tokens; those of the assistant count. The last message is the highest."""
    places = [(position, 0, a, b, position % 2) for position in range(row.n_messages) for a, b in SPOTS]
    values = np.tile(np.array([31, 0, 0, 20, 10, 10], np.float32), row.n_messages)
    values[: -len(SPOTS)] *= 0.5
    other = np.tile(np.array([0, 0, 31, 8, 0, 0], np.float32), row.n_messages)
    top = Top(np.full((len(places), 1), 7, np.uint32), np.ones((len(places), 1), np.float32))
    block = BlockValues(
        table(places), ("text",), tuple(c.key for c in channels), np.stack([values, other]), tops={"tiny": top},
        rendered="x" * (len(places) + 1),
    )  # fmt: skip
    write_blocks(blocks=[NewBlock(row.pk, channels, block)], source="capture:1")
    for channel in channels:
        make.reading(channel, row, 31.0, position=1, part="text", start=0, end=1)


def said(project: Project, n: int = 2) -> Transcript:
    return make.transcript(
        project, [ParsedMessage(role=("user", "assistant")[i % 2], text=SAID) for i in range(n)]
    )


def page_of(open_as: Opens, who: User, row: Transcript, query: str = "", **how: object) -> Page:
    page = open_as(who, reverse("browse:transcript", args=[row.project.slug, row.pk]) + query, **how)
    expect(page.locator("[data-windows][data-ready]")).to_have_count(1)
    return page


def test_two_channels_are_painted_on_the_words_that_count(
    open_as: Opens, project: Project, channels: list[Channel], mia: User
) -> None:
    row = said(project)
    captured(row, channels)
    page = page_of(open_as, mia, row, "?heat=probe.dec.v1&heat2=sae.tiny.7")
    page.wait_for_function("() => CSS.highlights.has('heat-20')")
    assert page.evaluate(DRAWN) == {
        "heat-31": ["😀"], "heat-20": ["every"], "heat-10": ["ledger", "row"], "line-31": ["checked"], "line-8": ["every"],
    }  # fmt: skip
    page.locator("[data-all-tokens]").check()
    assert page.evaluate(DRAWN)["heat-5"] == ["ledger", "row"]
    page.locator("[data-all-tokens]").uncheck()
    slider = page.locator("[data-floor]")
    slider.fill("15")
    page.wait_for_function("() => CSS.highlights.get('heat-below')?.size === 2")
    expect(page.locator("[data-floor-said]")).to_contain_text("15.0")
    assert page.evaluate(DRAWN)["heat-20"] == ["every"]
    assert "threshold=15" in page.url


def test_tokens_and_peaks_by_keys_and_by_pointer(
    open_as: Opens, project: Project, channels: list[Channel], mia: User
) -> None:
    row = said(project)
    captured(row, channels)
    page = page_of(open_as, mia, row, "?heat=probe.dec.v1&heat2=sae.tiny.7")
    page.keyboard.press("p")
    expect(page.locator("[data-heat-said]")).to_contain_text("“😀” · Deception probe 31.0")
    expect(page.locator("[data-heat-announce]")).to_contain_text("message 2")
    for _ in range(3):
        page.keyboard.press("o")
    expect(page.locator("[data-heat-said]")).to_contain_text(
        "“every” · Deception probe 20.0 · Feature 7 8.00"
    )
    page.keyboard.press("O")
    expect(page.locator("[data-heat-said]")).to_contain_text("“checked”")
    page.keyboard.press("p")
    expect(page.locator("#toasts")).to_contain_text("There is no further peak.")
    page.keyboard.press("v")
    expect(page.locator("#fires")).to_contain_text("1 token of message 2")
    expect(page.locator("#fires")).to_contain_text("hypothesis")
    page.locator("[data-fires-close]").click()
    box = page.evaluate(
        """() => { const at = [...CSS.highlights.get("heat-20")][0]; const live = document.createRange();
        live.setStart(at.startContainer, at.startOffset); live.setEnd(at.endContainer, at.endOffset);
        const box = live.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }"""
    )
    page.mouse.move(*box)
    expect(page.locator("#heat-said")).to_contain_text("Deception probe 20.0")
    page.mouse.move(1, 1)
    expect(page.locator("#heat-said")).to_be_hidden()
    page.evaluate(
        """(to) => { for (const [clientX, clientY] of [[1, 1], to]) document.elementFromPoint(clientX, clientY)
        .dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX, clientY })); }""",
        box,
    )  # two moves before a frame is drawn: where the pointer is now counts
    expect(page.locator("#heat-said")).to_contain_text("Deception probe 20.0")
    page.mouse.click(*box)
    expect(page.locator("[data-heat-said]")).to_contain_text("“every”")


def test_another_channel_takes_no_new_page_and_the_address_holds_it(
    open_as: Opens, project: Project, channels: list[Channel], mia: User
) -> None:
    row = said(project)
    captured(row, channels)
    page = page_of(open_as, mia, row)
    page.evaluate("window.same_page = true")
    page.locator('[data-layer="heat2"][data-key-of="sae.tiny.7"]').click()
    page.wait_for_function("() => CSS.highlights.get('line-31')?.size === 1")
    assert "heat=probe.dec.v1&heat2=sae.tiny.7" in page.url
    page.locator('[data-layer="heat"][data-key-of="sae.tiny.7"]').click()
    page.wait_for_function("() => CSS.highlights.get('heat-8')?.size === 1")
    assert page.evaluate("CSS.highlights.get('line-31')?.size ?? 0") == 0
    page.locator('[data-layer="heat"][data-key-of="off"]').click()
    page.wait_for_function("() => !CSS.highlights.get('heat-8')?.size")
    assert page.url.endswith("?heat=off")
    assert page.evaluate("window.same_page")


def test_a_peak_beyond_the_window_is_reached(
    open_as: Opens, project: Project, channels: list[Channel], mia: User
) -> None:
    row = said(project, 250)
    captured(row, channels)
    page = page_of(open_as, mia, row, "?heat=probe.dec.v1&threshold=30")
    expect(page.locator("#m249")).to_have_count(0)
    page.keyboard.press("p")
    expect(page.locator("[data-heat-said]")).to_contain_text("Deception probe 31.0 · message 250")
    expect(page.locator("#m249")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_are_accessible_and_fit(
    open_as: Opens, project: Project, channels: list[Channel], mia: User, axe: Callable[[Page], None], scheme: str, width: int
) -> None:  # fmt: skip
    row = said(project)
    captured(row, channels)
    Threshold.objects.create(channel=channels[0], value=15.0, control="honest sarcasm", n=60, fired=3, wanted=0.05)  # fmt: skip
    how = {"scheme": scheme, "width": width}
    page = page_of(open_as, mia, row, "?heat=probe.dec.v1&heat2=sae.tiny.7", **how)
    if width == 390:
        page.locator(".pane-side summary").first.click()
    expect(page.locator('[data-warm="heat"]')).to_contain_text("3 of 60")
    expect(page.locator('[data-warm="heat"] .percentiles')).to_have_count(1)
    expect(page.locator('[data-warm="heat2"] .percentiles')).to_have_count(1)
    page.keyboard.press("p")
    page.keyboard.press("v")
    expect(page.locator("#fires")).to_contain_text("tiny")
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(page.url.partition("?")[0] + "tokens/?heat=probe.dec.v1")
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for oversight, value in (("on", 2.0), ("off", 1.0)):
        for prompt in ("one", "two"):
            other = make.transcript(project, [ParsedMessage(role="user", text=prompt)], conditions={"oversight": oversight})  # fmt: skip
            make.reading(channels[0], other, value)
    page.goto(
        page.url.partition("/p/")[0] + reverse("evidence:contrast", args=[project.slug, channels[0].pk])
    )
    expect(page.locator(".strip .dot-of-pair")).to_have_count(2)
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_at_the_desk_a_token_is_pointed_at(
    open_as: Opens, project: Project, channels: list[Channel], ana: User, axe: Callable[[Page], None]
) -> None:
    row = said(project)
    captured(row, channels)
    make.round(project, [row], [ana])
    page = open_as(ana, reverse("annotations:home", args=[project.slug]))
    page.keyboard.press("Enter")
    expect(page.locator('[data-desk][data-ready][data-stage="blind"]')).to_have_count(1)
    assert "Deception probe" not in page.content()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator('[data-desk][data-ready][data-stage="final"]')).to_have_count(1)
    page.keyboard.press("h")
    page.wait_for_function("() => CSS.highlights.get('heat-31')?.size === 1")
    page.keyboard.press("p")
    expect(page.locator("[data-heat-said]")).to_contain_text("Deception probe 31.0")
    page.keyboard.press("o")
    page.keyboard.press("o")
    page.keyboard.press("o")
    expect(page.locator("[data-heat-said]")).to_contain_text("“every”")
    page.keyboard.press("w")
    expect(page.locator("[data-heat-point][aria-pressed=true]")).to_contain_text("pointed at")
    axe(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is left for you here")).to_be_visible()
    (kept,) = LabelRevision.objects.get(stage="final").relied_on
    assert (kept["value"], kept["place"]["start"], kept["place"]["end"]) == (20.0, 12, 17)
