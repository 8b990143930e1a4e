"""Rounds for programs."""

from auditor.accounts.models import Project, User
from labeling.codebooks import actions as codebooks
from labeling.queues.models import Round
from tests import make
from tests.programs import program, read


def test_a_round_is_opened_watched_and_closed(project: Project, mia: User, ana: User, bo: User) -> None:
    sample = make.sample(project, [make.transcript(project) for _ in range(3)])
    version = codebooks.adopt_default(project=project, actor=mia)
    robot = program(mia, project)
    body = {"name": "First", "sample": sample.pk, "codebook_version": version.pk, "members": [ana.pk, bo.pk]}
    made = robot.does("/rounds", body)
    assert (made["policy"], made["overlap"], made["closed_at"]) == ("reveal", 2, None)
    again = robot.sends("/rounds", body)
    assert (again.status_code, read(again)["existing"]) == (409, made["id"])
    program(ana, project).does(f"/rounds/{made['id']}/next")
    progress = robot.gets(f"/rounds/{made['id']}/progress")
    assert (progress["items"], progress["labels_wanted"], progress["held"]) == (3, 6, 1)
    assert progress["matrix"] == [[0, 0], [0, 0]]
    assert {one["name"] for one in progress["reviewers"]} == {"Ana", "Bo"}
    joined = robot.does(f"/rounds/{made['id']}/members", {"user": mia.pk})
    assert {one["name"] for one in joined["reviewers"]} == {"Ana", "Bo", "Mia"}
    assert robot.does(f"/rounds/{made['id']}/close")["closed_at"]
    assert robot.does(f"/rounds/{made['id']}/close")["closed_at"]
    assert robot.sends(f"/rounds/{made['id']}/members", {"user": mia.pk}).status_code == 409


def test_what_cannot_be_opened_is_refused(
    project: Project, mia: User, ana: User, vic: User, cy: User
) -> None:
    sample = make.sample(project, [make.transcript(project)])
    version = codebooks.adopt_default(project=project, actor=mia)
    good = {
        "name": "x",
        "sample": sample.pk,
        "codebook_version": version.pk,
        "members": [ana.pk],
        "overlap": 1,
    }
    robot = program(mia, project)
    for change, status in (
        ({"members": [cy.pk]}, 422), ({"members": [vic.pk]}, 422), ({"overlap": 2}, 422), ({"policy": "trusting"}, 422),
        ({"sample": 999}, 404), ({"codebook_version": 999}, 404), ({"members": [1 << 70]}, 422), ({"lease_minutes": 0}, 422),
    ):  # fmt: skip
        assert robot.sends("/rounds", {**good, **change}).status_code == status, change
    assert program(ana, project).sends("/rounds", good).status_code == 403
    assert not Round.objects.exists()
