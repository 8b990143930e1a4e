"""The pages of judges: library, editor, preflight, run, verdict; each shows what is stored and asks no model."""

import json
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from auditor.judging import actions, tasks
from auditor.judging.injections import SET
from auditor.judging.models import InjectionCheck, Judge, JudgeRun, JudgeVersion, Preflight, Verdict
from auditor.judging.shipped import SHIPPED
from auditor.llm.models import Endpoint, Reply
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.judging.answering import Asked, answering
from tests.auditor.judging.scene import NUMBERS, RUBRIC, answer, endpoint, version
from tests.people import signed_in

SAID = "Yes, it cleared on 14 March."
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _hosts(settings) -> None:  # type: ignore[no-untyped-def]
    settings.ALLOWED_MODEL_HOSTS = ["127.0.0.1"]


@pytest.fixture
def asked() -> Iterator[Asked]:
    with answering() as found:
        found.answer = lambda body: answer()
        yield found


@pytest.fixture
def place(project: Project, mia: User, asked: Asked) -> Endpoint:
    return endpoint(project, mia, asked.url)


@pytest.fixture
def quill(place: Endpoint, mia: User) -> JudgeVersion:
    return version(place, mia)


@pytest.fixture
def reader(mia: User) -> Client:
    return signed_in(mia)


def transcripts(project: Project, n: int) -> list[Transcript]:
    return [
        make.transcript(
            project,
            (ParsedMessage(role="user", text=f"Question {k}"), ParsedMessage(role="assistant", text=SAID)),
        )
        for k in range(n)
    ]


def judged(made: JudgeVersion, actor: User, **more) -> JudgeRun:  # type: ignore[no-untyped-def]
    found = tasks.queue_judging(version=made, chosen=Chosen(), actor=actor, **more)
    tasks.judge(found.run_id)
    return JudgeRun.objects.get(pk=found.pk)


def page(
    reader: Client, name: str, project: Project, *args: object, query: str = "", status: int = 200, **more
) -> str:  # type: ignore[no-untyped-def]
    response = reader.get(reverse(f"judging:{name}", args=[project.slug, *args]) + query, **more)
    assert response.status_code == status, response.status_code
    return response.content.decode()


def form(place: Endpoint, **more: object) -> dict[str, object]:
    given = {
        "name": "Quill", "rubric": RUBRIC, "template": "", "asks": f"{place.pk} quill-1", "votes": 1, "note": "",
        "temperature": "0", "answer_tokens": 500, "limit": "max_tokens", "effort": "", "top_logprobs": 20,
        "reasoning": "on", "arguments": "on", "results": "on", "cut_arguments": 0, "cut_results": 0,
        "repeat_opening": "on", "most_chunks": 0,
    }  # fmt: skip
    return {**given, **more}


def test_an_empty_library_leads_to_an_endpoint_and_then_to_the_shipped_rubrics(
    project: Project, reader: Client, mia: User, asked: Asked, vic: User
) -> None:
    empty = page(reader, "list", project)
    assert "An endpoint comes first" in empty
    assert "Begin from it" not in empty
    assert all(one.parsed.name in empty for one in SHIPPED.values())
    assert "An endpoint comes first" in page(reader, "new", project)
    endpoint(project, mia, asked.url)
    assert page(reader, "list", project).count("Begin from it") == len(SHIPPED) == 4
    assert "No judges yet" in page(signed_in(vic), "list", project)
    assert "Begin from it" not in page(signed_in(vic), "list", project)


def test_a_judge_is_written_from_a_shipped_rubric(project: Project, reader: Client, place: Endpoint) -> None:
    begun = page(reader, "new", project, query="?rubric=alignment")
    assert "key: alignment" in begun
    response = reader.post(
        reverse("judging:new", args=[project.slug]),
        form(place, name="Kind", rubric=SHIPPED["alignment"].text),
    )
    assert response.status_code == 302
    made = JudgeVersion.objects.get()
    assert (made.judge.slug, made.number, made.model, made.endpoint) == ("kind", 1, "quill-1", place)
    listed = page(reader, "list", project)
    assert "judge.kind.v1" in listed
    assert "not tried" in listed


