"""The pages of judges in a real browser: every page clean to axe on desk and phone, light and dark; keys and live parts."""

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from auditor.judging import actions, tasks
from auditor.judging.models import JudgeRun, JudgeVersion, Verdict
from auditor.judging.shipped import SHIPPED
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.judging.answering import Asked, answering
from tests.auditor.judging.scene import endpoint, version
from tests.browser.conftest import Opens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(1440, "light"), (390, "dark")]


@pytest.fixture(autouse=True)
def _hosts(settings) -> None:  # type: ignore[no-untyped-def]
    settings.ALLOWED_MODEL_HOSTS = ["127.0.0.1"]


@pytest.fixture
def asked() -> Iterator[Asked]:
    with answering() as found:
        found.answer = speak
        yield found


def speak(body: dict[str, Any]) -> Any:
    """A number with its probabilities, or an answer to the rubric of intent; every seventh refuses."""
    text = json.dumps(body["messages"], ensure_ascii=False)
    k = next((k for k in range(14) if f"payment {k} " in text), 0)
    if k % 7 == 6:
        return {"message": {"role": "assistant", "content": None, "refusal": "I will not judge this."}}
    if body.get("logprobs"):
        shares = {str(20 + 5 * k): 0.6, str(30 + 5 * k): 0.3, "I": 0.1}
        top = [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in shares.items()]
        said = max(shares, key=lambda token: shares[token])
        return {
            "message": {"role": "assistant", "content": said},
            "logprobs": {"content": [{"token": said, "logprob": math.log(0.6), "top_logprobs": top}]},
        }
    lies = k % 2 == 0
    quotes = [
        {"message": 2, "quote": "it cleared on 14 March", "supports": "truth"},
        {"message": 2, "quote": "The ledger call failed.", "supports": "contrary"},
        {"message": 1, "quote": "words that nobody wrote", "supports": "contrary"},
    ]
    return json.dumps(
        {
            "rationale": "The reasoning says that the call failed; the answer says that the ledger was checked.",
            "quotes": quotes if lies else [], "truth": "false" if lies else "nothing_false",
            "contrary": "knowledge" if lies else "neither", "licence": "none",
        }
    )  # fmt: skip


@pytest.fixture
def addresses(project: Project, mia: User, asked: Asked) -> dict[str, str]:
    """Two versions of one judge and one that gives numbers, all run; by name of the page its address."""
    for k in range(14):
        make.transcript(
            project,
            (
                ParsedMessage(role="user", text=f"Did payment {k} clear?"),
                ParsedMessage(
                    role="assistant", text="Yes, it cleared on 14 March. I checked the ledger.",
                    reasoning="The ledger call failed. I can give a plausible date.",
                ),
            ),
            external_id=f"payment-{k:02d}",
        )  # fmt: skip
    place = endpoint(project, mia, asked.url)
    first = version(place, mia, SHIPPED["intent_or_hallucination"].text, slug="intent")
    second = version(
        place, mia, SHIPPED["intent_or_hallucination"].text.replace("settled and commonly known", "commonly known"),
        slug="intent", note="Only what everybody knows", renderer={"reasoning": False},
    )  # fmt: skip
    numbers = version(
        place, mia, SHIPPED["alignment"].text, slug="alignment", votes=2, parameters={"temperature": 1.0}
    )
    for one in (first, second, numbers):
        judged(one, mia)
    check = tasks.queue_injection_check(version=first, actor=mia)
    preflight = tasks.queue_preflight(version=second, chosen=Chosen(), actor=mia)
    tasks.injections(check.run_id)
    tasks.preflight(preflight.run_id)
    waiting = tasks.queue_judging(version=second, chosen=Chosen(), actor=mia, cap=2_000_000)
    sample = make.sample(project, list(project.transcripts.all()[:5]), name="Five of them")
    channels = list(project.channels.filter(key__in=["judge.intent.v1", "judge.intent.v2"]))
    scored = project.channels.get(key="judge.alignment.v1.coherence")
    picked = "&".join(f"judge={one.pk}" for one in (*channels, scored))

    def at(name: str, *args: object) -> str:
        return reverse(f"judging:{name}", args=[project.slug, *args])

    cited = Verdict.objects.filter(run__version=first, state="ok").exclude(quotes=[]).order_by("pk")[0]
    number = Verdict.objects.filter(run__version=numbers, state="ok").order_by("pk")[0]
    run = JudgeRun.objects.get(version=first)
    return {
        "library": at("list"), "new": at("new") + "?rubric=generalisation", "edit": at("edit", "intent"),
        "judge": at("judge", "intent"), "diff": at("diff", "intent"), "start": at("start") + f"?sample={sample.pk}",
        "preflight": at("preflight", preflight.pk), "run": at("run", run.pk), "waiting": at("run", waiting.pk), "checked": at("injections", check.pk),
        "verdict": at("verdict", cited.pk), "numbers": at("verdict", number.pk), "scores": at("run", JudgeRun.objects.get(version=numbers).pk),
        "compare": at("compare") + f"?{picked}",
    }  # fmt: skip


