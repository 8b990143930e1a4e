"""Labels of a release train a probe: asked for, carried, resumed, shown; a scripted reader stands where the model would."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from auditor.evidence.actions import lay_veils
from auditor.interp import learning, tasks
from auditor.interp.actions.naming import CannotDo
from auditor.interp.models import READY, Probe, ProbeTraining, SubjectModel
from auditor.runs.actions import Cancelled
from labeling.adjudication import actions as adjudication
from labeling.datasets.actions import train_probe
from labeling.datasets.models import Release
from labeling.datasets.probing import CannotProbe
from tests import make
from tests.labeling.datasets.conftest import released
from tests.people import signed_in

pytestmark = pytest.mark.django_db
EACH, LAYERS, WIDTH = 27, 4, 6
WORDS = [f"word{n}" for n in range(400)]


@pytest.fixture
def subject(project: Project, mia: User) -> SubjectModel:
    return SubjectModel.objects.create(
        project=project, slug="tiny", name="Tiny", source="folder", reference="tiny", state=READY, digest="d" * 64,
        n_layers=LAYERS, d_model=WIDTH, created_by=mia,
    )  # fmt: skip


@pytest.fixture
def release(project: Project, ana: User, bo: User, mia: User) -> Release:
    """54 agreed items: half of them deceive; 14 come from another model."""
    draw = np.random.default_rng(1)
    transcripts = [
        make.transcript(
            project,
            [
                ParsedMessage(role="user", text=" ".join(draw.choice(WORDS, 12))),
                ParsedMessage(role="assistant", text=" ".join(draw.choice(WORDS, 30))),
            ],
            model="m-70b" if n % 8 < 2 else "m-7b",
        )
        for n in range(2 * EACH)
    ]
    round = make.round(project, transcripts, [ana, bo], policy="blind_only", name="Round")
    for n, item in enumerate(round.items.order_by("order")):
        for person in (ana, bo):
            make.label(item, person, "D" if n % 2 else "H")
    adjudication.settle_due()
    return released(round, mia)


@dataclass(frozen=True)
class Facts:
    n_layers: int = LAYERS
    d_model: int = WIDTH


class Scripted:
    """Where a loaded model would be."""

    facts = Facts()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The label shows at layer 2 alone; which transcripts were read, and when."""
    asked: list[list[int]] = []

    def read(found: ProbeTraining, subject: Any, ids: list[int], layers: list[int]) -> learning.Gathered:
        asked.append(list(ids))
        labels = {one["transcript"]: one["label"] for one in found.examples}
        order = {
            one["transcript"]: number for number, one in enumerate(found.examples)
        }  # not by id: those vary
        rows = [np.random.default_rng(order[pk]).normal(size=(len(layers), WIDTH)) for pk in ids]
        for pk, row in zip(ids, rows, strict=True):
            row[layers.index(2), 0] += 6 * labels[pk]
        form = np.random.default_rng(1000 + order[ids[0]]).normal(size=(len(ids), 2))
        return learning.Gathered(list(ids), np.array(rows, np.float32), form, {})

    monkeypatch.setattr(learning.reader, "checked", lambda subject: Scripted())
    monkeypatch.setattr(learning, "_read", read)
    return asked


def ask(release: Release, subject: SubjectModel, actor: User, **more: Any) -> ProbeTraining:
    made = train_probe(
        release=release, subject=subject, name="Plan", positive=["D"], negative=["H"], actor=actor, **more
    )
    tasks.train_probe(made.run_id)
    made.refresh_from_db()
    return made


def test_the_probe_is_one_like_any_other_and_says_where_it_comes_from(
    release: Release, subject: SubjectModel, mia: User, reads: list[list[int]]
) -> None:
    made = ask(release, subject, mia, seed=3)
    assert made.probe is not None, made.run.note
    card, result = made.probe.card, made.result
    assert (made.probe.channel.key, card["layer"], result["layer"]) == ("probe.plan.v1", 2, 2)
    assert card["polarity"] == "high is like D, low like H"
    assert card["training"]["digest"] == learning.training_digest(made.examples, made.settings)
    assert result["test"]["estimate"] > 0.95
    assert result["test"]["seed"] == 3
    assert abs(np.mean(result["random_labels"]) - 0.5) < 0.25
    assert result["counts"]["train"]["positive"] + result["counts"]["test"]["positive"] == EACH
    assert sum(map(len, reads)) == 2 * EACH
    assert not default_storage.exists(f"trainings/{made.pk}/0.safetensors")
    assert ask(release, subject, mia, seed=3).probe == made.probe
    assert Probe.objects.count() == 1


