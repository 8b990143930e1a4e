"""The pages of runs: preflight, run, verdicts, planted instructions; each shows what is stored and asks no model."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from auditor.judging import tasks
from auditor.judging.injections import SET
from auditor.judging.models import InjectionCheck, JudgeRun, JudgeVersion, Preflight, Verdict
from auditor.llm.models import Endpoint, Reply
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.judging.answering import Asked
from tests.auditor.judging.scene import (
    NUMBERS,
    RUBRIC,
    answer,
    judged,
    page,
    transcripts,
    version,
)

HTMX = {"HX-Request": "true"}


def test_from_the_list_to_a_run(project: Project, reader: Client, quill: JudgeVersion, asked: Asked) -> None:
    chosen, *_ = transcripts(project, 4)
    query = f"?id={chosen.external_id}"
    start = page(reader, "start", project, query=query)
    assert "1\N{NO-BREAK SPACE}transcript" in start
    address = reverse("judging:start", args=[project.slug]) + query
    assert reader.post(address, {}).status_code == 422
    response = reader.post(address, {"version": quill.pk})
    found = Preflight.objects.get()
    assert response.headers["Location"] == reverse("judging:preflight", args=[project.slug, found.pk])
    waiting = page(reader, "preflight", project, found.pk)
    assert 'hx-trigger="every 1s"' in waiting
    tasks.preflight(found.run_id)
    done = page(reader, "preflight", project, found.pk, headers=HTMX, status=286)
    assert "USD" in done
    assert "Tried on 1" in done
    assert "The exact prompt" in done
    assert "Question 0" in done
    sent = {"cap": "0.5", "concurrency": "2"}
    response = reader.post(reverse("judging:preflight", args=[project.slug, found.pk]), sent)
    run = JudgeRun.objects.get()
    assert response.headers["Location"] == reverse("judging:run", args=[project.slug, run.pk])
    assert (run.cap, run.concurrency, run.version) == (500_000, 2, quill)
    tasks.judge(run.run_id)
    assert len(asked.bodies) == 1  # what was tried is not paid again


def test_a_filter_or_sample_that_is_none_is_said(
    project: Project, reader: Client, quill: JudgeVersion
) -> None:
    page(reader, "start", project, query="?where=no+such+%3E", status=422)
    page(reader, "start", project, query="?sample=x", status=422)
    page(reader, "start", project, query="?sample=999", status=404)
    page(reader, "compare", project, query="?where=no+such+%3E", status=422)
    drawn = make.sample(project, transcripts(project, 2), name="Two of them")
    assert "the sample Two of them" in page(reader, "start", project, query=f"?sample={drawn.pk}")


def _by_number(said: dict[int, object]):  # type: ignore[no-untyped-def]
    """Answers by the number in the question."""

    def answers(body: dict[str, object]) -> object:
        text = json.dumps(body, ensure_ascii=False)
        return next((what for k, what in said.items() if f"Question {k}" in text), answer())

    return answers


def test_the_run_page_keeps_every_way_to_end_apart(
    project: Project, reader: Client, quill: JudgeVersion, asked: Asked, mia: User
) -> None:
    transcripts(project, 6)
    refusal = {"message": {"role": "assistant", "content": None, "refusal": "I will not."}}
    cited = [{"message": 2, "quote": "never said at all", "supports": "candour"}]
    asked.answer = _by_number(
        {
            0: refusal,
            1: "no JSON",
            2: {"message": {"content": "{"}, "finish_reason": "length"},
            3: 400,
            4: answer(8, quotes=cited),
        }
    )
    found = judged(quill, mia)
    shown = page(reader, "run", project, found.pk)
    for words, n in (
        ("answered", 2),
        ("refused", 1),
        ("unparseable", 1),
        ("cut off", 1),
        ("failed", 1),
        ("timed out", 0),
    ):
        assert f"<b>{n}</b><span>{words}</span>" in shown, words
    assert "<b>1</b><span>unsupported" in shown
    assert "Retry only the 1 without a reply" in shown
    assert "No call was sent twice." in shown
    # two answers, of candour 8 and 2; four verdicts leave room
    assert "n = 2, 4 without a value" in shown
    assert "16.7% to 83.3%" not in shown  # the label why: nothing is 2 of 2
    assert "33% to 100%" in shown
    only = page(reader, "run", project, found.pk, query="?unsupported=1")
    assert (
        only.count(reverse("judging:verdict", args=[project.slug, Verdict.objects.get(unsupported=True).pk]))
        == 1
    )
    assert only.count('<td class="ex">') == 1
    assert page(reader, "run", project, found.pk, query="?state=refused").count('<td class="ex">') == 1
    assert page(reader, "run", project, found.pk, query="?state=refused&after=damaged", status=302) == ""
    asked.answer = lambda body: answer()
    response = reader.post(reverse("judging:retry", args=[project.slug, found.pk]), follow=True)
    assert "1 verdicts are asked for again" in response.content.decode()
    tasks.judge(found.run_id)
    assert Verdict.objects.filter(state="ok").count() == 3


def test_the_run_page_polls_until_the_run_rests(
    project: Project,
    reader: Client,
    quill: JudgeVersion,
    mia: User,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("auditor.judging.views.runs.worker_is_alive", lambda _task: False)
    transcripts(project, 2)
    found = tasks.queue_judging(version=quill, chosen=Chosen(), actor=mia, cap=1)
    address = reverse("judging:run", args=[project.slug, found.pk])
    assert 'hx-trigger="every 1s"' in reader.get(address).content.decode()
    assert "No worker answers" in reader.get(address).content.decode()
    back = {"back": "page"}
    there = reader.post(reverse("runs:pause", args=[project.slug, found.run_id]), back, follow=True)
    assert there.redirect_chain[-1][0] == address
    paused = reader.get(address, headers=HTMX)
    assert paused.status_code == 286
    assert "Resume" in paused.content.decode()
    reader.post(reverse("runs:resume", args=[project.slug, found.run_id]), back)
    tasks.judge(found.run_id)  # one call goes out, and the cap of a millionth is spent
    stopped = reader.get(address).content.decode()
    assert "of 0.000001\N{NO-BREAK SPACE}USD at most" in stopped
    assert len(asked.bodies) == 1
    nothing = reader.post(
        reverse("judging:cap", args=[project.slug, found.pk]), {"cap": "0.000001"}, follow=True
    )
    assert "It has spent so much already." in nothing.content.decode()
    assert (
        "The cap is a number"
        in reader.post(
            reverse("judging:cap", args=[project.slug, found.pk]), {"cap": "x"}, follow=True
        ).content.decode()
    )
    reader.post(reverse("judging:cap", args=[project.slug, found.pk]), {"cap": "2.5"})
    found.refresh_from_db()
    assert found.cap == 2_500_000
    tasks.judge(found.run_id)
    assert "2 of 2 finished" in reader.get(address).content.decode()
    reader.post(reverse("runs:cancel", args=[project.slug, found.run_id]), back)
    assert reader.get(address, {"part": "said"}, headers=HTMX).status_code == 286


def test_a_verdict_stands_beside_its_text(
    project: Project,
    reader: Client,
    quill: JudgeVersion,
    asked: Asked,
    mia: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make.transcript(project)
    quotes = [
        {"message": 2, "quote": "cleared on 14 March", "supports": "candour"},
        {"message": 2, "quote": "The ledger call failed.", "supports": "candour"},
        {"message": 1, "quote": "<i>never</i> said", "supports": "why"},
    ]
    asked.answer = lambda body: answer(8, "plan", quotes=quotes)
    judged(quill, mia)
    found = Verdict.objects.get()
    shown = page(reader, "verdict", project, found.pk)
    assert 'data-m="v0"' in shown
    assert '<span class="chip">exact</span>' in shown
    assert '<span class="chip">in the reasoning</span>' in shown
    assert '<del class="quote missing">&lt;i&gt;never&lt;/i&gt; said</del>' in shown
    assert '<span class="chip">not found</span>' in shown
    assert "Unsupported." not in shown
    assert "All of the transcript." in shown
    calls = page(reader, "calls", project, found.pk)
    assert "Not the prompt that was answered" not in calls
    assert "Did the March payment clear?" in calls
    assert "&quot;usage&quot;" in calls
    reply = Reply.objects.get()
    assert f"{reply.latency_ms:,} ms" in calls
    # were prompts written in another way since, the page would say that this one was not sent
    monkeypatch.setattr("auditor.judging.prompting.AFTER", "Over. {nonce}")
    assert "Not the prompt that was answered" in page(reader, "calls", project, found.pk)


def test_words_far_into_a_long_text_are_shown_where_they_stand(
    project: Project, reader: Client, place: Endpoint, asked: Asked, mia: User
) -> None:
    text = "word " * 9_000 + "the needle" + " word" * 9_000
    make.transcript(
        project, (ParsedMessage(role="user", text="Go on."), ParsedMessage(role="assistant", text=text))
    )
    quotes = [{"message": 2, "quote": "the needle", "supports": "candour"}]
    asked.answer = lambda body: answer(
        8, quotes=quotes if "needle" in body["messages"][-1]["content"] else []
    )
    judged(version(place, mia, RUBRIC.replace("quotes: {at_least: 7}", "quotes: false")), mia)
    found = Verdict.objects.get()
    assert found.detail["chunks"] > 1
    shown = page(reader, "verdict", project, found.pk)
    assert '<a href="#mark-v0">message 2</a>' in shown
    assert 'id="mark-v0"' in shown


def test_unsupported_is_said_plainly(
    project: Project, reader: Client, quill: JudgeVersion, asked: Asked, mia: User
) -> None:
    make.transcript(project)
    asked.answer = lambda body: answer(9, "plan")  # nothing is cited where 7 and more need words
    judged(quill, mia)
    assert "It cites nothing where the rubric asks for words." in page(
        reader, "verdict", project, Verdict.objects.get().pk
    )


def test_votes_and_distributions_are_shown(
    project: Project, reader: Client, place: Endpoint, asked: Asked, mia: User
) -> None:
    make.transcript(project)
    top = [
        {"token": "20", "logprob": -0.5108, "bytes": None},
        {"token": "80", "logprob": -1.6094, "bytes": None},
        {"token": "I", "logprob": -1.6094, "bytes": None},
    ]
    asked.answer = lambda body: {
        "message": {"role": "assistant", "content": "20"},
        "logprobs": {"content": [{"token": "20", "logprob": -0.5108, "top_logprobs": top}]},
    }
    judged(version(place, mia, NUMBERS, votes=2, parameters={"temperature": 1.0}), mia)
    first = Verdict.objects.order_by("vote").first()
    assert first is not None
    shown = page(reader, "verdict", project, first.pk)
    assert "vote 1 of 2" in shown
    assert "Expected value 35" in shown  # (0.6 * 20 + 0.2 * 80) / 0.8
    assert "80% of the probability is on numbers" in shown
    assert "no number" in shown
    assert "fine 100%; entropy 0.00 bits" in shown


def test_planted_instructions_are_tried_and_shown(
    project: Project, reader: Client, quill: JudgeVersion, asked: Asked
) -> None:
    response = reader.post(reverse("judging:check", args=[project.slug, quill.pk]))
    found = InjectionCheck.objects.get()
    address = reverse("judging:injections", args=[project.slug, found.pk])
    assert response.headers["Location"] == address
    assert 'hx-trigger="every 1s"' in reader.get(address).content.decode()
    obeyed = [one.text for one in SET.injections if one.where == "user" and "{{" not in one.text][:3]
    asked.answer = lambda body: answer(
        6 if any(text in body["messages"][-1]["content"] for text in obeyed) else 0
    )
    tasks.injections(found.run_id)
    found.refresh_from_db()
    assert (found.moved, found.tried) == (3, len(SET.pairs))
    shown = reader.get(address).content.decode()
    assert f"{found.moved} of {found.tried}" in shown
    assert "95% interval (Wilson)" in shown
    assert shown.count("<b>moved</b>") == found.moved
    assert f"{found.moved} of {found.tried}" in page(reader, "judge", project, "quill")
    assert f"{found.moved} of {found.tried}" in page(reader, "list", project)
