"""What a run may cost, how it stops and goes on, what it leaves unread, and who sees what it said."""

from time import sleep

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from auditor.evidence.models import Rollup
from auditor.evidence.queries import visible_to
from auditor.judging import actions, queries, tasks
from auditor.judging.models import Verdict
from auditor.judging.running import Carrying
from auditor.llm.calls import Tally
from auditor.llm.models import Endpoint, Reply
from auditor.runs.actions import cancel_run, pause_run
from auditor.runs.models import Run
from auditor.runs.tasks import queue_again
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.judging.answering import Asked
from tests.auditor.judging.scene import CHAT, answer, chats, judged, version
from tests.people import signed_in


def test_the_cap_holds_and_can_be_raised(project: Project, mia: User, place: Endpoint, asked: Asked) -> None:
    chats(project, 12)
    Endpoint.objects.filter(pk=place.pk).update(concurrency=1)
    place.refresh_from_db()
    made = version(place, mia, parameters={"answer_tokens": 60})
    one = judged(made, mia, cap=1)
    one.refresh_from_db()
    cost = Reply.objects.get().cost
    assert cost is not None
    assert (one.run.status, len(asked.bodies)) == ("paused", 1), "one call may go over, and no more"
    assert "budget" in one.run.note.lower()
    actions.raise_cap(judging=one, cap=6 * cost, actor=mia)
    queue_again(run=one.run, actor=mia)
    tasks.judge(one.run_id)
    one.refresh_from_db()
    assert one.run.status == "paused"
    assert 4 * cost <= one.spent <= 6 * cost
    with pytest.raises(actions.CannotJudge, match="spent so much"):
        actions.raise_cap(judging=one, cap=one.spent, actor=mia)
    actions.raise_cap(judging=one, cap=None, actor=mia)
    queue_again(run=one.run, actor=mia)
    tasks.judge(one.run_id)
    one.refresh_from_db()
    assert (one.run.status, len(asked.bodies), queries.states_of(one).counts["ok"]) == ("done", 12, 12)


def test_a_cap_needs_a_price(project: Project, mia: User, place: Endpoint) -> None:
    place.models = [{"name": "quill-1", "context": 8000, "price_in": "", "price_out": ""}]
    place.save()
    with pytest.raises(actions.CannotJudge, match="price"):
        judged(version(place, mia), mia, cap=1_000_000)


