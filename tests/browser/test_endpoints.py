"""Endpoints in a real browser, by keyboard: added, tried, put away."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from auditor.accounts.models import Project, User
from auditor.llm.models import Endpoint
from bench.scripted import scripted
from tests.browser.conftest import Opens
from tests.browser.test_programs import SIZES, fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@SIZES
def test_an_endpoint_is_added_tried_and_put_away_without_a_mouse(
    project: Project,
    mia: User,
    open_as: Opens,
    axe: Callable[[Page], None],
    settings: Settings,
    width: int,
    scheme: str,
) -> None:
    settings.ALLOWED_MODEL_HOSTS = ["127.0.0.1"]
    with scripted() as server:
        page = open_as(mia, reverse("llm:list", args=[project.slug]), width=width, scheme=scheme)
        axe(page)
        page.keyboard.press("n")
        expect(page.get_by_role("heading", name="New endpoint")).to_be_visible()
        axe(page)
        assert fits(page)
        page.get_by_label("Name", exact=True).focus()
        page.keyboard.type("Local")
        page.keyboard.press("Tab")
        page.keyboard.type("https://127.0.0.2/v1")
        page.keyboard.press("Tab")
        page.keyboard.type("sk-typed-0123456789")
        page.get_by_label("Model, row 1").focus()
        page.keyboard.type("ok")
        page.keyboard.press("Tab")
        page.keyboard.type("8192")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("not a public address")
        axe(page)
        assert fits(page)
        page.get_by_label("Base address").fill(server.url)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Local")).to_be_visible()
        axe(page)
        assert fits(page)
        page.keyboard.press("t")
        expect(page.get_by_text("told, with alternatives")).to_be_visible()
        axe(page)
        assert fits(page)
        page.get_by_role("button", name="Put away").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Put this endpoint away?")).to_be_visible()
        axe(page)
        page.get_by_role("button", name="Put it away").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("No endpoints yet")).to_be_visible()
        assert not Endpoint.objects.standing().exists()
