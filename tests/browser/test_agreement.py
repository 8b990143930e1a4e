"""Agreement in a real browser: figures, drawings and their tables, wide and narrow, light and dark."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from labeling.queues.actions import close_round
from labeling.queues.models import Round
from tests.browser.conftest import Opens
from tests.labeling.agreement.conftest import labelled

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SAID = [("D", "D"), ("D", "K"), ("K", "K"), ("U", "H"), ("H", "H"), ("H", "H"), ("U", "U"), ("K", "D")]


@pytest.fixture
def round(project: Project, ana: User, bo: User, mia: User) -> Round:
    made = labelled(project, ana, bo, blind=SAID, final=[*SAID[:-1], ("D", "D")], name="First round")
    close_round(round=made, actor=mia)
    return made


def fits(page: Page) -> bool:
    """Whether nothing sticks out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_reading_a_round(
    project: Project, mia: User, round: Round, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str
) -> None:  # fmt: skip
    page = open_as(mia, reverse("agreement:rounds", args=[project.slug]), width=width, scheme=scheme)
    assert fits(page)
    axe(page)
    page.get_by_role("link", name="Agreement of First round").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("First round")
    expect(page.locator(".forest .point").first).to_be_visible()
    page.get_by_role("link", name="Truth", exact=True).click()
    expect(page.get_by_role("heading", name="Truth, more closely")).to_be_visible()
    page.get_by_role("link", name="Blind labels").click()
    expect(page.get_by_text("Rows: Ana.")).to_be_visible()
    page.get_by_text("As a table, with its items").click()
    assert fits(page)
    axe(page)
    page.get_by_label("8 items of Ana and Bo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Truth")
    page.get_by_role("link", name="Where they differ").click()
    expect(page.locator("tr.differs")).to_have_count(1)
    assert fits(page)
    axe(page)
