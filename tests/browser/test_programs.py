"""Tokens, webhooks and the API's own page in a real browser, by keyboard."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from auditor.webhooks.actions import subscribe
from auditor.webhooks.models import Delivery
from tests.browser.conftest import Opens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZES = pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])


def fits(page: Page) -> bool:
    """Whether nothing sticks out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@SIZES
def test_a_token_is_made_and_revoked_without_a_mouse(
    project: Project, mia: User, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = open_as(mia, reverse("accounts:people", args=[project.slug]), width=width, scheme=scheme)
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Tokens", exact=True)).to_be_visible()
    axe(page)
    page.get_by_label("Program").focus()
    page.keyboard.type("nightly export")
    page.keyboard.press("Enter")
    expect(page.get_by_label("The token")).to_have_value(re.compile(r"^auditor_[a-z0-9]{12}_[\w-]{43}$"))
    axe(page)
    assert fits(page)
    page.get_by_role("button", name="Revoke nightly export").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("No tokens yet")).to_be_visible()


@SIZES
def test_a_webhook_is_made_and_its_log_read_without_a_mouse(
    project: Project, mia: User, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = open_as(mia, reverse("webhooks:list", args=[project.slug]), width=width, scheme=scheme)
    axe(page)
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="New webhook")).to_be_visible()
    page.get_by_label("Address").focus()
    page.keyboard.type("https://127.0.0.1/hook")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not a public address")
    axe(page)
    page.get_by_label("Address").fill("https://8.8.8.8/hook")
    page.keyboard.press("Enter")
    expect(page.get_by_label("The secret", exact=True).last).to_be_visible()
    axe(page)
    assert fits(page)


@SIZES
def test_a_failing_webhook_says_so_and_sends_again(
    project: Project, mia: User, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str
) -> None:
    hook = subscribe(project=project, url="https://8.8.8.8/hook", kinds=["round.*", "item.ruled"], actor=mia)
    now = timezone.now()
    for number, (state, status, said) in enumerate(
        [("delivered", 204, ""), ("given_up", 500, "<h1>Internal error</h1> " * 20), ("waiting", None, "No answer in time.")]
    ):  # fmt: skip
        Delivery.objects.create(
            subscription=hook, event_id=number, kind="round.opened", state=state, status=status, said=said[:500],
            attempts=1 + number, tried_at=now, milliseconds=120, give_up_at=now,
        )  # fmt: skip
    hook.failures, hook.failing_since, hook.held_until = 3, now, now + timedelta(hours=1)
    hook.save()
    page = open_as(mia, reverse("webhooks:list", args=[project.slug]), width=width, scheme=scheme)
    axe(page)
    page.get_by_role("link", name="https://8.8.8.8/hook").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Failing since")).to_be_visible()
    axe(page)
    assert fits(page)
    page.get_by_role("button", name="Send again event 1").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("given up")).to_have_count(0)


@SIZES
def test_the_page_about_the_api_leads_from_call_to_shape(
    project: Project, mia: User, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = open_as(mia, reverse("api:api-root"), width=width, scheme=scheme)
    axe(page)
    assert fits(page)
    card = page.locator("#get-api-v1-rounds")
    card.get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#shape-listed-of-round$"))
    expect(page.locator("article:target")).to_contain_text("Some rows of a list.")