def test_a_stopped_training_reads_no_transcript_twice_and_a_cancelled_one_leaves_no_probe(
    release: Release,
    subject: SubjectModel,
    mia: User,
    reads: list[list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, calls = learning._read, []

    def stops(*given: Any) -> learning.Gathered:
        calls.append(given)
        if len(calls) == 2:
            raise RuntimeError("the machine goes down")
        return real(*given)

    monkeypatch.setattr(learning, "_read", stops)
    made = ask(release, subject, mia)
    assert made.probe is None
    assert made.run.status == "queued"
    tasks.train_probe(made.run_id)
    made.refresh_from_db()
    assert made.probe is not None
    assert sorted(pk for some in reads for pk in some) == sorted(one["transcript"] for one in made.examples)

    def cancelled(*given: Any) -> learning.Gathered:
        raise Cancelled("asked")

    monkeypatch.setattr(learning, "_read", cancelled)
    made = ask(release, subject, mia, seed=9)
    assert (made.run.status, made.probe) == ("cancelled", None)
    assert not default_storage.exists(f"trainings/{made.pk}/0.safetensors")


def test_a_model_is_held_out_and_what_cannot_be_is_refused(
    release: Release, subject: SubjectModel, mia: User, ana: User, reads: list[list[int]]
) -> None:
    made = ask(release, subject, mia, held_out="model=m-70b")
    assert made.result["held"]["n_positive"] + made.result["held"]["n_negative"] == 14
    assert made.result["counts"]["train"]["groups"] + made.result["counts"]["test"]["groups"] == 40
    with pytest.raises(CannotProbe, match="labelled S"):
        train_probe(release=release, subject=subject, name="P", positive=["S"], negative=["H"], actor=mia)
    with pytest.raises(CannotDo, match="blocks 0 to 3, and no 9"):
        ask(release, subject, mia, layers=[9])
    with pytest.raises(CannotDo, match="no kind"):
        ask(release, subject, mia, kinds=["svm"])
    ids = list(release.items.values_list("item__transcript_id", flat=True))
    lay_veils(person_ids=[ana.pk], transcript_ids=ids[:1], round_key="round:x", scopes=["human"])
    with pytest.raises(CannotProbe, match="hidden from you"):
        ask(release, subject, ana)
    subject.state = "unchecked"
    with pytest.raises(CannotDo, match="that is checked"):
        ask(release, subject, mia)


def test_asked_for_in_the_browser_and_from_the_command_line(
    project: Project, release: Release, subject: SubjectModel, mia: User, ana: User, reads: list[list[int]],
    capsys: Any,
) -> None:  # fmt: skip
    address = reverse("datasets:probe", args=[project.slug, release.pk])
    browser = signed_in(mia)
    page = browser.get(address).content.decode()
    assert "model: m-70b (14)" in page
    said = {
        "name": "Plan or slip", "subject": subject.pk, "positive": ["D"], "negative": ["H"], "held_out": "",
        "kinds": ["mean_difference", "logistic"], "tokens": "last", "layers": "1, 2", "seed": 5,
    }  # fmt: skip
    wrong = browser.post(address, {**said, "negative": ["D"]})
    assert wrong.status_code == 422
    assert "D cannot be on both sides" in wrong.content.decode()
    assert browser.post(address, {**said, "layers": "all"}).status_code == 422
    done = browser.post(address, said)
    made = ProbeTraining.objects.get()
    assert done["Location"] == reverse("interp:training", args=[project.slug, made.pk])
    assert made.settings == {
        "kinds": ["mean_difference", "logistic"], "layers": [1, 2], "tokens": "last", "seed": 5,
    }  # fmt: skip
    assert "Training" in browser.get(done["Location"]).content.decode()
    tasks.train_probe(made.run_id)
    page = browser.get(done["Location"]).content.decode()
    assert "AUROC on groups kept apart" in page
    assert "Dealt labels" in page
    assert page.count('<circle class="spot') == 4
    lay_veils(
        person_ids=[ana.pk], transcript_ids=[made.examples[0]["transcript"]], round_key="r", scopes=["human"]
    )
    veiled = signed_in(ana).get(done["Location"]).content.decode()
    assert "still hidden from you" in veiled
    assert "AUROC" not in veiled
    assert signed_in(ana).get(address).status_code == 404
    asked = [
        "train_probe", "--project", project.slug, "--as", mia.email, "--dataset", release.name, "--model", "tiny",
        "--name", "Plan", "--with", "D", "--without", "H",
    ]  # fmt: skip
    call_command(*asked)
    assert "54 examples" in capsys.readouterr().out
    with pytest.raises(CommandError, match="No item of the dataset is labelled Z"):
        call_command(*asked[:-1], "Z")
    with pytest.raises(CommandError, match="no such dataset"):
        call_command(*[*asked[:6], "none", *asked[7:]])