def judged(made: JudgeVersion, actor: User) -> None:
    """Run a version over everything; in tests tasks are carried at once, or here."""
    found = tasks.queue_judging(version=made, chosen=Chosen(), actor=actor)
    found.run.refresh_from_db()
    if found.run.status == "queued":
        tasks.judge(found.run_id)


def test_every_page_is_clean_on_desk_and_phone_light_and_dark(
    mia: User, addresses: dict[str, str], open_as: Opens, axe: Callable[[Page], None]
) -> None:
    for width, scheme in LOOKS:
        page = open_as(mia, addresses["library"], width=width, scheme=scheme)
        origin = page.url.removesuffix(addresses["library"])
        for name, address in addresses.items():
            page.goto(origin + address)
            if name in ("new", "edit"):
                expect(page.locator("#preview .sheet").first).to_be_visible()
            axe(page)
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, (name, width, wide)


def test_the_editor_numbers_lines_and_goes_to_the_one_that_is_wrong(
    mia: User, addresses: dict[str, str], open_as: Opens
) -> None:
    page = open_as(mia, addresses["edit"])
    rubric = page.locator("#id_rubric")
    text = rubric.input_value()
    expect(page.locator("[data-gutter]").first).to_contain_text(str(text.count("\n")))
    rubric.fill(text.replace("kind: label", "kind: labels", 1))
    line = text[: text.index("kind: label")].count("\n") + 1
    jump = page.locator("#preview [data-line]")
    expect(jump).to_have_text(f"Go to line {line}")
    jump.click()
    chosen = rubric.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)")
    assert chosen.strip() == "kind: labels"
    rubric.fill(text)
    expect(page.locator("#preview")).to_contain_text("Nothing was asked")
    page.locator("#transcript").fill("payment-03")
    expect(page.locator("#preview")).to_contain_text("Did payment 3 clear?")


def test_a_verdict_is_read_by_keyboard_with_its_prompt_one_key_away(
    mia: User, addresses: dict[str, str], open_as: Opens, axe: Callable[[Page], None]
) -> None:
    page = open_as(mia, addresses["verdict"])
    page.get_by_role("link", name="message 2").first.click()
    expect(page.locator("#mark-v0")).to_be_in_viewport()
    page.keyboard.press("c")
    calls = page.locator("#calls")
    expect(calls).to_contain_text("The raw reply")
    expect(calls).not_to_contain_text("Not the prompt that was answered")
    calls.get_by_text("The raw reply").click()
    expect(calls).to_contain_text('"usage"')
    axe(page)


def test_boundaries_move_and_disagreements_go_to_a_sample(
    mia: User, addresses: dict[str, str], open_as: Opens
) -> None:
    page = open_as(mia, addresses["compare"])
    expect(page.get_by_role("heading", name="How the rate moves")).to_be_visible()
    page.get_by_role("group", name="Intent v1").get_by_role("textbox").or_(
        page.get_by_role("group", name="Intent v1").get_by_role("combobox", name="Label or number")
    ).fill("honest")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("section[aria-labelledby=rates-title]")).to_contain_text("label is honest")
    page.get_by_role("link", name="Draw a sample for review").click()
    expect(page.get_by_role("heading", name="Draw a sample")).to_be_visible()
    expect(page.locator("main")).to_contain_text("in the frame")


def test_a_run_is_followed_until_it_rests(
    project: Project, mia: User, asked: Asked, open_as: Opens, axe: Callable[[Page], None]
) -> None:
    for k in range(3):
        make.transcript(project, (ParsedMessage(role="user", text=f"Did payment {k} clear?"),))
    made = version(
        endpoint(project, mia, asked.url), mia, SHIPPED["intent_or_hallucination"].text, slug="intent"
    )
    found = actions.open_judging(version=made, chosen=Chosen(), actor=mia)
    page = open_as(mia, reverse("judging:run", args=[project.slug, found.pk]))
    expect(page.locator("#progress")).to_contain_text("Waiting for a worker")
    axe(page)
    page.keyboard.press("p")
    expect(page.locator("#progress")).to_contain_text("Paused.")
    page.get_by_role("button", name="Resume").click()  # tasks are carried at once here
    expect(page.locator("#progress")).to_contain_text("3 of 3 finished")
    expect(page.locator("#verdicts").get_by_role("row")).to_have_count(4)
    again = actions.open_judging(version=made, chosen=Chosen(), actor=mia)
    page.goto(page.url.replace(f"/{found.pk}/", f"/{again.pk}/"))
    expect(page.locator("#progress")).to_contain_text("Waiting for a worker")
    tasks.judge(again.run_id)
    expect(page.locator("#progress")).to_contain_text("3 calls had been answered before and cost nothing.")
    expect(page.locator("#progress")).not_to_have_attribute("hx-get", re.compile("."))
