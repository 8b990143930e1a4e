"""The worker is killed three times in a capture: no transcript is lost, and none is in the evidence twice."""

from typing import Any

import pytest

from auditor.runtime import places
from bench.campaign import captures


@pytest.fixture
def shared_files(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of files that a worker started as a process of its own has."""
    everybodys = places.VAR / "files"
    monkeypatch.setattr(places, "FILES", everybodys)
    stores = {**settings.STORAGES, "default": {**settings.STORAGES["default"]}}
    stores["default"]["OPTIONS"] = {**stores["default"]["OPTIONS"], "location": everybodys}
    settings.STORAGES = stores


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("shared_files")
def test_a_worker_is_killed_three_times() -> None:
    report = captures.prove(seed=4, transcripts=150, runs=1)
    (run,) = report["runs"]
    assert len(run["stored_at_the_kills"]) == 3
    assert report["holds"], run
