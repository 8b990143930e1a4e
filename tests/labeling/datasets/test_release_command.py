"""manage.py release: make, list, follow, freeze, keep, check, fetch, verify, import."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role, User
from labeling.datasets.models import Release, ReleaseImport
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.test_round_trip import elsewhere as elsewhere


def run(*words: object) -> str:
    out = io.StringIO()
    call_command("release", *map(str, words), stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_a_dataset_is_made_listed_fetched_verified_and_brought_in(
    project: Project, round: Round, elsewhere: Project, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"licence": "cc0-1.0", "formats": ["csv"]}), encoding="utf-8")
    made = run(
        "make",
        "--project",
        project.slug,
        "--name",
        "By hand",
        "--round",
        "Round one",
        "--format",
        "sft",
        "--settings",
        settings,
    )
    names = {line.split("  ")[1] for line in made.splitlines()}
    assert {"labels.jsonl", "labels.csv", "sft.jsonl", "verify.py"} <= names
    assert Release.objects.get(name="By hand").parameters["licence"] == "cc0-1.0"
    assert run("list", "--project", project.slug).startswith("By hand\t2 records\t")
    folder = tmp_path / "it"
    assert run("fetch", "--project", project.slug, "By hand", folder) == f"{folder}: whole\n"
    before = (folder / "labels.csv").stat().st_mtime_ns
    (folder / "labels.jsonl").write_bytes(b"half")
    run("fetch", "--project", project.slug, "By hand", folder)
    assert (folder / "labels.csv").stat().st_mtime_ns == before
    assert run("verify", folder) == f"{folder}: whole\n"
    brought = run("import", "--project", elsewhere.slug, folder)
    assert brought.startswith(
        "By hand: 2 records, 2 new transcripts, 0 transcripts that were here, 6 labels, 2 rulings"
    )
    assert ReleaseImport.objects.get().done_at is not None


def test_a_dataset_is_frozen_kept_checked_and_followed(
    project: Project, round: Round, mia: User, cy: User
) -> None:
    accounts.add_member(project=project, user=cy, role=Role.MANAGER, actor=mia)
    run("make", "--project", project.slug, "--name", "By hand", "--round", "Round one")
    release = Release.objects.get(name="By hand")
    here = ("--project", project.slug, "By hand")
    built = f"built\trun {release.run_id}\tdone\t2/2\t"
    assert run("status", *here).startswith(built)
    assert run("status", *here).endswith("frozen\tno\nmust be kept\tno\n")
    assert run("freeze", *here) == "By hand: frozen\n"
    assert run("keep", *here) == "By hand: must be kept\n"
    said = run("check", *here)
    assert said == f"By hand: All {release.files.count()} files are the same, byte for byte.\n"
    release.refresh_from_db()
    lines = run("status", *here).splitlines()
    assert lines[1].startswith(f"checked\trun {release.check_run_id}\tdone\t2/2\tAll ")
    assert [line[: line.index(" ", 12)] for line in lines[2:]] == ["frozen\tsince", "must be kept\tsince"]
    with pytest.raises(CommandError, match="does not own"):
        run("let-go", *here, "--as", cy.email)
    assert run("let-go", *here) == "By hand: need not be kept\n"
    for words, why in (
        (("freeze", *here), "frozen already"),
        (("status", "--project", project.slug, "x"), "no dataset “x”"),
    ):
        with pytest.raises(CommandError, match=why):
            run(*words)
    assert run("check", *here, "--queue").startswith("By hand: run ")
    with pytest.raises(CommandError, match="being checked"):
        run("check", *here)


def test_a_check_that_finds_a_difference_fails(project: Project, round: Round) -> None:
    run("make", "--project", project.slug, "--name", "By hand", "--round", "Round one")
    Release.objects.filter(name="By hand").update(prose={"about": "Something else."})
    with pytest.raises(CommandError, match=r"Not the same: README\.md, "):
        run("check", "--project", project.slug, "By hand")


def test_what_cannot_be_done_is_said(
    project: Project, round: Round, mia: User, ana: User, tmp_path: Path
) -> None:
    run("make", "--project", project.slug, "--name", "By hand", "--round", "Round one")
    (tmp_path / "bad.json").write_text("[", encoding="utf-8")
    (tmp_path / "no.zip").write_bytes(b"no archive")
    for words, said in (
        (["make", "--project", project.slug, "--name", "By hand", "--round", "Round one"], "a release is never overwritten"),
        (["make", "--project", project.slug, "--name", "x", "--round", "Round two"], "has no round “Round two”"),
        (["make", "--project", project.slug, "--name", "x", "--round", "Round one", "--settings", tmp_path / "bad.json"], "bad.json"),
        (["fetch", "--project", project.slug, "Other", tmp_path / "x"], "no built dataset “Other”"),
        (["verify", tmp_path], "not whole"),
        (["import", "--project", project.slug, tmp_path / "none"], "no such file or folder"),
        (["import", "--project", project.slug, tmp_path], "has no manifest.json"),
        (["import", "--project", project.slug, tmp_path / "no.zip"], "the archive cannot be read"),
        (["list", "--project", "nowhere"], "there is no project nowhere"),
    ):  # fmt: skip
        with pytest.raises(CommandError, match=said.replace(".", r"\.")):
            run(*words)
    make.round(project, [round.items.order_by("order")[0].transcript], [mia, ana], overlap=1)
    with pytest.raises(CommandError, match="still hidden from"):
        run("fetch", "--project", project.slug, "By hand", tmp_path / "x", "--as", mia.email)
