"""Subject models: what may be registered, what a check keeps, and that nothing changes afterwards."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from auditor.accounts.models import Project, User
from auditor.interp import reader, tasks
from auditor.interp.actions import subjects
from auditor.interp.actions.naming import CannotDo
from auditor.interp.models import SubjectModel
from auditor.ledger.models import Event
from auditor.runs.models import Run
from tests.auditor.interp.scripted import Read, read


@dataclass(frozen=True)
class Facts:
    architecture: str = "LlamaForCausalLM"
    n_layers: int = 2
    d_model: int = 8
    context: int = 128
    vocabulary: int = 99
    parameters: int = 12_345
    revision: str = "abc"
    dtype: str = "float32"
    device: str = "cpu"
    template: str = "{{ messages }}"
    template_from: str = "model"
    files: dict[str, Any] = field(
        default_factory=lambda: {"model.safetensors": {"sha256": "0" * 64, "size": 5}}
    )
    digest: str = "1" * 64
    tokenizer_digest: str = "2" * 64


class Loaded:
    facts = Facts()

    def read(self, turns: Any) -> Read:
        return read(turns)


@pytest.fixture
def folders(tmp_path: Path, settings) -> Path:  # type: ignore[no-untyped-def]
    (tmp_path / "tiny").mkdir()
    settings.MODEL_FOLDERS = [str(tmp_path)]
    return tmp_path


def register(project: Project, actor: User, **more: Any) -> SubjectModel:
    given = {"name": "Tiny llama", "source": "folder", "reference": "tiny"} | more
    return tasks.queue_subject(project=project, actor=actor, **given)


def checked(made: SubjectModel) -> SubjectModel:
    assert made.run_id is not None
    tasks.check_subject(made.run_id)
    return SubjectModel.objects.select_related("run").get(pk=made.pk)


def test_a_check_keeps_facts_template_and_an_example(
    project: Project, mia: User, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "load", lambda subject: Loaded())
    made = checked(register(project, mia))
    assert (made.state, made.slug, made.digest, made.n_layers, made.d_model) == (
        "ready",
        "tiny-llama",
        "1" * 64,
        2,
        8,
    )
    assert (made.chat_template, made.template_from, made.revision) == ("{{ messages }}", "model", "abc")
    assert made.detail["files"] == {"model.safetensors": {"sha256": "0" * 64, "size": 5}}
    example = made.detail["example"]
    at, till, _, position, special, counted = example["tokens"][1]
    assert example["rendered"][at:till] == "Did"
    assert (position, special, counted) == (0, 0, 0)
    assert made.run is not None
    assert made.run.status == "done"
    assert Event.objects.filter(verb="subject.checked").exists()


def test_a_checked_model_never_changes(
    project: Project, mia: User, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "load", lambda subject: Loaded())
    made = checked(register(project, mia))
    with pytest.raises(CannotDo, match="never changes"):
        tasks.queue_check(subject=made, actor=mia)
    subjects.mark_ready(subject=made, facts={"digest": "9" * 64})
    subjects.mark_refused(subject=made, words="no")
    made.refresh_from_db()
    assert (made.state, made.digest, made.words) == ("ready", "1" * 64, "")
    subjects.archive_subject(subject=made, actor=mia)
    made.refresh_from_db()
    assert made.archived_at is not None


def test_a_refusal_is_kept_in_words_and_may_be_tried_again(
    project: Project, mia: User, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(subject: SubjectModel) -> Loaded:
        raise reader.CannotRead("It has no safetensors.")

    monkeypatch.setattr(reader, "load", refuse)
    made = checked(register(project, mia))
    assert (made.state, made.words) == ("refused", "It has no safetensors.")
    assert made.run is not None
    assert (made.run.status, made.run.note) == ("failed", "It has no safetensors.")
    monkeypatch.setattr(reader, "load", lambda subject: Loaded())
    assert checked(tasks.queue_check(subject=made, actor=mia)).state == "ready"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": "!!!"}, "name"), ({"reference": "../etc"}, "reference"), ({"reference": "/etc"}, "reference"),
        ({"reference": "nothing"}, "reference"), ({"adapter": "../x"}, "adapter"), ({"source": "ftp"}, "source"),
        ({"source": "hub", "reference": "org/model"}, "reference"), ({"dtype": "int4"}, "dtype"),
        ({"device": "tpu"}, "device"), ({"revision": "a b"}, "revision"), ({"chat_template": "x" * 100_001}, "chat_template"),
    ],
)  # fmt: skip
def test_what_may_not_be_is_refused_before_anything_is_made(
    project: Project, mia: User, folders: Path, said: dict[str, str], field: str
) -> None:
    with pytest.raises(CannotDo) as refusal:
        register(project, mia, **said)
    assert refusal.value.field == field
    assert not SubjectModel.objects.exists()
    assert not Run.objects.exists()


def test_the_hub_is_reached_where_the_deployment_allows_it(project: Project, mia: User, settings) -> None:  # type: ignore[no-untyped-def]
    settings.ALLOW_HUB = True
    made = register(project, mia, source="hub", reference="org/model-7b", revision="main")
    assert (made.source, made.reference, made.state) == ("hub", "org/model-7b", "unchecked")
    for wrong in ("org/model/x", "../x", "org/..", "a b"):
        with pytest.raises(CannotDo):
            register(project, mia, name="Other", source="hub", reference=wrong)


def test_two_models_do_not_share_a_short_name(project: Project, mia: User, folders: Path) -> None:
    register(project, mia)
    with pytest.raises(CannotDo, match="already"):
        register(project, mia)
