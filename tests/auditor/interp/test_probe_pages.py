"""Pages of probes and features: the card in words, rates beside every score, whole messages, and nothing that is veiled."""

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from safetensors.numpy import save

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from auditor.evidence.actions import lay_veils
from auditor.interp import reader, tasks
from auditor.interp.actions.captures import Wanted
from auditor.interp.actions.controls import choose_threshold
from auditor.interp.models import ControlScore, Explanation, Feature, Probe, SubjectModel, Threshold
from auditor.interp.probe_file import read_probe
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.interp import scene
from tests.auditor.interp.scene import CARD, D_IN
from tests.auditor.interp.scripted import Script
from tests.auditor.interp.test_probes import added
from tests.people import signed_in

LONG = "A plain beginning. " * 40 + "Then unquestionably the peak. " + "And an ordinary end. " * 40


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    monkeypatch.setattr(reader, "open_reader", made.open_reader)
    return made


@pytest.fixture
def tiny(project: Project, mia: User) -> SubjectModel:
    return scene.subject(project, mia)


def chat(project: Project, said: str) -> Transcript:
    return make.transcript(
        project,
        (ParsedMessage(role="user", text="Did it clear?"), ParsedMessage(role="assistant", text=said)),
    )


def captured(project: Project, owner: User, subject: SubjectModel, *wanted: Wanted) -> None:
    made = tasks.queue_capture(project=project, subject=subject, wanted=wanted, chosen=Chosen(), actor=owner)
    tasks.capture(made.run_id)


