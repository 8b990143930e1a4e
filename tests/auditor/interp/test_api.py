"""Models, dictionaries and captures by program."""

import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from auditor.accounts.models import Project, User
from auditor.interp import reader, tasks
from auditor.interp.models import Capture
from tests import make
from tests.auditor.interp import scene
from tests.auditor.interp.scripted import Script
from tests.programs import Program, program


@pytest.fixture
def robot(mia: User, project: Project) -> Program:
    return program(mia, project)


def test_a_model_is_registered_and_told_of(
    project: Project, robot: Program, tmp_path: Path, settings
) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "tiny").mkdir()
    settings.MODEL_FOLDERS = [str(tmp_path)]
    refused = robot.sends("/subject-models", {"name": "Tiny", "reference": "../x"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "reference")
    made = robot.sends("/subject-models", {"name": "Tiny", "reference": "tiny"})
    assert (made.status_code, made.json()["state"]) == (202, "unchecked")
    assert robot.gets("/subject-models/tiny")["reference"] == "tiny"
    assert [one["slug"] for one in robot.gets("/subject-models")["items"]] == ["tiny"]
    assert robot.sends("/subject-models/tiny/check", {}).status_code == 202
    assert robot.sends("/subject-models/tiny/archive", {"archived": True}).json()["archived"]


def test_a_dictionary_is_sent_and_explained(project: Project, robot: Program, tmp_path: Path) -> None:
    place = scene.folder(tmp_path, sparsity=True)
    files = {
        name: SimpleUploadedFile(file, (place / file).read_bytes())
        for name, file in (
            ("configuration", "cfg.json"), ("weights", "sae_weights.safetensors"), ("sparsity", "sparsity.safetensors"),
        )
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {robot.token}"}
    made = robot.client.post("/api/v1/dictionaries", {"name": "Res 1", **files}, headers=headers)
    assert (made.status_code, made.json()["slug"], made.json()["features"]) == (201, "res-1", 64)
    line = json.dumps({"index": 3, "description": "lies"}).encode()
    file = SimpleUploadedFile("x.jsonl", line + b"\nnothing\n")
    handed = robot.client.post("/api/v1/dictionaries/res-1/explanations", {"file": file}, headers=headers)
    assert (handed.status_code, handed.json()["brought"]) == (202, None)
    tasks.explain(handed.json()["run"])
    told = robot.gets(f"/dictionaries/res-1/explanations/{handed.json()['id']}")
    assert told["status"] == "done"
    brought = told["brought"]
    assert (brought["explanations"], brought["rejected"]) == (1, 1)
    assert "x.jsonl, line 2: no JSON" in brought["rejects"][0]
    assert robot.sends("/dictionaries/res-1/pins", {"features": [3, 5]}).json() == {"pinned": 2}
    assert robot.sends("/dictionaries/res-1/pins", {"features": [64]}).status_code == 422
    found = robot.gets("/dictionaries/res-1/features?words=lies")["items"]
    assert [(one["index"], one["channel"], one["explanations"][0]["text"]) for one in found] == [
        (3, "sae.res-1.3", "lies")
    ]
    assert [one["index"] for one in robot.gets("/dictionaries/res-1/features?pinned=true")["items"]] == [3, 5]
    assert robot.gets("/dictionaries/res-1")["pinned"] == 2
    assert robot.sends("/dictionaries/res-1/archive", {"archived": True}).json()["archived"]


def test_a_capture_is_asked_for_and_told_of(
    project: Project, mia: User, robot: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(breaks="cleared")
    monkeypatch.setattr(reader, "open_reader", script.open_reader)
    make.transcript(project)
    scene.subject(project, mia)
    scene.probe(project, mia)
    scene.dictionary(project, mia, tmp_path)
    said = {
        "subject": "tiny",
        "instruments": [
            {"probe": "probe.lies.v1"},
            {"dictionary": "res1", "mode": "full", "features": [1], "top": 4},
        ],
    }
    for wrong, words in (
        ({"instruments": [{}]}, "a probe or a dictionary"), ({"instruments": [{"probe": "probe.x.v1"}]}, "no probe"),
        ({"instruments": [{"dictionary": "res1", "features": []}]}, "watch-list of none"), ({"sample": 1, "filter": "q=x"}, "not both"),
    ):  # fmt: skip
        refused = robot.sends("/captures", said | wrong)
        assert (refused.status_code, words in refused.json()["detail"]) == (422, True), refused.json()
    made = robot.sends("/captures", said)
    assert made.status_code == 202
    pk = made.json()["id"]
    tasks.capture(Capture.objects.get(pk=pk).run_id)
    assert robot.gets(f"/captures/{pk}")["transcripts"] == {
        "waiting": 0,
        "done": 0,
        "not_fit": 0,
        "failed": 1,
    }
    (row,) = robot.gets(f"/captures/{pk}/transcripts", state="failed")["items"]
    assert row["words"].startswith("MemoryError")
    script.breaks = ""
    assert robot.sends(f"/captures/{pk}/retry", {}).json() == {"retried": 1}
    tasks.capture(Capture.objects.get(pk=pk).run_id)
    (one,) = robot.gets("/captures")["items"]
    assert (one["status"], one["transcripts"]["done"], one["instruments"][0]["probe"]) == (
        "done",
        1,
        "probe.lies.v1",
    )
    assert one["tokens"] > 0
    assert one["bytes_a_token"] > 0
