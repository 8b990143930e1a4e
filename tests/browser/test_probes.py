"""Pages of probes and features in a real browser: clean to axe on desk and phone, light and dark, nothing wider than the window."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from auditor.interp import reader, tasks
from auditor.interp.actions.captures import Wanted
from auditor.interp.actions.controls import choose_threshold, open_scoring
from auditor.interp.models import ControlScore, Explanation, Feature
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.interp import scene
from tests.auditor.interp.scripted import Script
from tests.auditor.interp.test_probes import added
from tests.browser.conftest import Opens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(1440, "light"), (390, "light"), (1440, "dark"), (390, "dark")]


@pytest.fixture
def pages(project: Project, mia: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """A probe with a threshold that one pack mocks, a feature with explanations, and transcripts that both have read."""
    monkeypatch.setattr(reader, "open_reader", Script().open_reader)
    for words in ("It cleared. " * 40 + "Unquestionably. " + "And so on. " * 40, "No.", "Perhaps on Monday."):
        make.transcript(
            project, (ParsedMessage(role="user", text="Well?"), ParsedMessage(role="assistant", text=words))
        )
    tiny = scene.subject(project, mia)
    probe, sae = added(project, mia, subject=tiny), scene.dictionary(project, mia, tmp_path)
    wanted = [Wanted(probe=probe), Wanted(dictionary=sae, features=[5])]
    made = tasks.queue_capture(project=project, subject=tiny, wanted=wanted, chosen=Chosen(), actor=mia)
    tasks.capture(made.run_id)
    feature = Feature.objects.select_related("channel").get(dictionary=sae, index=5)
    Explanation.objects.create(feature=feature, text="concealment", source="batch-0.jsonl", score=0.7)
    tasks.score_controls(open_scoring(channels=[probe.channel], subject=tiny, actor=mia).pk)
    mocked = ControlScore.objects.get(channel=probe.channel, pack="recital", superseded_at=None)
    mocked.scores = [one | {"value": 99.0} for one in mocked.scores]
    mocked.save()
    choose_threshold(channel=probe.channel, subject=tiny, actor=mia, value=40.0)
    return {
        "probe": reverse("interp:probe", args=[project.slug, probe.pk]),
        "feature": reverse("interp:feature", args=[project.slug, sae.slug, 5]),
        "bare": reverse("interp:feature", args=[project.slug, sae.slug, 6]),
        "new": reverse("interp:new_probe", args=[project.slug]),
        "list": reverse("interp:list", args=[project.slug]),
    }


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_is_clean(
    pages: dict[str, str], mia: User, open_as: Opens, axe: Callable[[Page], None], width: int, scheme: str
) -> None:
    for path in pages.values():
        page = open_as(mia, path, width=width, scheme=scheme)
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_threshold_is_chosen_by_keyboard(pages: dict[str, str], mia: User, open_as: Opens) -> None:
    page = open_as(mia, pages["probe"])
    expect(page.get_by_text("far more often than its threshold promises")).to_be_visible()
    page.get_by_label("Percent that may fire").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("10")
    page.keyboard.press("Enter")
    expect(page.get_by_text("chosen so that at most 10% of its control set fires")).to_be_visible()
    page.get_by_text("Drawn by lot").scroll_into_view_if_needed()
    page.locator("#drawn summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drawn .whole").first).to_be_visible()
