"""Models, dictionaries and captures in a real browser, by keyboard; every page keeps to its width and to axe."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from auditor.interp import reader
from auditor.interp.actions.features import import_explanations
from tests import make
from tests.auditor.interp import scene
from tests.auditor.interp.scripted import Script
from tests.browser.conftest import Opens
from tests.browser.test_programs import SIZES, fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@SIZES
def test_from_a_model_to_a_finished_capture_without_a_mouse(
    project: Project, mia: User, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    script = Script(unfit="ledger")
    monkeypatch.setattr(reader, "open_reader", script.open_reader)
    make.transcript(project)
    page = open_as(mia, reverse("interp:list", args=[project.slug]), width=width, scheme=scheme)
    expect(page.get_by_text("No subject model yet")).to_be_visible()
    axe(page)
    page.keyboard.press("m")
    expect(page.get_by_role("heading", name="New subject model")).to_be_visible()
    axe(page)
    assert fits(page)
    scene.subject(project, mia)
    sae = scene.dictionary(project, mia, tmp_path)
    probe = scene.probe(project, mia)
    line = json.dumps({"index": 3, "description": "talk of lies", "explanationModelName": "m"})
    (tmp_path / "x.jsonl").write_text(line)
    with (tmp_path / "x.jsonl").open("rb") as stream:
        import_explanations(dictionary=sae, stream=stream, file_name="x.jsonl", actor=mia)

    page.goto(page.url.rpartition("/interp/")[0] + "/interp/models/tiny/")
    page.locator("[data-tokens]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-tokens-says]")).to_contain_text("Token 2: “Ja.”")
    axe(page)
    assert fits(page)

    page.goto(page.url.rpartition("/models/")[0] + "/dictionaries/res1/")
    page.keyboard.press("/")
    page.keyboard.type("lies")
    expect(page).to_have_url(re.compile("q=lies"))
    expect(page.get_by_text("talk of lies")).to_be_visible()
    axe(page)
    assert fits(page)
    page.get_by_role("button", name="Pin feature 3").press("Enter")
    expect(page.get_by_text("1 more is pinned.")).to_be_visible()

    page.goto(page.url.rpartition("/dictionaries/")[0] + "/")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="New capture")).to_be_visible()
    axe(page)
    assert fits(page)
    page.get_by_label(str(probe)).check()
    page.get_by_label("How it looks").select_option("watch")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("0 of 1 transcripts read")).to_be_visible()  # tasks run at once here
    expect(page.get_by_text("the token “ledger” does not fit")).to_be_visible()
    axe(page)
    assert fits(page)
