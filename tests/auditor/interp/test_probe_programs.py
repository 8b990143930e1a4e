"""Probes, controls and thresholds by API and command line."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from safetensors.numpy import save

from auditor.accounts.models import Project, User
from auditor.interp import reader, tasks
from auditor.interp.models import Probe, SubjectModel, Threshold
from auditor.runs.models import Run
from tests.auditor.interp import scene
from tests.auditor.interp.scene import CARD, D_IN
from tests.auditor.interp.scripted import Script
from tests.programs import program

DIRECTION = [float(n) for n in range(1, D_IN + 1)]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    monkeypatch.setattr(reader, "open_reader", made.open_reader)
    return made


@pytest.fixture
def tiny(project: Project, mia: User) -> SubjectModel:
    return scene.subject(project, mia)


def command(project: Project, *words: str, **options: Any) -> str:
    said = io.StringIO()
    call_command("probe", *words, "--project", project.slug, stdout=said, **options)
    return said.getvalue()


def test_the_api_brings_one_in_and_scores_it(
    project: Project, mia: User, ana: User, tiny: SubjectModel, script: Script
) -> None:
    robot = program(mia, project)
    made = robot.does("/probes", {"name": "Lies", "card": CARD, "direction": DIRECTION, "subject": "tiny"})
    assert (made["channel"], made["number"]) == ("probe.lies.v1", 1)
    file = base64.b64encode(save({"direction": np.array(DIRECTION, np.float32)})).decode()
    assert robot.sends("/probes", {"name": "Lies", "card": CARD, "file": file}).status_code == 409
    for wrong, words in (
        ({"card": CARD}, "either a file or a direction"),
        ({"card": CARD, "file": "!"}, "no base64"),
        ({"card": {**CARD, "layer": -1}, "direction": DIRECTION}, "layer: it must be"),
        ({"card": CARD, "file": base64.b64encode(b"\x80\x02}q\x00.").decode()}, "convert_probe"),
    ):
        answer = robot.sends("/probes", wrong)
        assert (answer.status_code, words in answer.content.decode()) == (422, True), words
    assert [one["id"] for one in robot.gets("/probes")["items"]] == [made["id"]]
    assert robot.gets(f"/probes/{made['id']}")["card"] == made["card"]
    run = robot.does(
        "/controls", {"channels": ["probe.lies.v1"], "subject": "tiny", "packs": ["plain", "sarcasm"]}
    )
    tasks.score_controls(run["run"])
    assert robot.gets("/controls", channel="probe.lies.v1")["scored"] is True
    chosen = robot.does("/thresholds", {"channel": "probe.lies.v1", "subject": "tiny", "wanted": 0.1})
    assert chosen["threshold"]["control"] == "plain answers, read by Tiny"
    assert {one["pack"] for one in chosen["packs"]} == {"plain", "sarcasm"}
    assert all(
        0 <= one["fires"]["low"] <= one["fires"]["rate"] <= one["fires"]["high"] for one in chosen["packs"]
    )
    assert program(ana, project).sends("/probes", {"card": CARD, "direction": DIRECTION}).status_code == 403
    assert (
        robot.sends("/thresholds", {"channel": "none", "subject": "tiny", "wanted": 0.1}).status_code == 422
    )


def test_the_command_line_does_the_same(
    project: Project, mia: User, tiny: SubjectModel, script: Script, tmp_path: Path
) -> None:
    vector, card = tmp_path / "lies.json", tmp_path / "card.json"
    vector.write_text(json.dumps(DIRECTION))
    card.write_text(json.dumps(CARD))
    said = command(project, "add", str(vector), "--card", str(card), "--subject", "tiny")
    assert "lies v1 speaks on probe.lies.v1" in said
    assert "is there already" in command(
        project, "add", str(vector), "--card", str(card), "--subject", "tiny"
    )
    assert json.loads(command(project, "list"))["slug"] == "lies"
    assert "is queued" in command(project, "score", "probe.lies.v1", "--subject", "tiny", "--pack", "plain")
    Run.objects.all().update(status="cancelled")
    said = command(project, "score", "probe.lies.v1", "--subject", "tiny", "--pack", "plain", "--here")
    assert "44 honest conversations scored" in said
    said = command(project, "threshold", "probe.lies.v1", "--subject", "tiny", "--rate", "0.05")
    assert "of 44 of plain answers, read by Tiny" in said
    assert json.loads(command(project, "controls", "probe.lies.v1"))["threshold"]["wanted"] == 0.05
    assert (Probe.objects.count(), Threshold.objects.count()) == (1, 1)
    for words, told in (
        (["add", str(tmp_path / "none")], "No such file"),
        (["score", "probe.x.v1", "--subject", "tiny"], "no channel probe.x.v1"),
        (["score", "probe.lies.v1", "--subject", "huge"], "no subject model huge"),
        (["threshold", "probe.lies.v1", "--subject", "tiny", "--rate", "2"], "below 1"),
    ):
        with pytest.raises(CommandError, match=told):
            command(project, *words)
