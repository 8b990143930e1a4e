"""Transcripts for programs."""

import pytest

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from tests import make
from tests.programs import program, read


def test_the_list_pages_by_cursor_and_every_row_comes_once(project: Project, vic: User) -> None:
    made = [make.transcript(project, external_id=f"t{n}").pk for n in range(7)]
    robot, seen, after = program(vic, project), [], ""
    while True:
        page = robot.gets("/transcripts", limit=3, after=after)
        seen += [row["id"] for row in page["items"]]
        assert len(page["items"]) <= 3
        after = page["next"]
        if not after:
            break
    assert seen == sorted(made, reverse=True)


def test_the_filter_language_is_the_lists(project: Project, vic: User) -> None:
    make.transcript(project, external_id="one", model="m-7b")
    low, high = make.transcript(project, external_id="low"), make.transcript(project, external_id="high")
    quill = make.channel(project)
    make.reading(quill, low, 20.0)
    make.reading(quill, high, 90.0, label="lie")
    robot = program(vic, project)
    found = robot.gets("/transcripts", where="judge.quill > 50")
    assert [row["name"] for row in found["items"]] == ["high"]
    assert found["items"][0]["columns"]["judge.quill"] == {"value": 90.0, "label": "lie", "hidden": False}
    ordered = robot.gets("/transcripts", sort="-ch.judge.quill")
    assert [row["name"] for row in ordered["items"]] == ["high", "low", "one"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"where": "judge.quill >"}, "where"),
        ({"limit": "0"}, "limit"),
        ({"limit": "5000"}, "limit"),
        ({"q": "x" * 1001}, "q"),
        ({"where": "no.such.channel > 1"}, "where"),
    ],
)
def test_what_cannot_be_read_is_refused_with_field_and_reason(
    project: Project, vic: User, query: dict[str, str], field: str
) -> None:
    answer = program(vic, project).asks("/transcripts", **query)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = read(answer)
    assert document["status"] == 422
    assert document["errors"][0]["field"] == field
    assert document["errors"][0]["reason"]


def test_one_transcript_comes_whole_over_its_windows(project: Project, vic: User) -> None:
    said = tuple(
        ParsedMessage(role="user" if n % 2 == 0 else "assistant", text=f"turn {n}") for n in range(230)
    )
    pk = make.transcript(project, said, metadata={"note": "kept"}).pk
    robot = program(vic, project)
    head = robot.gets(f"/transcripts/{pk}")
    assert (head["n_messages"], head["veiled"], head["metadata"]) == (230, False, {"note": "kept"})
    texts, after = [one["text"] for one in head["messages"]], head["next"]
    while after:
        page = robot.gets(f"/transcripts/{pk}/messages", after=after)
        assert len(page["items"]) <= 100
        texts += [one["text"] for one in page["items"]]
        after = page["next"]
    assert texts == [one.text for one in said]


def test_a_veiled_transcript_shows_no_metadata(project: Project, ana: User, vic: User) -> None:
    made = make.transcript(project, metadata={"note": "a hint"})
    make.round(project, [made], [ana])
    seen = program(ana, project).gets(f"/transcripts/{made.pk}")
    assert (seen["veiled"], seen["metadata"]) == (True, {})
    assert program(vic, project).gets(f"/transcripts/{made.pk}")["metadata"] == {"note": "a hint"}
