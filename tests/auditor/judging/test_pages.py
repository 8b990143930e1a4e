"""The pages of judges: library, editor, versions; each shows what is stored and asks no model."""

import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from auditor.judging import actions, tasks
from auditor.judging.models import Judge, JudgeVersion
from auditor.judging.shipped import SHIPPED
from auditor.llm.models import Endpoint
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.judging.answering import Asked
from tests.auditor.judging.scene import RUBRIC, endpoint, judged, page, version
from tests.people import signed_in

HTMX = {"HX-Request": "true"}


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
