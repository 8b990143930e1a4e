"""Prevalence in a real browser: asking, the figures with their drawings, wide and narrow, light and dark."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from labeling.queues.models import Round
from labeling.validity.prevalence.models import PrevalenceReport
from tests.browser.conftest import Opens
from tests.labeling.validity.counted import carried, counted, judge, sample

__all__ = ["counted", "judge", "sample"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def fits(page: Page) -> bool:
    """Whether nothing sticks out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_asking_how_common_it_is(
    project: Project, mia: User, counted: Round, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    page = open_as(mia, reverse("validity:prevalence", args=[project.slug]), width=width, scheme=scheme)
    assert fits(page)
    axe(page)
    page.get_by_label("With the help of").select_option(value="judge.quill")
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("How common")
    carried(PrevalenceReport.objects.get())
    page.reload()
    expect(page.get_by_role("heading", name="Four estimates")).to_be_visible()
    expect(page.locator(".forest .point").first).to_be_visible(visible=width > 700)  # a phone has the numbers
    expect(page.get_by_text("do not cite")).to_be_visible()
    page.get_by_text("How this is computed").click()
    assert fits(page)
    axe(page)
    with page.expect_download() as drawing:
        page.get_by_role("link", name="SVG").click()
    drawing.value.save_as(tmp_path / "drawing.svg")
    shown = page.context.new_page()
    shown.goto((tmp_path / "drawing.svg").as_uri())
    expect(shown.locator("text.head").first).to_contain_text("how common")
    assert shown.locator("circle").count() > 4
