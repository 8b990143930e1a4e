"""Probes as objects: numbered by version, known by digest, each with a channel that only runs may write to."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from safetensors.numpy import save, save_file

from auditor.accounts.models import Project, User
from auditor.evidence.attach import attach_file
from auditor.interp.actions.naming import CannotDo
from auditor.interp.actions.probes import SameProbe, archive_probe, import_probe
from auditor.interp.adapters import adapter_on_disk
from auditor.interp.models import Probe, Threshold
from auditor.interp.probe_file import read_probe
from auditor.ledger.models import Event
from tests.auditor.interp import scene
from tests.auditor.interp.scene import CARD, D_IN

VECTOR = np.arange(1, D_IN + 1, dtype=np.float32)


def added(project: Project, owner: User, *, vector: Any = VECTOR, **more: Any) -> Probe:
    given: dict[str, Any] = {"card": CARD, "name": "Lies", "file_name": "lies.safetensors"} | more
    return import_probe(project=project, data=save({"direction": vector}), actor=owner, **given)


def test_a_probe_has_a_channel_of_its_own(project: Project, mia: User) -> None:
    probe = added(project, mia)
    assert (probe.slug, probe.number, probe.kind) == ("lies", 1, "logistic")
    channel = probe.channel
    assert (channel.key, channel.kind, channel.own) == ("probe.lies.v1", "probe", True)
    assert channel.polarity == "high is deceptive"
    assert channel.notice
    assert channel.detail["hook"] == "blocks.1.hook_resid_post"
    assert channel.detail["digest"] == probe.digest
    with default_storage.open(probe.weights, "rb") as file:
        kept = read_probe(file.read(), name="kept")
    assert kept.head.direction.tolist() == VECTOR.tolist()
    assert kept.card.to_json() == probe.card
    assert Event.objects.filter(verb="probe.added", project_id=project.pk).count() == 1


def test_versions_are_numbered_and_an_equal_one_is_refused(project: Project, mia: User) -> None:
    first = added(project, mia)
    with pytest.raises(SameProbe) as caught:
        added(project, mia)
    assert caught.value.probe == first
    second = added(project, mia, card=CARD | {"aggregation": "mean"})  # the same numbers, another rule
    assert (second.number, second.channel.key) == (2, "probe.lies.v2")
    assert added(project, mia, vector=-VECTOR).number == 3
    assert Probe.objects.filter(project=project).count() == 3


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"card": {**CARD, "polarity": ""}}, "polarity", "The card: polarity: it is missing"),
        ({"card": None}, "card", "JSON object"),
        ({"vector": np.zeros(D_IN, np.float32)}, "file", "all zeros"),
        ({"name": "!!"}, "name", "letters or digits"),
    ],
)
def test_what_cannot_be_a_probe_leaves_nothing(
    more: dict[str, Any], field: str, words: str, project: Project, mia: User
) -> None:
    with pytest.raises(CannotDo, match=words) as caught:
        added(project, mia, **more)
    assert caught.value.field == field
    assert not Probe.objects.exists()


def test_a_probe_for_another_model_is_refused(project: Project, mia: User) -> None:
    tiny = scene.subject(project, mia)
    assert added(project, mia, subject=tiny).subject == tiny
    with pytest.raises(CannotDo, match="made for another model"):
        added(project, mia, vector=np.ones(D_IN + 1, np.float32), subject=tiny)
    with pytest.raises(CannotDo, match="2 blocks, 0 to 1"):
        added(project, mia, card=CARD | {"layer": 2}, subject=tiny)


def test_what_its_makers_say_of_a_threshold_is_kept_with_its_control_set(project: Project, mia: User) -> None:
    said = {"value": 0.25, "control": "alpaca", "n": 9994, "fired": 99, "wanted": 0.01}
    added(project, mia, card=CARD | {"thresholds": [said]})
    kept = Threshold.objects.get()
    assert (kept.value, kept.control, kept.n, kept.fired, kept.source) == (
        0.25, "alpaca", 9994, 99, "as its card says",
    )  # fmt: skip


def test_no_file_writes_to_its_channel(project: Project, mia: User, tmp_path: Path) -> None:
    added(project, mia)
    line = {"transcript": {"id": "x"}, "channel": "probe.lies.v1", "value": 1}
    path = tmp_path / "e.jsonl"
    path.write_text(json.dumps(line))
    batch = attach_file(project=project, path=path, file_name=path.name, actor=mia)
    assert batch.rejected == 1


def _adapter(place: Path, **more: Any) -> Path:
    place.mkdir()
    (place / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4} | more))
    save_file({"lora_A": np.ones((2, 2), np.float32)}, place / "adapter_model.safetensors")
    return place


def test_an_adapter_is_kept_beside_and_bears_on_the_digest(
    project: Project, mia: User, tmp_path: Path
) -> None:
    plain = added(project, mia)
    adapted = added(project, mia, adapter=_adapter(tmp_path / "lora"))
    assert adapted.digest != plain.digest
    with adapter_on_disk(adapted.adapter) as folder:
        assert json.loads((folder / "adapter_config.json").read_text())["r"] == 4
        assert (folder / "adapter_model.safetensors").is_file()
    for place, more, words in (
        ("other", {"peft_type": "IA3"}, "LORA"),
        ("code", {"auto_mapping": {"parent_library": "evil"}}, "never run"),
    ):
        with pytest.raises(CannotDo, match=words):
            added(project, mia, adapter=_adapter(tmp_path / place, **more))
    bare = _adapter(tmp_path / "bare")
    (bare / "adapter_model.safetensors").unlink()
    with pytest.raises(CannotDo, match=r"no adapter_model\.safetensors"):
        added(project, mia, adapter=bare)


def test_putting_away_keeps_everything(project: Project, mia: User) -> None:
    probe = added(project, mia)
    archive_probe(probe=probe, actor=mia)
    archive_probe(probe=probe, actor=mia)
    probe.refresh_from_db()
    assert probe.archived_at is not None
    archive_probe(probe=probe, actor=mia, archived=False)
    probe.refresh_from_db()
    assert probe.archived_at is None
    assert Event.objects.filter(verb__in=["probe.archived", "probe.taken_out"]).count() == 2
