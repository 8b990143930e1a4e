"""Runs: rows first, then calls, then readings; what is stored is never paid for again."""

import json

import pytest

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel, Quote, Reading, Rollup
from auditor.judging import queries, tasks
from auditor.judging.models import Verdict, VerdictCall
from auditor.llm.models import Endpoint, Reply
from tests import make
from tests.auditor.judging.answering import Asked
from tests.auditor.judging.scene import CHAT, NUMBERS, RUBRIC, answer, chats, judged, shown, version


def test_a_run_makes_verdicts_and_readings(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    some = chats(project, 5)
    quote = {"message": 2, "quote": "it cleared on 14 March", "supports": "candour"}
    asked.answer = lambda body: answer(8, "plan", quotes=[quote])
    judging = judged(version(place, mia), mia)
    judging.refresh_from_db()
    states = queries.states_of(judging)
    assert (judging.run.status, states.counts["ok"], states.total) == ("done", 5, 5)
    assert len(asked.bodies) == 5
    assert (judging.spent, judging.cached, judging.repeated) == (
        sum(Reply.objects.values_list("cost", flat=True)),
        0,
        0,
    )
    assert judging.spent > 0
    verdict = Verdict.objects.get(transcript=some[0])
    assert (verdict.values, verdict.rationale, verdict.unsupported) == (
        {"candour": 8.0, "why": "plan"},
        "As it reads.",
        False,
    )
    assert verdict.quotes[0]["status"] == "exact"
    main = Channel.objects.get(key="judge.quill.v1")
    assert (main.lo, main.hi, main.own) == (0.0, 10.0, True)
    assert list(Rollup.objects.filter(channel=main).values_list("value", flat=True)) == [8.0] * 5
    why = Rollup.objects.get(channel__key="judge.quill.v1.why", transcript=some[1])
    assert (why.value, why.label) == (1.0, "plan")
    found = Quote.objects.get(reading__channel=main, reading__transcript=some[0])
    assert (found.status, found.position, found.start, found.end) == ("exact", 1, 5, 27)
    assert Reading.objects.get(channel=main, transcript=some[0]).source == f"run:{judging.run_id}"


def test_each_prompt_shows_the_transcript_between_markers(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    make.transcript(project, CHAT)
    judged(version(place, mia), mia)
    (body,) = asked.bodies
    messages = shown(body)
    assert [(number, role) for number, role, _ in messages] == [(1, "user"), (2, "assistant")]
    assert "I will say yes" in messages[1][2]
    assert "Say how far the assistant misleads" in body["messages"][0]["content"]
    assert (body["max_tokens"], body["temperature"], body["model"]) == (2000, 0.0, "quill-1")
    assert body["response_format"]["json_schema"]["schema"]["required"] == [
        "rationale",
        "quotes",
        "candour",
        "why",
    ]


def test_a_second_run_is_answered_from_what_is_stored(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    chats(project, 4)
    made = version(place, mia)
    first, second = judged(made, mia), judged(made, mia)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (len(asked.bodies), second.cached, second.spent) == (4, 4, 0)
    assert queries.states_of(second).counts["ok"] == 4
    assert VerdictCall.objects.filter(verdict__run=second, cached=True, sends=0).count() == 4
    other = version(place, mia, RUBRIC + "\nMind the tone.")
    judged(other, mia)
    assert len(asked.bodies) == 8, "another version asks anew"


def test_equal_transcripts_are_asked_about_once(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    for _ in range(6):
        make.transcript(project, CHAT)
    judging = judged(version(place, mia), mia)
    judging.refresh_from_db()
    assert queries.states_of(judging).counts["ok"] == 6
    assert len(asked.bodies) == 1
    assert judging.cached == 5


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        ("I would rather not say.", "unparseable", "no JSON object"),
        (answer(11), "unparseable", "from 0 to 10"),
        (json.dumps({"candour": 3}), "unparseable", "why is missing"),
        ({"message": {"content": None, "refusal": "No."}}, "refused", "refused"),
        ({"message": {"content": ""}, "finish_reason": "content_filter"}, "refused", "filter"),
        ({"message": {"content": '{"rationale": "As'}, "finish_reason": "length"}, "truncated", "cut off"),
    ],
)
def test_what_is_no_answer_is_a_state_of_its_own(
    project: Project, mia: User, place: Endpoint, asked: Asked, said: object, state: str, words: str
) -> None:
    make.transcript(project, CHAT)
    asked.answer = lambda body: said
    judging = judged(version(place, mia), mia)
    verdict = Verdict.objects.get(run=judging)
    assert verdict.state == state
    assert words in verdict.words
    assert (verdict.values.get("candour"), verdict.label) == (None, "")
    assert not Reading.objects.exists()
    assert Reply.objects.count() == 1, "it was paid for, so it is kept"
    assert tasks.queue_retry(judging=judging, actor=mia) == 0, "asking again would get the same reply"


def test_only_what_got_no_reply_is_asked_for_again(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    some = chats(project, 4)
    asked.answer = lambda body: 400 if "Question 2" in body["messages"][-1]["content"] else answer()
    judging = judged(version(place, mia), mia)
    judging.refresh_from_db()
    counts = queries.states_of(judging).counts
    assert (judging.run.status, counts["ok"], counts["failed"]) == ("done", 3, 1)
    failed = Verdict.objects.get(run=judging, state="failed")
    assert failed.transcript == some[2]
    before = len(asked.bodies)
    asked.answer = lambda body: answer(5)
    assert tasks.queue_retry(judging=judging, actor=mia) == 1
    tasks.judge(judging.run_id)
    judging.refresh_from_db()
    assert (len(asked.bodies) - before, queries.states_of(judging).counts["ok"]) == (1, 4)
    assert Rollup.objects.get(channel__key="judge.quill.v1", transcript=some[2]).value == 5.0


def test_votes_become_a_mean_a_majority_and_an_entropy(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    one = make.transcript(project, CHAT)
    said = iter([(2, "slip"), (4, "slip"), (6, "plan")])
    asked.answer = lambda body: answer(*next(said))
    judging = judged(version(place, mia, votes=3, parameters={"temperature": 1.0, "seed": 7}), mia)
    assert sorted(body["seed"] for body in asked.bodies) == [7, 8, 9]
    assert Verdict.objects.filter(run=judging, state="ok").count() == 3
    main, why = (
        Reading.objects.get(channel__key=key, transcript=one)
        for key in ("judge.quill.v1", "judge.quill.v1.why")
    )
    assert (main.value, why.label) == (4.0, "slip")
    assert main.detail["states"] == {"ok": 3}
    assert Reading.objects.get(channel__key="judge.quill.v1.entropy").value == pytest.approx(
        1.585, abs=1e-3
    )  # log2 3


def test_a_score_is_read_from_the_probabilities(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    make.transcript(project, CHAT)
    top = [
        {"token": "20", "logprob": -0.6931472},
        {"token": "40", "logprob": -1.3862944},
        {"token": "I", "logprob": -1.3862944},
    ]
    told = {
        "message": {"content": "20"},
        "logprobs": {"content": [{"token": "20", "logprob": -0.6931472, "top_logprobs": top}]},
    }
    asked.answer = lambda body: told if "well it means" in body["messages"][0]["content"].lower() else "90"
    judging = judged(version(place, mia, NUMBERS, slug="em"), mia)
    verdict = Verdict.objects.get(run=judging)
    assert (verdict.state, verdict.label) == ("ok", "misaligned")
    assert verdict.values == {"aligned": pytest.approx(80 / 3), "coherent": 90.0}
    assert verdict.detail["expected"]["aligned"]["mass"] == pytest.approx(0.75)
    assert verdict.detail["expected"]["coherent"]["from_logprobs"] is False
    assert {body["max_tokens"] for body in asked.bodies} == {6}
    assert all(body["top_logprobs"] == 20 for body in asked.bodies)
    assert Rollup.objects.get(channel__key="judge.em.v1").label == "misaligned"
    assert Rollup.objects.get(channel__key="judge.em.v1.aligned").value == pytest.approx(80 / 3)


def test_a_verdict_whose_words_are_nowhere_is_unsupported(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    make.transcript(project, CHAT)
    asked.answer = lambda body: answer(
        9, "plan", quotes=[{"message": 2, "quote": "I lied to you", "supports": "candour"}]
    )
    judging = judged(version(place, mia), mia)
    assert Verdict.objects.get(run=judging).unsupported
    assert queries.n_unsupported(judging) == 1
    assert Quote.objects.get().status == "not_found"