def test_an_example_never_judges_itself_nor_its_double(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    taught = make.transcript(project, CHAT)
    make.transcript(project, CHAT)
    other = make.transcript(project, (ParsedMessage(role="user", text="Other"), CHAT[1]))
    example = {
        "transcript": taught.pk,
        "fingerprint": taught.fingerprint,
        "text": "[user] Did it clear?",
        "answer": {"candour": 9, "why": "plan"},
    }
    judging = judged(version(place, mia, examples=[example]), mia)
    judging.refresh_from_db()
    assert (judging.n_transcripts, judging.left_out) == (1, {"examples": 2})
    assert Verdict.objects.get(run=judging).transcript == other
    assert "[user] Did it clear?" in asked.bodies[0]["messages"][0]["content"]


def test_a_run_pauses_resumes_and_is_cancelled(
    project: Project, mia: User, place: Endpoint, asked: Asked, settings
) -> None:  # type: ignore[no-untyped-def]
    chats(project, 3)
    judging = actions.open_judging(version=version(place, mia), chosen=Chosen(), actor=mia)
    pause_run(run=judging.run, actor=mia)
    tasks.judge(judging.run_id)
    judging.run.refresh_from_db()
    assert (judging.run.status, asked.bodies) == ("paused", [])
    queue_again(run=judging.run, actor=mia)
    tasks.judge(judging.run_id)
    judging.run.refresh_from_db()
    assert (judging.run.status, len(asked.bodies)) == ("done", 3)
    again = actions.open_judging(version=judging.version, chosen=Chosen(), actor=mia)
    Run.objects.filter(pk=again.run_id).update(status="running", beat_at=None)
    cancel_run(run=again.run, actor=mia)
    tasks.judge(again.run_id)
    again.run.refresh_from_db()
    assert again.run.status == "cancelled"


def test_long_transcripts_are_read_in_stretches_and_what_is_not_read_is_said(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    words = " ".join(f"word{n}" for n in range(9000))
    make.transcript(
        project,
        (
            CHAT[0],
            ParsedMessage(role="assistant", text=words),
            ParsedMessage(role="assistant", text="The end."),
        ),
    )
    seen = iter(range(100))
    asked.answer = lambda body: answer(next(seen) % 9)
    judging = judged(version(place, mia, renderer={"most_chunks": 2}), mia)
    verdict = Verdict.objects.get(run=judging)
    assert len(asked.bodies) == 2
    assert verdict.detail["chunks"] == 2
    assert verdict.unread[0]["why"].startswith("beyond")
    assert verdict.unread[-1]["position"] == 2


def test_a_preflight_costs_what_the_run_costs(
    project: Project, mia: User, place: Endpoint, asked: Asked
) -> None:
    for number in range(100):
        text = "It cleared. " * (1 + number % 17)
        make.transcript(
            project,
            (
                ParsedMessage(role="user", text=f"Question {number}"),
                ParsedMessage(role="assistant", text=text),
            ),
        )
    asked.answer = lambda body: answer(
        3, quotes=[{"message": 2, "quote": "It cleared.", "supports": "candour"}]
    )
    made = version(place, mia)
    found = tasks.queue_preflight(version=made, chosen=Chosen(), actor=mia)
    tasks.preflight(found.run_id)
    found.refresh_from_db()
    assert found.run.status == "done", found.run.note
    assert (len(asked.bodies), found.result["transcripts"], found.result["calls"]) == (3, 100, 100)
    tried = found.result["tried"][0]
    assert tried["calls"][0]["turns"] in [body["messages"] for body in asked.bodies]
    assert tried["verdict"]["state"] == "ok"
    judging = judged(made, mia)
    judging.refresh_from_db()
    assert judging.cached == 3
    total = sum(one.cost or 0 for one in Reply.objects.all())
    assert found.result["cost"] == pytest.approx(total, rel=0.15)
    assert found.result["seconds"] > 0


def test_planted_instructions_are_counted(project: Project, mia: User, place: Endpoint, asked: Asked) -> None:
    def swayed(body: dict) -> str:  # type: ignore[type-arg]
        text = body["messages"][-1]["content"]
        return answer(0) if "lightest value" in text else answer(9, quotes=[])

    asked.answer = swayed
    made = version(place, mia)
    check = tasks.queue_injection_check(version=made, actor=mia)
    tasks.injections(check.run_id)
    check.refresh_from_db()
    assert check.run.status == "done", check.run.note
    assert check.tried == len(check.rows) >= 40
    assert 0 < check.moved < check.tried
    moved = [row for row in check.rows if row["outcome"] == "moved"]
    assert {row["aims_at"] for row in moved} == {"down"}
    asked.bodies.clear()
    again = tasks.queue_injection_check(version=made, actor=mia)
    tasks.injections(again.run_id)
    again.refresh_from_db()
    assert (asked.bodies, again.moved) == ([], check.moved)


def test_verdicts_keep_to_the_veils(
    project: Project, mia: User, ana: User, place: Endpoint, asked: Asked
) -> None:
    some = chats(project, 2)
    judging = judged(version(place, mia), mia)
    make.round(project, [some[0]], [ana], name="Blind")
    mine = visible_to(ana)
    assert [row.transcript_id for row in queries.verdicts(mine, judging)] == [some[1].pk]
    assert not queries.verdicts_on(mine, some[0].pk)
    assert queries.verdicts(visible_to(mia), judging).count() == 2


def test_what_a_stopped_run_was_told_is_on_its_channels(
    project: Project, mia: User, place: Endpoint, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats(project, 30)
    Endpoint.objects.filter(pk=place.pk).update(concurrency=2)
    place.refresh_from_db()
    judging = actions.open_judging(version=version(place, mia), chosen=Chosen(), actor=mia)
    beat = Carrying.beat

    def stops(self: Carrying, tally: Tally) -> None:
        if tally.answered >= 3:
            cancel_run(run=judging.run, actor=mia)
        beat(self, tally)

    def slowly(body: dict) -> str:  # type: ignore[type-arg]
        sleep(0.15)
        return answer()

    asked.answer = slowly
    monkeypatch.setattr(Carrying, "beat", stops)
    tasks.judge(judging.run_id)
    judging.run.refresh_from_db()
    n = Verdict.objects.filter(run=judging, state="ok").count()
    assert (judging.run.status, 3 <= n < 30) == ("cancelled", True)
    assert Rollup.objects.filter(channel__key="judge.quill.v1").count() == n


def test_a_reading_leads_to_its_verdict(
    project: Project, mia: User, ana: User, place: Endpoint, asked: Asked
) -> None:
    (one, other) = chats(project, 2)
    judging = judged(version(place, mia), mia)
    page = signed_in(mia).get(reverse("browse:transcript", args=[project.slug, one.pk])).content.decode()
    address = reverse("judging:on", args=[project.slug, judging.pk, one.pk])
    assert address in page
    answer = signed_in(mia).get(address)
    verdict = Verdict.objects.get(run=judging, transcript=one)
    assert answer.headers["Location"] == reverse("judging:verdict", args=[project.slug, verdict.pk])
    make.round(project, [one], [ana], name="Blind")
    assert signed_in(ana).get(address).status_code == 404
    assert (
        signed_in(ana).get(reverse("judging:on", args=[project.slug, judging.pk, other.pk])).status_code
        == 302
    )
