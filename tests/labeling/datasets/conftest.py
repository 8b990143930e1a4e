"""A round of four transcripts: one agreed, one ruled, one disputed, one unfinished."""

from pathlib import Path
from typing import Any

import pytest

from auditor.accounts.models import Project, User
from labeling.adjudication import actions as adjudication
from labeling.datasets.actions import open_release
from labeling.datasets.models import Release
from labeling.datasets.tasks import build_release
from labeling.queues.models import Round
from tests import make


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    """Files of these tests go into a folder of their own."""
    stores = {**settings.STORAGES, "default": {**settings.STORAGES["default"]}}
    stores["default"]["OPTIONS"] = {**stores["default"]["OPTIONS"], "location": tmp_path / "files"}
    settings.STORAGES = stores
    return tmp_path / "files"


@pytest.fixture
def round(project: Project, ana: User, bo: User, ada: User) -> Round:
    transcripts = [
        make.transcript(project, external_id=f"pay-{n}", conditions={"arm": "base"}) for n in range(4)
    ]
    made = make.round(project, transcripts, [ana, bo], name="Round one")
    agreed, ruled, disputed, unfinished = made.items.order_by("order")
    for reviewer in (ana, bo):
        make.label(agreed, reviewer, "U", stage="blind", finishes=False)
        make.label(agreed, reviewer, "U", spans=[("misleads", 1, 0, 3, "Yes")], rationale="Invented.")
    taken = make.label(ruled, ana, "D", grade="I1")
    make.label(ruled, bo, "H")
    make.label(disputed, ana, "D")
    make.label(disputed, bo, "U")
    make.label(unfinished, ana, "H")
    adjudication.settle_due()
    adjudication.rule(case=ruled.case, adjudicator=ada, took=taken, reason="The log decides it.")
    return made


def released(round: Round, by: User, name: str = "First", **parameters: Any) -> Release:
    """A release, built."""
    release = open_release(project=round.project, name=name, rounds=[round], parameters=parameters, actor=by)
    assert release.run is not None
    build_release(release.run.pk)
    release.refresh_from_db()
    return release
