"""Agreement in a real browser: figures, drawings and their tables, wide and narrow, light and dark."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from labeling.annotations.actions import commit_blind, commit_final
from labeling.annotations.content import Content
from labeling.queues.actions import close_round, take_next
from labeling.queues.models import Round
from tests import make
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
    expect(page.locator(".forest .point").first).to_be_visible(visible=width > 700)  # a phone has the numbers
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
    expect(page.get_by_text("differ", exact=True)).to_have_count(1)
    assert fits(page)
    axe(page)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light")])
def test_reading_what_evidence_did(
    project: Project, mia: User, ana: User, bo: User, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str
) -> None:  # fmt: skip
    judge = make.channel(project, name="Judge Quill", lo=0.0, hi=100.0)
    made = make.round(project, [make.transcript(project) for _ in range(3)], [ana, bo], name="First round")
    for item in made.items.all():
        make.reading(judge, item.transcript, 90.0)
    for reviewer, truth in ((ana, "unverifiable"), (bo, "true")):
        for _ in range(3):
            lease = take_next(round=made, reviewer=reviewer)
            assert lease is not None
            blind, final = (Content.of(answers={"truth": one}) for one in ("true", truth))
            commit_blind(item=lease.item, reviewer=reviewer, content=blind)
            commit_final(item=lease.item, reviewer=reviewer, content=final, base=0)
    close_round(round=made, actor=mia)
    page = open_as(mia, reverse("validity:anchoring", args=[project.slug]), width=width, scheme=scheme)
    expect(page.get_by_role("link", name="Judge Quill")).to_be_visible()
    assert fits(page)
    axe(page)
    page.get_by_label("less severe").check()
    page.get_by_role("button", name="Show").last.click()
    expect(page.get_by_label("less severe")).to_be_checked()
    page.get_by_role("link", name="50%").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Labels that changed")
    assert fits(page)
    axe(page)
