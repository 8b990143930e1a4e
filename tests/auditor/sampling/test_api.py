"""Samples for programs."""

from auditor.accounts.models import Project, User
from tests import make
from tests.programs import program, read


def test_a_draw_by_program_is_the_draw_of_the_page(project: Project, mia: User) -> None:
    for number in range(9):
        make.transcript(project, external_id=f"t{number}", model="m-7b" if number < 6 else "other")
    robot = program(mia, project)
    body = {"name": "First", "filter": "model=m-7b", "design": {"n": 4}, "seed": 7}
    drawn = robot.does("/samples", body)
    assert (drawn["frame_size"], drawn["seed"], drawn["carries_back"]) == (6, 7, True)
    items = robot.gets(f"/samples/{drawn['id']}/items", limit=3)
    more = robot.gets(f"/samples/{drawn['id']}/items", limit=3, after=items["next"])
    rows = items["items"] + more["items"]
    assert [row["order"] for row in rows] == [0, 1, 2, 3]
    assert {row["probability"] for row in rows} == {4 / 6}
    again = robot.sends("/samples", body)
    assert (again.status_code, read(again)["existing"]) == (409, drawn["id"])
    larger = robot.does(f"/samples/{drawn['id']}/extend", {"name": "Second", "n": 5})
    assert larger["extends"] == drawn["id"]
    held = {row["transcript"] for row in robot.gets(f"/samples/{larger['id']}/items")["items"]}
    assert held > {row["transcript"] for row in rows}
    rest = robot.does("/samples", {"name": "Third", "design": {"n": 1}, "excludes": [drawn["id"]]})
    assert rest["frame_size"] == 5


def test_what_cannot_be_drawn_is_refused_with_its_field(project: Project, mia: User, ana: User) -> None:
    make.transcript(project)
    people = make.channel(project, "people.ana", kind="human")
    robot = program(mia, project)
    for body, field in (
        ({"design": {"n": 1}, "filter": "where=judge.x >"}, "filter"),
        ({"design": {"n": 0}}, "design"),
        ({"design": {"n": 1, "strata": [{"by": "channel", "channels": [people.key]}]}}, "design"),
        ({"design": {"n": 1}, "excludes": [999]}, "excludes"),
        ({"design": {"n": 1, "selection": "best"}}, "body.design.selection"),
    ):
        answer = robot.sends("/samples", {"name": "x", **body})
        assert answer.status_code == 422, body
        assert read(answer)["errors"][0]["field"] == field, body
    assert program(ana, project).sends("/samples", {"name": "x", "design": {"n": 1}}).status_code == 403


def test_odds_of_what_is_hidden_are_hidden(project: Project, mia: User, ana: User) -> None:
    made = make.transcript(project)
    round = make.round(project, [made], [ana])
    (row,) = program(ana, project).gets(f"/samples/{round.sample_id}/items")["items"]
    assert (row["probability"], row["stratum"]) == (None, None)
    (row,) = program(mia, project).gets(f"/samples/{round.sample_id}/items")["items"]
    assert row["probability"] == 1.0
