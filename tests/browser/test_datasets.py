"""Datasets in a real browser: choosing with a live count, the release, its card and a comparison, and a project's settings."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from labeling.queues.models import Round
from tests.browser.conftest import Opens
from tests.labeling.datasets.conftest import released, round, storage  # noqa: A004  # a fixture

__all__ = ["round", "storage"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SPLITS = [{"name": "train", "share": 0.5}, {"name": "test", "share": 0.5}]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_dataset_is_chosen_read_and_compared(
    project: Project,
    mia: User,
    round: Round,
    open_as: Opens,
    axe: Callable[[Page], None],
    width: int,
    scheme: str,
) -> None:
    page = open_as(mia, reverse("datasets:new", args=[project.slug]), width=width, scheme=scheme)
    page.get_by_label("Round one").check()
    expect(page.locator("#preview")).to_contain_text("of 4")
    page.locator("#id_splits").fill("train 0.5")
    page.locator("#id_splits").blur()
    expect(page.locator("#preview")).to_contain_text("add up to 0.5")
    looks_well(page, axe)
    first = released(round, mia, splits=SPLITS)
    second = released(round, mia, "Second", splits=SPLITS, split_seed=9)
    for name, args, query in (
        ("datasets:release", [project.slug, second.pk], ""),
        ("datasets:card", [project.slug, second.pk], ""),
        ("datasets:diff", [project.slug, second.pk], f"?from={first.pk}"),
        ("overview:settings", [project.slug], ""),
    ):
        page.goto(page.url.split("/p/")[0] + reverse(name, args=args) + query)
        looks_well(page, axe)


def looks_well(page: Page, axe: Callable[[Page], None]) -> None:
    """Nothing sticks out sideways, and every element says what it is."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    axe(page)
