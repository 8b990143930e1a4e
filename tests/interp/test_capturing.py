"""From a folder to a filter, with a model that runs: register, check, dictionary, probe, capture, kill, resume, read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from safetensors.numpy import save, save_file

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from auditor.evidence.blocks import read_block
from auditor.evidence.models import Block, Reading, Rollup
from auditor.evidence.queries import visible_to
from auditor.interp import capturing, queries, reader, tasks
from auditor.interp.actions.captures import Wanted
from auditor.interp.actions.dictionaries import add_from_folder
from auditor.interp.actions.probes import import_probe
from auditor.interp.models import Dictionary, Probe, SubjectModel
from auditor.runs.models import Run
from auditor.sampling.choosing import Chosen
from tests import make
from tests.people import signed_in

WIDTH, SIZE = 32, 96


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.interp.tiny_models import make as made

    folder = tmp_path_factory.mktemp("models")
    made("llama", folder / "tiny")
    return folder


@pytest.fixture
def subject(project: Project, mia: User, models: Path, settings: Any) -> SubjectModel:
    settings.MODEL_FOLDERS = [str(models)]
    found = tasks.queue_subject(
        project=project, actor=mia, name="Tiny", source="folder", reference="tiny", device="cpu"
    )
    assert found.run_id is not None
    tasks.check_subject(found.run_id)
    found.refresh_from_db()
    return found


@pytest.fixture
def dictionary(project: Project, mia: User, tmp_path: Path) -> Dictionary:
    folder = tmp_path / "sae"
    folder.mkdir()
    metadata = {"hook_name": "blocks.1.hook_resid_post", "model_name": "tiny"}
    cfg = {
        "architecture": "standard",
        "d_in": WIDTH,
        "d_sae": SIZE,
        "apply_b_dec_to_input": True,
        "metadata": metadata,
    }
    (folder / "cfg.json").write_text(json.dumps(cfg))
    rng = np.random.default_rng(7)
    sizes = {"W_enc": (WIDTH, SIZE), "W_dec": (SIZE, WIDTH), "b_enc": (SIZE,), "b_dec": (WIDTH,)}
    tensors = {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()}
    save_file(tensors, folder / "sae_weights.safetensors")
    return add_from_folder(project=project, folder=folder, name="res1", actor=mia)


@pytest.fixture
def probe(project: Project, mia: User) -> Probe:
    return made_probe(project, mia)


def made_probe(project: Project, actor: User) -> Probe:
    card = {
        "kind": "logistic", "model": "tiny", "revision": "unknown", "layer": 1, "hook": "resid_post",
        "convention": "resid_post", "polarity": "high is deceptive", "standardisation": "none",
        "token_rule": "assistant", "aggregation": "max",
        "training": {"text": "nothing: a random direction", "digest": "unknown"},
    }  # fmt: skip
    data = save({"direction": np.random.default_rng(2).normal(size=WIDTH).astype(np.float32)})
    return import_probe(
        project=project,
        data=data,
        file_name="p.safetensors",
        card=card,
        name="Lies",
        slug="lies",
        actor=actor,
    )


def chat(project: Project, said: str, **more: str) -> Transcript:
    asked = ParsedMessage(role="user", text="Did the March payment clear? 3月の入金は？")
    return make.transcript(project, (asked, ParsedMessage(role="assistant", text=said)), **more)


def test_a_model_is_checked_and_shown_as_it_reads(project: Project, mia: User, subject: SubjectModel) -> None:
    assert (subject.state, subject.words) == ("ready", "")
    assert (subject.architecture, subject.n_layers, subject.d_model) == ("LlamaForCausalLM", 3, WIDTH)
    assert len(subject.digest) == len(subject.tokenizer_digest) == 64
    assert any(name.endswith(".safetensors") for name in subject.detail["files"])
    example = subject.detail["example"]
    counted = [example["rendered"][row[0] : row[1]] for row in example["tokens"] if row[5]]
    assert "cleared" in "".join(counted)
    page = signed_in(mia).get(reverse("interp:subject", args=[project.slug, subject.slug])).content.decode()
    assert "How it reads a conversation" in page
    assert "which share it" in page  # the emoji and the other script are several tokens


def test_a_folder_without_a_model_is_refused_in_words(
    project: Project, mia: User, models: Path, settings: Any
) -> None:
    settings.MODEL_FOLDERS = [str(models)]
    (models / "empty").mkdir(exist_ok=True)
    found = tasks.queue_subject(project=project, actor=mia, name="Empty", source="folder", reference="empty")
    assert found.run_id is not None
    tasks.check_subject(found.run_id)
    found.refresh_from_db()
    assert found.state == "refused"
    assert len(found.words) > 20


class Died(BaseException):
    """The process is gone."""


def test_a_capture_is_killed_goes_on_and_is_read_by_lists_and_pages(
    project: Project, mia: User, subject: SubjectModel, dictionary: Dictionary, probe: Probe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    some = [
        chat(project, f"Yes, payment {number} cleared on 14 March ✅." + " really" * number)
        for number in range(8)
    ]
    chat(project, "long " * 2000, external_id="too-long")
    monkeypatch.setattr(capturing, "CHUNK_ROWS", 2)
    made = tasks.queue_capture(
        project=project, subject=subject, chosen=Chosen(), actor=mia,
        wanted=[Wanted(probe=probe), Wanted(dictionary=dictionary, mode="full", features=[3, 40], top=5)],
    )  # fmt: skip
    take, taken = capturing.Carrying._take, []

    def dying(self: capturing.Carrying, outcome: Any) -> bool:
        taken.append(outcome.row.transcript_id)
        if len(taken) == 4:
            raise Died
        return take(self, outcome)

    monkeypatch.setattr(capturing.Carrying, "_take", dying)
    with pytest.raises(Died):
        tasks.capture(made.run_id)
    assert queries.tally_of(made).finished == 2  # one of them may be the one that is too long
    monkeypatch.setattr(capturing.Carrying, "_take", take)
    Run.objects.filter(pk=made.run_id).update(beat_at=None)
    tasks.capture(made.run_id)
    made.refresh_from_db()
    assert Run.objects.get(pk=made.run_id).status == "done"
    assert queries.tally_of(made).plain() == {"waiting": 0, "done": 8, "not_fit": 1, "failed": 0}
    assert made.rows.get(state="not_fit").words
    assert Block.objects.count() == 8
    assert Reading.objects.filter(channel=probe.channel).count() == 8
    assert made.n_tokens > 0
    assert made.seconds > 0
    first = visible_to(mia).blocks([some[0].pk]).get()
    block = read_block(first)
    table = block.tokens
    text = "Yes, payment 0 cleared on 14 March ✅."
    for at in np.flatnonzero(table.counted):
        shown = block.rendered[int(table.at[at]) : int(table.till[at])]
        said = text[int(table.start[at]) : int(table.end[at])]
        assert said.strip() == shown.strip()
    counted = table.counted.astype(bool)
    reading = Reading.objects.get(channel=probe.channel, transcript=some[0])
    assert reading.value == pytest.approx(float(block.row(probe.channel.key)[counted].max()), rel=1e-5)
    assert block.tops["res1"].index.shape == (len(table), 5)
    key = f"sae.{dictionary.slug}.40"
    assert Rollup.objects.filter(channel__key=key).count() == 8
    highest = Rollup.objects.filter(channel=probe.channel).order_by("-value").first()
    assert highest is not None
    words = f"?where={probe.channel.key}+>=+{highest.value}"
    page = signed_in(mia).get(reverse("browse:list", args=[project.slug]) + words).content.decode()
    assert highest.transcript.external_id in page
    assert sum(one.external_id in page for one in some) == 1


def test_equal_captures_say_equal_things(
    project: Project, mia: User, subject: SubjectModel, probe: Probe
) -> None:
    one = chat(project, "Yes, it cleared.")
    values = []
    for _ in range(2):
        made = tasks.queue_capture(
            project=project, subject=subject, wanted=[Wanted(probe=probe)], chosen=Chosen(), actor=mia
        )
        tasks.capture(made.run_id)
        values.append(Rollup.objects.get(channel=probe.channel, transcript=one).value)
    assert values[0] == values[1]
    assert Reading.objects.filter(channel=probe.channel, superseded_at=None).count() == 1


def test_a_model_whose_files_changed_is_not_read(
    project: Project, mia: User, subject: SubjectModel, probe: Probe
) -> None:
    chat(project, "Yes.")
    SubjectModel.objects.filter(pk=subject.pk).update(digest="9" * 64)
    subject.refresh_from_db()
    made = tasks.queue_capture(
        project=project, subject=subject, wanted=[Wanted(probe=probe)], chosen=Chosen(), actor=mia
    )
    tasks.capture(made.run_id)
    run = Run.objects.get(pk=made.run_id)
    assert (run.status, run.note) == ("failed", reader.CHANGED)