def page(person: User, name: str, project: Project, *args: Any, query: str = "") -> str:
    answer = signed_in(person).get(reverse(f"interp:{name}", args=[project.slug, *args]) + query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def words_of(text: str) -> str:
    """What a page says, without its elements."""
    return html.unescape(re.sub(r"<[^>]+>", "", text)).replace("\u00a0", " ")


def test_a_probe_page_says_its_card_and_shows_whole_messages(
    project: Project, mia: User, vic: User, tiny: SubjectModel, script: Script
) -> None:
    probe = added(project, mia, card=CARD | {"convention": "hidden_states", "layer": 1}, subject=tiny)
    chat(project, LONG)
    chat(project, "No.")
    captured(project, mia, tiny, Wanted(probe=probe))
    text = words_of(page(vic, "probe", project, probe.pk))
    for words in (
        "High is deceptive", "entry n of hidden_states", "blocks.0.hook_resid_post", "greatest of the counted tokens",
        "activations are taken as they are", "Not tried on honest look-alikes yet", "Not yet measured against adjudicated labels",
        "A plain beginning.", "And an ordinary end.", "unquestionably",
    ):  # fmt: skip
        assert words in text, words
    assert text.count("A plain beginning.") == text.count(
        "And an ordinary end."
    )  # the message, not a snippet of it
    assert "Choose a threshold" not in text  # Vic only reads


def test_rates_stand_on_the_page_and_beside_every_score(
    project: Project, mia: User, tiny: SubjectModel, script: Script
) -> None:
    probe = added(project, mia, subject=tiny)
    transcript = chat(project, LONG)
    captured(project, mia, tiny, Wanted(probe=probe))
    client = signed_in(mia)
    client.post(reverse("interp:score", args=[project.slug, probe.channel_id]), {"subject": tiny.pk})
    assert "being read" in page(mia, "probe", project, probe.pk)
    tasks.score_controls(ControlScore.objects.values_list("run", flat=True)[0])
    assert "once a threshold is chosen" in page(mia, "probe", project, probe.pk)
    address = reverse("interp:threshold", args=[project.slug, probe.channel_id])
    client.post(address, {"by": "rate", "wanted": "5", "packs": ["plain"]})
    chosen = Threshold.objects.get(superseded_at=None)
    assert (chosen.wanted, chosen.control) == (0.05, "plain answers, read by Tiny")
    text = page(mia, "probe", project, probe.pk)
    for words in (
        "Honest sarcasm",
        "Clopper and Pearson",
        "plain answers, read by Tiny",
        "Near the threshold",
    ):
        assert words in text, words
    assert text.count('<svg class="rate') == 7
    beside = client.get(reverse("browse:transcript", args=[project.slug, transcript.pk])).content.decode()
    assert "On honest look-alikes" in beside
    assert "95% interval" in beside
    assert reverse("interp:of", args=[project.slug, probe.channel_id]) in beside
    other = chat(project, LONG)
    compared = client.get(
        reverse("browse:compare", args=[project.slug]), {"ids": f"{transcript.pk},{other.pk}"}
    )
    assert "On honest look-alikes" in compared.content.decode()
    client.post(address, {"by": "value", "value": "3", "packs": ["plain"]})
    assert Threshold.objects.get(superseded_at=None).value == 3.0
    assert "far more often than its threshold promises" not in page(mia, "probe", project, probe.pk)
    client.post(address, {"by": "value", "value": "nonsense"})
    client.post(address, {"by": "rate", "wanted": "1e99"})
    assert Threshold.objects.count() == 2


def test_the_banner_where_look_alikes_fire_far_more_often(
    project: Project, mia: User, tiny: SubjectModel, script: Script
) -> None:
    probe = added(project, mia, subject=tiny)
    run = tasks.queue_scoring(channels=[probe.channel], subject=tiny, actor=mia)
    tasks.score_controls(run.pk)
    row = ControlScore.objects.get(channel=probe.channel, pack="recital", superseded_at=None)
    row.scores = [one | {"value": 99.0} for one in row.scores]
    row.save()
    choose_threshold(channel=probe.channel, subject=tiny, actor=mia, value=50.0)
    text = page(mia, "probe", project, probe.pk)
    assert "far more often than its threshold promises" in text
    assert "over 5 times" in text


def test_a_feature_is_a_hypothesis_with_its_sources(
    project: Project, mia: User, vic: User, tiny: SubjectModel, script: Script, tmp_path: Path
) -> None:
    sae = scene.dictionary(project, mia, tmp_path)
    unpinned = page(vic, "feature", project, sae.slug, 7)
    assert "Nobody has said what it may stand for" in unpinned
    assert "Nothing is known of it here" in unpinned
    chat(project, LONG)
    captured(project, mia, tiny, Wanted(dictionary=sae, features=[5]))
    feature = Feature.objects.get(dictionary=sae, index=5)
    Explanation.objects.create(
        feature=feature, text="mentions of deception", source="batch-0.jsonl", explainer="gpt-x", context_tokens=64,
        n_examples=20, score=0.7, score_kind="fuzzing",
    )  # fmt: skip
    text = words_of(page(vic, "feature", project, sae.slug, 5))
    for words in (
        "“mentions of deception” is a hypothesis", "batch-0.jsonl, by gpt-x", "20 examples", "64 tokens each",
        "Fuzzing: 0.70", "Not yet measured against adjudicated labels", "unquestionably", "Drawn by lot", "Not tried on honest look-alikes",
    ):  # fmt: skip
        assert words in text, words
    assert signed_in(vic).get(reverse("interp:feature", args=[project.slug, sae.slug, 64])).status_code == 404


def test_what_is_veiled_stays_out(
    project: Project, mia: User, ana: User, tiny: SubjectModel, script: Script
) -> None:
    probe = added(project, mia, subject=tiny)
    hidden = chat(project, "Secretly-and-at-length this was hidden.")
    chat(project, "This is seen.")
    captured(project, mia, tiny, Wanted(probe=probe))
    assert "Secretly-and-at-length" in page(ana, "probe", project, probe.pk)
    lay_veils(person_ids=[ana.pk], transcript_ids=[hidden.pk], round_key="round:1", scopes=["machine"])
    for draw in range(4):
        text = page(ana, "probe", project, probe.pk, query=f"?draw={draw}")
        assert "Secretly" not in text
        assert hidden.name not in text
        assert "This is seen." in words_of(text)
    assert "1 transcript whose evidence is hidden" in words_of(text)


def test_bringing_one_in_by_file_and_fields(project: Project, mia: User, ana: User) -> None:
    address = reverse("interp:new_probe", args=[project.slug])
    assert signed_in(ana).get(address).status_code == 404
    client = signed_in(mia)
    assert client.get(address).status_code == 200
    data = save({"direction": np.ones(D_IN, np.float32)})

    def send(**fields: Any) -> Any:
        file = SimpleUploadedFile("lies.safetensors", fields.pop("data", data))
        return client.post(address, {"file": file, **fields})

    fields = {
        **{key: value for key, value in CARD.items() if key != "training"}, "training": "sentences", "name": "Lies"
    }  # fmt: skip
    answer = send(**fields)
    probe = Probe.objects.get()
    assert answer.headers["Location"] == reverse("interp:probe", args=[project.slug, probe.pk])
    assert probe.card["training"] == {"text": "sentences", "digest": "unknown"}
    again = send(**fields)
    assert again.status_code == 422
    assert "is here already" in again.content.decode()
    by_file = send(name="Other", card_file=SimpleUploadedFile("card.json", json.dumps(CARD).encode()))
    assert by_file.status_code == 302
    missing = send(**{**fields, "polarity": ""})
    assert (missing.status_code, "polarity: it is missing" in missing.content.decode()) == (422, True)
    torch = send(**fields, data=b"\x80\x02}q\x00.")
    assert "convert_probe" in torch.content.decode()
    assert Probe.objects.count() == 2


def test_the_file_that_comes_back_can_be_brought_in_again(project: Project, mia: User, vic: User) -> None:
    probe = added(project, mia)
    answer = signed_in(vic).get(reverse("interp:probe_file", args=[project.slug, probe.pk]))
    held = read_probe(b"".join(answer.streaming_content), name="back")  # type: ignore[attr-defined]
    assert held.card.to_json() == probe.card
    assert answer.headers["Content-Disposition"] == 'attachment; filename="lies-v1.safetensors"'


def test_from_a_channel_to_what_speaks_on_it(
    project: Project, mia: User, tiny: SubjectModel, script: Script
) -> None:
    probe = added(project, mia, subject=tiny)
    captured(project, mia, tiny, Wanted(probe=probe))
    mean = probe.channel.project.channels.get(key="probe.lies.v1.mean")
    judge = make.channel(project)
    client = signed_in(mia)
    for channel, name, args in (
        (probe.channel, "interp:probe", [probe.pk]), (mean, "interp:probe", [probe.pk]),
        (judge, "evidence:channel", [judge.pk]),
    ):  # fmt: skip
        answer = client.get(reverse("interp:of", args=[project.slug, channel.pk]))
        assert answer.headers["Location"] == reverse(name, args=[project.slug, *args])
