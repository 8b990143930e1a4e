"""The editor of a codebook in a real browser: the path beside the text, mistakes by line, two people at once."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from labeling.codebooks import actions
from labeling.codebooks.models import Codebook
from labeling.codebooks.queries import sheet_of
from tests import make
from tests.browser.conftest import Opens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DECEPTION = {"truth": "false", "access": "in_context", "licence": "none", "motive": "goal", "plan": "plan"}


@pytest.fixture
def codebook(project: Project, mia: User) -> Codebook:
    return actions.adopt_default(project=project, actor=mia).codebook


def fits(page: Page) -> bool:
    """Whether nothing sticks out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_writing_trying_out_and_publishing(
    project: Project, codebook: Codebook, mia: User, ada: User, open_as: Opens, axe: Callable[[Page], None],
    width: int, scheme: str,
) -> None:  # fmt: skip
    page = open_as(
        mia, reverse("codebooks:draft", args=[project.slug, codebook.pk]), width=width, scheme=scheme
    )
    for question, value in DECEPTION.items():
        page.locator(f'[name="answer.{question}"][value="{value}"]').check(force=True)
        expect(page.locator(f'[name="answer.{question}"][value="{value}"]')).to_be_checked()
    outcome = page.get_by_role("region", name="What follows")
    expect(outcome).to_contain_text("Strategic deception")
    expect(outcome).to_contain_text("I1 appearance only")
    for kind in ("truth", "misleads"):
        outcome.get_by_label(kind, exact=True).check()
    expect(outcome).to_contain_text("I3 motivated")
    axe(page)

    source, text = page.get_by_label("Text (YAML)"), sheet_of(codebook).text
    source.fill(text.replace("value: fiction", "value: none"))
    problem = page.locator("#problem")
    expect(problem).to_contain_text("questions[2].codes[1].value: used twice")
    expect(outcome).to_contain_text("Strategic deception")  # the last path that could be walked stays
    problem.get_by_role("button").click()
    assert page.evaluate("getSelection().toString()").strip() == "value: none"
    axe(page)

    source.fill(text.replace("Separates what", "Keeps apart what"))
    expect(problem).to_be_empty()
    actions.save_draft(codebook=codebook, text=text.replace("Separates", "Holds apart"), base=0, actor=ada)
    page.keyboard.press("Control+s")
    conflict = page.get_by_role("region", name="Conflict")
    expect(conflict).to_contain_text("Ada has written since you opened the draft")
    expect(conflict.locator("ins").first).to_contain_text("Keeps")
    axe(page)
    page.keyboard.press("Control+s")
    expect(conflict).to_have_count(0)
    assert "Keeps apart what" in sheet_of(codebook).text

    page.get_by_role("button", name="Publish…").click()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("version 2")
    page.get_by_role("link", name="What changed").click()
    expect(page.locator("ins").first).to_contain_text("Keeps apart")
    assert fits(page)
    axe(page)


def test_leaving_unsaved_words_is_asked_about(
    project: Project, codebook: Codebook, mia: User, open_as: Opens
) -> None:
    page = open_as(mia, reverse("codebooks:draft", args=[project.slug, codebook.pk]))
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_label("Text (YAML)").press_sequentially("x")
    page.get_by_role("link", name="What it changes").click()
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    assert page.url.endswith(f"/drafts/{codebook.pk}/")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light")])
def test_an_example_by_form_and_the_labels_a_version_touches(
    project: Project, codebook: Codebook, mia: User, ana: User, bo: User, open_as: Opens,
    axe: Callable[[Page], None], width: int, scheme: str,
) -> None:  # fmt: skip
    before = make.round(project, [make.transcript(project) for _ in range(3)], [ana, bo])
    for item, code in zip(before.items.order_by("order"), "KUH", strict=True):
        for who in (ana, bo):
            make.label(item, who, code)
    page = open_as(mia, reverse("codebooks:list", args=[project.slug]), width=width, scheme=scheme)
    axe(page)
    page.get_by_role("link", name="edit of Intent").click()
    page.get_by_role("button", name="Edit by form…").click()
    axe(page)
    page.get_by_role("link", name="K Knows but errs").click()
    more = page.get_by_role("group", name="One more")
    more.get_by_label("Case").fill("The chart says 12, it says 21.")
    more.get_by_label("Because").fill("Digits turned round.")
    assert fits(page)
    axe(page)
    page.get_by_role("button", name="Save in the draft").click()
    source = page.get_by_label("Text (YAML)")
    assert "The chart says 12, it says 21." in source.input_value()
    rule = "{plan: [none, innocent, no_reasoning]}"
    source.fill(source.input_value().replace(rule, "{plan: [innocent, no_reasoning]}"))
    page.get_by_role("button", name="Publish…").click()
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("link", name="Labels it touches").click()
    expect(page.locator("#moves")).to_contain_text("K → ? 2")
    assert fits(page)
    axe(page)
    page.get_by_role("button", name="Open the round").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("again by version 2")