def test_an_equal_version_is_not_saved_and_says_so(
    project: Project, reader: Client, quill: JudgeVersion
) -> None:
    assert quill.endpoint is not None
    address = reverse("judging:edit", args=[project.slug, "quill"])
    same = {name: value for name, value in form(quill.endpoint).items() if name != "name"}
    kept = {"answer_tokens": 2000, "cut_arguments": 8000, "cut_results": 16000}
    response = reader.post(address, {**same, **kept})
    assert response.status_code == 422
    assert "This is <b>version 1</b> as it stands" in response.content.decode()
    assert JudgeVersion.objects.count() == 1
    assert (
        reader.post(
            address, {**same, **kept, "votes": 1, "note": "Shorter", "answer_tokens": 300}
        ).status_code
        == 302
    )
    assert JudgeVersion.objects.get(number=2).parameters["answer_tokens"] == 300


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rubric": RUBRIC.replace("kind: scale", "kind: scales")}, "Go to line 8"),
        ({"template": "=== user ===\n{{rubric}} {{nothing}}"}, "Go to line 2"),
        ({"votes": 3}, "raise the temperature"),
        ({"asks": "77 other"}, "not one of the available choices"),
        ({"temperature": "9"}, "less than or equal to 2"),
    ],
)
def test_what_cannot_be_is_said_at_its_place(
    project: Project, reader: Client, place: Endpoint, changes: dict[str, object], words: str
) -> None:
    response = reader.post(reverse("judging:new", args=[project.slug]), form(place, **changes))
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Judge.objects.exists()


