"""Datasets for programs: made, followed, fetched in ranges; closed to whom something in them is hidden."""

from typing import Any

import pytest

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role, User
from auditor.ledger.models import Event
from labeling.adjudication import actions as adjudication
from labeling.datasets.actions import open_release
from labeling.datasets.exporters import FORMATS
from labeling.datasets.models import Release
from labeling.datasets.tasks import check_release
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.programs import program, read


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_a_program_makes_a_dataset_and_follows_it(
    project: Project, round: Round, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    robot = program(mia, project)
    asked = {
        "name": "By program", "rounds": [round.pk], "licence": "cc0-1.0", "formats": ["csv"],
        "splits": [{"name": "train", "share": 0.5}, {"name": "test", "share": 0.5}],
    }  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        made = robot.does("/releases", asked)
    assert made["state"] in ("queued", "ready")
    found = robot.gets(f"/releases/{made['id']}")
    assert (found["state"], found["records"], found["rounds"], found["hidden"]) == ("ready", 2, [round.pk], 0)
    assert {"labels.jsonl", "labels.csv", "labels-train.parquet", "SHA256SUMS"} <= {
        one["name"] for one in found["files"]
    }
    listed = robot.gets("/releases")["items"]
    assert [(one["name"], one["files"]) for one in listed] == [("By program", [])]


def test_what_cannot_be_is_refused_with_its_field(
    project: Project, round: Round, mia: User, vic: User
) -> None:
    robot = program(mia, project)
    there = released(round, mia)
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({"name": "First", "rounds": [round.pk]}, 409, "name"), ({"name": "x", "rounds": [round.pk + 999]}, 422, "rounds"),
        ({"name": "x", "rounds": []}, 422, "body.rounds"), ({"name": "x", "rounds": [round.pk], "formats": ["xlsx"]}, 422, "formats"),
        ({"name": "x", "rounds": [round.pk], "source": "dice"}, 422, "source"),
        ({"name": "x", "rounds": [round.pk], "messages": False, "formats": ["sft"]}, 422, "formats"),
        ({"name": "x", "rounds": [round.pk], "splits": [{"name": "a", "share": 2}]}, 422, "body.splits.0.share"),
    ]  # fmt: skip
    for asked, status, field in refused:
        answer = robot.sends("/releases", asked)
        assert answer.status_code == status, asked
        assert any(one["field"].endswith(field.rpartition("body.")[2]) for one in read(answer)["errors"]), (
            asked,
            read(answer),
        )
    assert read(robot.sends("/releases", refused[0][0]))["existing"] == there.pk
    assert program(vic, project).sends("/releases", {"name": "x", "rounds": [round.pk]}).status_code == 403
    assert robot.sends(f"/releases/{there.pk}/build").status_code == 409


def test_a_file_comes_whole_or_from_a_byte_on(project: Project, round: Round, vic: User, mia: User) -> None:
    release = released(round, mia)
    file = release.files.get(name="labels.jsonl")
    robot = program(vic, project)
    path = f"/releases/{release.pk}/files/labels.jsonl"
    whole = robot.asks(path)
    data = body(whole)
    assert (len(data), whole["ETag"], whole["Accept-Ranges"]) == (file.size, f'"{file.digest}"', "bytes")
    assert whole["Content-Disposition"] == 'attachment; filename="labels.jsonl"'
    assert whole["X-Content-Type-Options"] == "nosniff"

    def ranged(asked: str, **headers: str) -> Any:
        return robot.client.get("/api/v1" + path, headers={"Range": asked, **headers})

    for asked, start, end in (
        ("bytes=0-9", 0, 10), ("bytes=10-", 10, file.size), ("bytes=-5", file.size - 5, file.size), (f"bytes=5-{10**17}", 5, file.size),
    ):  # fmt: skip
        answer = ranged(asked)
        assert (answer.status_code, body(answer)) == (206, data[start:end]), asked
        assert answer["Content-Range"] == f"bytes {start}-{end - 1}/{file.size}"
        assert answer["Content-Length"] == str(end - start)
    for asked in (f"bytes={file.size}-", "bytes=9-5", "bytes=-", "bytes=-0"):
        answer = ranged(asked)
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{file.size}"), asked
    for asked in ("items=0-5", "bytes=0-5,7-9", "bytes=x-y", "bytes=" + "9" * 30 + "-"):
        assert body(ranged(asked)) == data  # what is no single range is no range
    assert body(ranged("bytes=0-9", **{"If-Range": '"another"'})) == data
    assert body(ranged("bytes=0-9", **{"If-Range": f'"{file.digest}"'})) == data[:10]


def test_who_is_blind_learns_neither_files_nor_counts(
    project: Project, round: Round, mia: User, ana: User
) -> None:
    release = released(round, mia)
    again = make.round(project, [round.items.order_by("order")[0].transcript], [ana, mia], overlap=1)
    assert again.pk
    found = program(ana, project).gets(f"/releases/{release.pk}")
    assert (found["hidden"], found["files"], found["records"]) == (2, [], None)
    assert program(ana, project).asks(f"/releases/{release.pk}/files/labels.jsonl").status_code == 404


def test_the_formats_are_listed(project: Project, vic: User) -> None:
    listed = program(vic, project).gets("/release-formats")
    assert [one["key"] for one in listed] == list(FORMATS)
    assert {one["key"] for one in listed if one["always"]} == {"jsonl", "parquet"}
    assert all(one["words"].endswith(".") for one in listed)


