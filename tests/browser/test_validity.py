"""Validity in a real browser: the forest, a channel's curves and tables, wide and narrow, light and dark."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel
from tests import make
from tests.browser.conftest import Opens
from tests.browser.test_agreement import fits
from tests.labeling.validity import scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def judge(project: Project, ana: User, bo: User, mia: User) -> Channel:
    codes = scene.some_codes(260)
    made = scene.ruled(project, codes, [ana, bo], mia, name="First round")
    transcripts = scene.transcripts_of(made)
    judge = make.channel(project, "judge.quill", name="Judge Quill", lo=0, hi=100)
    scores = [min(100.0, max(0.0, 50 + 12 * one)) for one in scene.scores_for(codes, 2)]
    scene.speak(judge, transcripts, scores, ["D" if one >= 60 else "K" for one in scores])
    probe = make.channel(project, "probe.mean", kind="probe", name="Mean difference, layer 20")
    scene.speak(probe, transcripts, scene.scores_for(codes, 3, gap=0.3))
    feature = make.channel(project, "sae.res.3391", kind="sae", name="deception, concealment")
    scene.speak(feature, transcripts, scene.scores_for(codes, 4, gap=0.1))
    scene.computed(project, scene.key_of(made), mia)
    return judge


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_reading_what_channels_are_worth(
    project: Project, mia: User, judge: Channel, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str
) -> None:  # fmt: skip
    page = open_as(mia, reverse("validity:channels", args=[project.slug]), width=width, scheme=scheme)
    expect(page.get_by_role("heading", level=1)).to_have_text("How far can each kind of evidence be trusted?")
    expect(page.locator(".worths .point").first).to_be_visible(visible=width > 700)  # a phone has the numbers
    assert fits(page)
    axe(page)
    page.get_by_label("for", exact=True).select_option(label="Intent against Honest or licensed (58 / 73)")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("Intent against Honest or licensed")
    page.get_by_role("link", name="Judge Quill").first.click()
    expect(page.get_by_role("heading", name="ROC curve")).to_be_visible()
    for opened in ("By score, with likelihood ratios", "As a table"):
        page.get_by_text(opened).first.click()
    assert fits(page)
    axe(page)
    with page.expect_download() as saved:
        page.get_by_role("link", name="SVG").first.click()
    assert saved.value.suggested_filename.endswith(".svg")
    page.goto(page.url.split("?")[0].replace("/validity/channels/", "/channels/"))
    expect(page.get_by_text("AUROC").first).to_be_visible()
    assert fits(page)
    axe(page)