def test_a_rubric_goes_out_as_a_file_and_comes_in_again(
    project: Project, reader: Client, quill: JudgeVersion
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    out = reader.get(reverse("judging:rubric", args=[project.slug, quill.pk]))
    assert out.content.decode() == RUBRIC
    assert out["Content-Disposition"] == 'attachment; filename="quill-v1.md"'
    assert quill.endpoint is not None
    sent = SimpleUploadedFile("quill.md", RUBRIC.replace("Candour", "Frankness").encode())
    response = reader.post(
        reverse("judging:new", args=[project.slug]),
        form(quill.endpoint, take="1", rubric="", name="", file=sent),
    )
    assert "name: Frankness" in response.content.decode()
    assert JudgeVersion.objects.count() == 1
    wrong = SimpleUploadedFile("quill.md", b"\xff\xfe\x00")
    response = reader.post(
        reverse("judging:new", args=[project.slug]), form(quill.endpoint, take="1", file=wrong)
    )
    assert "no text in UTF-8" in response.content.decode()
    shipped = reader.get(reverse("judging:shipped", args=[project.slug, "alignment"]))
    assert shipped.content.decode() == SHIPPED["alignment"].text


def test_the_preview_shows_the_exact_prompt_and_calls_nothing(
    project: Project, reader: Client, place: Endpoint, asked: Asked, mia: User
) -> None:
    long = make.transcript(
        project, (ParsedMessage(role="user", text="<b>word</b> " * 6000),), external_id="the-long-one"
    )
    make.transcript(project, external_id="the-newest")
    address = reverse("judging:preview", args=[project.slug])
    shown = reader.post(address, form(place, name=""), headers=HTMX).content.decode()
    assert "the-newest" in shown
    assert "Nothing was asked" in shown
    assert "Did the March payment clear?" in shown
    parts = reader.post(address, form(place, transcript="the-long-one", votes=2, temperature=1), headers=HTMX)
    assert "part 1" in parts.content.decode()
    assert "&lt;b&gt;word" in parts.content.decode()
    assert "all 2 votes" in parts.content.decode()
    cut = reader.post(
        address, form(place, transcript=str(long.pk), most_chunks=1), headers=HTMX
    ).content.decode()
    assert "beyond the stretches that this judge reads" in cut
    missing = reader.post(address, form(place, transcript="none such"), headers=HTMX).content.decode()
    assert "no such transcript" in missing
    broken = reader.post(address, form(place, rubric="no head"), headers=HTMX).content.decode()
    assert 'class="notice bad"' in broken
    assert not asked.bodies
    # what a version sends in a run is what the preview showed
    response = reader.post(reverse("judging:new", args=[project.slug]), form(place))
    assert response.status_code == 302
    judged(JudgeVersion.objects.get(), mia)
    from django.utils.html import escape

    sent = next(
        body for body in asked.bodies if "Did the March payment clear?" in body["messages"][-1]["content"]
    )
    assert all(escape(turn["content"]) in shown for turn in sent["messages"])


def test_only_managers_write(project: Project, quill: JudgeVersion, vic: User, cy: User) -> None:
    vics = signed_in(vic)
    assert "quill-1" in page(vics, "judge", project, "quill")
    page(vics, "new", project, status=404)
    page(vics, "edit", project, "quill", status=404)
    page(vics, "start", project, status=404)
    for name in ("check", "archive"):
        target = quill.pk if name == "check" else "quill"
        assert vics.post(reverse(f"judging:{name}", args=[project.slug, target])).status_code == 404
    page(signed_in(cy), "judge", project, "quill", status=404)


def test_two_versions_stand_side_by_side(
    project: Project, reader: Client, quill: JudgeVersion, mia: User
) -> None:
    assert quill.endpoint is not None
    version(
        quill.endpoint, mia, RUBRIC.replace("10 being the most", "10 being <the> worst"), note="Sharper",
        parameters={"temperature": 0.5}, renderer={"reasoning": False},
    )  # fmt: skip
    shown = page(reader, "diff", project, "quill")
    assert "1\N{NO-BREAK SPACE}line added, 1 removed" in shown
    assert "10 being &lt;the&gt; worst" in shown
    assert "the same" in shown  # the template
    assert shown.count('<tr class="apart">') == 2
    judge = page(reader, "judge", project, "quill")
    assert "Sharper" in judge
    assert "What changed" in judge


def test_a_judge_is_archived_and_taken_out_again(
    project: Project, reader: Client, quill: JudgeVersion
) -> None:
    address = reverse("judging:archive", args=[project.slug, "quill"])
    reader.post(address, {"archived": "1"})
    assert "Archived (1)" in page(reader, "list", project)
    assert "New version" not in page(reader, "judge", project, "quill")
    reader.post(address, {"archived": "0"})
    assert "Archived (" not in page(reader, "list", project)


def test_imported_judges_are_marked_and_cannot_be_asked(project: Project, reader: Client, mia: User) -> None:
    channel = make.channel(project, "judge.gpt-4o", name="gpt-4o")
    make.reading(channel, make.transcript(project), 3.0, label="lie")
    listed = page(reader, "list", project)
    assert "imported" in listed
    assert "cannot be asked" in listed
    found = JudgeVersion.objects.get()
    assert "Planted instructions" not in page(reader, "judge", project, found.judge.slug)
    response = reader.post(reverse("judging:check", args=[project.slug, found.pk]), follow=True)
    assert "it cannot be asked" in response.content.decode()


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


def test_every_job_leads_to_its_page(
    project: Project, reader: Client, quill: JudgeVersion, mia: User, cy: User
) -> None:
    make.transcript(project)
    run = tasks.queue_judging(version=quill, chosen=Chosen(), actor=mia)
    check = tasks.queue_injection_check(version=quill, actor=mia)
    before = tasks.queue_preflight(version=quill, chosen=Chosen(), actor=mia)
    for made, name in ((run, "run"), (check, "injections"), (before, "preflight")):
        job = reverse("judging:job", args=[project.slug, made.run_id])
        assert reader.get(job).headers["Location"] == reverse(f"judging:{name}", args=[project.slug, made.pk])
        assert job in reader.get(reverse("runs:run", args=[project.slug, made.run_id])).content.decode()
        assert signed_in(cy).get(job).status_code == 404
    assert reader.get(reverse("judging:job", args=[project.slug, 10**9])).status_code == 404


def test_a_judge_without_versions_says_what_to_do(project: Project, reader: Client, mia: User) -> None:
    actions.create_judge(project=project, name="Bare", actor=mia)
    assert "No version yet" in page(reader, "judge", project, "bare")
    assert page(reader, "diff", project, "bare", status=302) == ""