@pytest.mark.parametrize("name", ["../manage.py", "labels.jsonl/", "nothing", "%2e%2e/x", "a/b"])
def test_a_name_that_is_no_file_is_not_found(project: Project, round: Round, mia: User, name: str) -> None:
    release = released(round, mia)
    assert program(mia, project).asks(f"/releases/{release.pk}/files/{name}").status_code == 404
    assert Release.objects.count() == 1


def test_two_datasets_are_compared(project: Project, round: Round, mia: User, ana: User) -> None:
    first = released(round, mia)
    case = round.items.get(case__settled_at=None, case__isnull=False).case
    took = case.item.revisions.filter(reviewer=ana).latest("pk")
    adjudication.rule(case=case, adjudicator=mia, took=took, reason="So it is.")
    second = released(round, mia, "Second")
    robot = program(mia, project)
    said = robot.gets(f"/releases/{first.pk}/diff/{second.pk}")
    assert (said["counts"]["added"], said["counts"]["removed"], said["next"]) == (1, 0, None)
    (change,) = said["changes"]
    assert (change["change"], change["external_id"], change["label_after"], change["reason"]) == (
        ["added"],
        "pay-2",
        "D",
        "So it is.",
    )
    back = robot.gets(f"/releases/{second.pk}/diff/{first.pk}", limit=1)
    assert (back["counts"]["removed"], len(back["changes"])) == (1, 1)
    assert robot.asks(f"/releases/{first.pk}/diff/{second.pk + 99}").status_code == 404
    assert program(ana, project).asks(f"/releases/{first.pk}/diff/{second.pk}").status_code == 404


def test_a_dataset_is_frozen_and_kept_and_both_may_be_sent_again(
    project: Project, round: Round, mia: User, ana: User, cy: User
) -> None:
    release = released(round, mia)
    at = f"/releases/{release.pk}"
    accounts.add_member(project=project, user=cy, role=Role.MANAGER, actor=mia)
    robot, owner = program(cy, project), program(mia, project)
    before = robot.gets(at)
    assert (before["frozen_at"], before["kept_at"], before["check"], before["run"]) == (
        None, None, None, release.run_id,
    )  # fmt: skip
    frozen = robot.does(f"{at}/freeze")
    assert frozen["frozen_at"] is not None
    assert robot.does(f"{at}/freeze")["frozen_at"] == frozen["frozen_at"]
    kept = owner.does(f"{at}/keep", {"kept": True}, method="PUT")
    assert kept["kept_at"] is not None
    assert owner.does(f"{at}/keep", {"kept": True}, method="PUT")["kept_at"] == kept["kept_at"]
    release.refresh_from_db()
    assert release.frozen_at is not None
    assert release.kept_at is not None
    for method, path, body_ in (
        ("PUT", "keep", {"kept": False}),
        ("POST", "freeze", {}),
        ("POST", "check", {}),
    ):
        assert program(ana, project).sends(f"{at}/{path}", body_, method=method).status_code in (403, 404)
    assert robot.sends(f"{at}/keep", {"kept": False}, method="PUT").status_code == 404  # for owners
    assert owner.sends(f"{at}/keep", {}, method="PUT").status_code == 422
    assert program(mia, project, "read").sends(f"{at}/keep", {"kept": False}, method="PUT").status_code == 403
    assert robot.gets(at)["kept_at"] == kept["kept_at"]
    assert owner.does(f"{at}/keep", {"kept": False}, method="PUT")["kept_at"] is None
    verbs = Event.objects.filter(verb__in=("release.frozen", "release.kept", "release.let_go"))
    assert sorted(verbs.values_list("verb", flat=True)) == [
        "release.frozen",
        "release.kept",
        "release.let_go",
    ]


def test_what_is_not_built_is_neither_frozen_nor_checked(project: Project, round: Round, mia: User) -> None:
    opened = open_release(project=project, name="x", rounds=[round], parameters={}, actor=mia)
    robot = program(mia, project)
    for verb in ("freeze", "check"):
        assert robot.sends(f"/releases/{opened.pk}/{verb}").status_code == 409, verb
    found = robot.gets(f"/releases/{opened.pk}")
    assert (found["state"], found["done"], found["frozen_at"], found["check"]) == ("queued", 0, None, None)
    assert robot.gets(f"/runs/{found['run']}")["status"] == "queued"


def test_a_check_is_asked_for_and_followed(
    project: Project, round: Round, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    release = released(round, mia)
    robot = program(mia, project)
    asked = robot.does(f"/releases/{release.pk}/check")["check"]
    assert (asked["status"], asked["finished_at"]) == ("queued", None)
    assert robot.sends(f"/releases/{release.pk}/check").status_code == 409  # one at a time
    check_release(asked["run"])
    done = robot.gets(f"/releases/{release.pk}")["check"]
    assert (done["run"], done["status"], done["done"], done["total"]) == (asked["run"], "done", 2, 2)
    assert done["note"] == f"All {release.files.count()} files are the same, byte for byte."
    Release.objects.filter(pk=release.pk).update(prose={"about": "Something else."})
    with django_capture_on_commit_callbacks(execute=True):
        robot.does(f"/releases/{release.pk}/check")
    found = robot.gets(f"/releases/{release.pk}")["check"]
    assert found["status"] == "failed"
    assert found["note"].startswith("Not the same: README.md, ")
