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


def test_a_manager_pauses_extends_and_moves_work(
    project: Project, mia: User, ana: User, bo: User, ada: User
) -> None:
    sample = make.sample(project, [make.transcript(project, metadata={"shown": "yes"}) for _ in range(4)])
    version = codebooks.adopt_default(project=project, actor=mia)
    robot = program(mia, project)
    body = {
        "name": "First", "sample": sample.pk, "codebook_version": version.pk, "members": [ana.pk, bo.pk],
        "overlap": 1, "visible_metadata": ["shown"], "due_on": "2027-01-31",
    }  # fmt: skip
    made = robot.does("/rounds", body)
    here = f"/rounds/{made['id']}"
    assert (made["visible_metadata"], made["due_on"], made["order"]) == (["shown"], "2027-01-31", "random")
    assert program(ana, project).does(f"{here}/next")["about"]["metadata"] == {"shown": "yes"}
    assert robot.does(f"{here}/pause")["paused_at"]
    assert program(bo, project).sends(f"{here}/next").status_code == 409
    assert robot.does(f"{here}/resume")["paused_at"] is None
    assert robot.does(f"{here}/due", {"due_on": None}, method="PUT")["due_on"] is None
    assert robot.does(f"{here}/extend", {"overlap": 2})["moved"] == 4
    assert robot.sends(f"{here}/extend", {"overlap": 2}).status_code == 422
    assert robot.sends(f"{here}/extend", {}).status_code == 422
    robot.does(f"{here}/members", {"user": ada.pk})
    assert robot.does(f"{here}/reassign", {"giver": bo.pk, "taker": ada.pk, "count": 2})["moved"] == 2
    assert robot.sends(f"{here}/reassign", {"giver": bo.pk, "taker": bo.pk}).status_code == 422
    assert robot.does(f"{here}/members/drop", {"user": bo.pk})["moved"] >= 0
    assert program(bo, project).gets(f"{here}/desk")["open"] == 0
    assert "moved" in robot.does(f"{here}/share-out")
    assert robot.does(f"{here}/members/resume", {"user": ana.pk})["id"] == made["id"]
    assert program(ana, project).sends(f"{here}/pause").status_code == 403
    robot.does(f"{here}/close")
    assert robot.sends(f"{here}/pause").status_code == 409


def test_an_order_is_no_hint_where_something_is_hidden(project: Project, mia: User, ana: User) -> None:
    made = make.transcript(project)
    make.reading(make.channel(project), made, 1.0)
    version = codebooks.adopt_default(project=project, actor=mia)
    body = {
        "name": "x", "sample": make.sample(project, [made]).pk, "codebook_version": version.pk, "members": [ana.pk],
        "overlap": 1, "order": "channel_up", "order_channel": "judge.quill",
    }  # fmt: skip
    robot = program(mia, project)
    assert robot.sends("/rounds", body).status_code == 422
    assert robot.sends("/rounds", {**body, "order_channel": "no.such"}).status_code == 422
    assert robot.does("/rounds", {**body, "policy": "open"})["order"] == "channel_up"
