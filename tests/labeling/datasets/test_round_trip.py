"""A release brought into an empty project gives the same release again."""

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role, User
from labeling.datasets import actions
from labeling.datasets.models import Release, ReleaseImport
from labeling.datasets.tasks import build_release, import_release
from labeling.queues.actions import close_round
from labeling.queues.models import Round
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.made import lines
from tests.labeling.datasets.scenes import scene
from tests.labeling.datasets.test_verifying import fetched


@pytest.fixture
def elsewhere(mia: User) -> Project:
    """A project without anything."""
    return accounts.create_project(name="Elsewhere", owner=mia)


def imported(folder: Path, project: Project, actor: User) -> ReleaseImport:
    """The release in the folder, brought in."""
    into = actions.open_import(project=project, path=folder, file_name=folder.name, actor=actor)
    assert into.run is not None
    import_release(into.run.pk)
    into.refresh_from_db()
    into.run.refresh_from_db()
    return into


def test_the_same_release_comes_out_again(
    round: Round, mia: User, elsewhere: Project, tmp_path: Path
) -> None:
    first = released(round, mia, formats=["csv"])
    into = imported(fetched(first, tmp_path / "first"), elsewhere, mia)
    assert into.run is not None
    assert (into.run.status, into.run.note) == ("done", "Writing")
    again = released(into.rounds.get(), mia, formats=["csv"])
    one = (tmp_path / "first/labels.jsonl").read_text(encoding="utf-8")
    two = (fetched(again, tmp_path / "again") / "labels.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line) for line in two.splitlines()] == [json.loads(line) for line in one.splitlines()]
    assert two == one


SHAPES: list[dict[str, Any]] = [
    {},
    {"source": "all"},
    {"source": "majority", "splits": [{"name": "train", "share": 0.5}, {"name": "test", "share": 0.5}]},
    {"pseudonyms": False, "source": "dawid_skene"},
    {"rationales": False, "metadata": ["note"], "channels": ["judge.quill"], "source": "all"},
]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_shape_nothing_is_lost(
    seed: int,
    project: Project,
    elsewhere: Project,
    mia: User,
    ana: User,
    bo: User,
    cy: User,
    ada: User,
    tmp_path: Path,
) -> None:
    accounts.add_member(project=project, user=cy, role=Role.REVIEWER, actor=mia)
    rounds = scene(seed, project, [ana, bo, cy], ada)
    for round in rounds:
        close_round(round=round, actor=mia)
    shape = SHAPES[seed % len(SHAPES)]
    first = built(project, rounds, mia, shape)
    into = imported(fetched(first, tmp_path / "first"), elsewhere, mia)
    assert into.run is not None
    assert into.run.status == "done", into.run.note
    again = built(elsewhere, list(into.rounds.order_by("pk")), mia, shape)
    one, two = (
        lines(fetched(release, tmp_path / name) / "labels.jsonl")
        for release, name in ((first, "first"), (again, "again"))
    )
    assert len(one) >= 3
    there = {(each["transcript"]["record_digest"], each["transcript"]["ordinal"]) for each in one}
    for before, after in zip(one, two, strict=True):
        parent = before["transcript"]["parent"]
        if parent is not None and (parent["record_digest"], parent["ordinal"]) not in there:
            before["transcript"] |= {
                "parent": None,
                "shared": 0,
            }  # a branch whose parent was not released stands alone
        for part in before:
            assert after[part] == before[part], (part, before["transcript"]["external_id"])
    assert into.counts["records"] == len(one)


def built(project: Project, rounds: list[Round], by: User, parameters: dict[str, Any]) -> Release:
    """A release of several rounds."""
    release = actions.open_release(
        project=project, name="Whole", rounds=rounds, parameters=parameters, actor=by
    )
    assert release.run is not None
    build_release(release.run.pk)
    release.refresh_from_db()
    release.run.refresh_from_db()
    assert release.built_at is not None, release.run.note
    return release
