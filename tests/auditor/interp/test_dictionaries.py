"""Dictionaries: checked without torch, kept by digest; what is known of their features."""

import io
import json
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel
from auditor.interp import queries
from auditor.interp.actions import dictionaries, features
from auditor.interp.actions.naming import CannotDo
from auditor.interp.models import Dictionary, Explanation, Feature
from tests.auditor.interp import scene


def test_a_folder_becomes_a_dictionary(project: Project, mia: User, tmp_path: Path) -> None:
    made = scene.dictionary(project, mia, tmp_path, sparsity=True)
    assert (made.kind, made.d_in, made.d_sae, made.layer, made.normalization) == (
        "standard",
        8,
        64,
        1,
        "none",
    )
    assert (made.hook, made.model_name, made.neuronpedia_id) == (
        "blocks.1.hook_resid_post",
        "tiny",
        "tiny/1-res",
    )
    with default_storage.open(made.weights, "rb") as kept:
        assert kept.read() == (tmp_path / "sae_weights.safetensors").read_bytes()
    assert Feature.objects.filter(dictionary=made).count() == 64
    assert Feature.objects.get(dictionary=made, index=5).density == pytest.approx(0.01)


def sent(place: Path) -> dict[str, SimpleUploadedFile]:
    return {
        "configuration": SimpleUploadedFile("cfg.json", (place / "cfg.json").read_bytes()),
        "weights": SimpleUploadedFile("w.safetensors", (place / "sae_weights.safetensors").read_bytes()),
        "sparsity": SimpleUploadedFile("s.safetensors", (place / "sparsity.safetensors").read_bytes()),
    }


def test_an_upload_is_the_same_dictionary(project: Project, mia: User, tmp_path: Path) -> None:
    first = scene.dictionary(project, mia, tmp_path, sparsity=True)
    second = dictionaries.add_from_upload(project=project, name="Sent", actor=mia, **sent(tmp_path))
    assert (second.digest, second.weights, second.slug) == (first.digest, first.weights, "sent")


def test_what_is_too_large_is_refused_and_leaves_nothing(
    project: Project, mia: User, tmp_path: Path, settings
) -> None:  # type: ignore[no-untyped-def]
    settings.MAX_UPLOAD_BYTES = 100
    with pytest.raises(CannotDo, match="larger than"):
        dictionaries.add_from_upload(
            project=project, name="Sent", actor=mia, **sent(scene.folder(tmp_path, sparsity=True))
        )
    assert not Dictionary.objects.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "nonsense"}, "kind 'nonsense'"), ({"d_sae": 63}, "W_enc is 8 x 64"), ({"d_in": None}, "d_in"),
        ({"normalize_activations": "expected_average_only_in"}, "norm_scaling_factor"),
        ({"metadata": {"hook_name": "lm_head"}}, "hook"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_field(
    project: Project, mia: User, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    scene.folder(tmp_path)
    cfg = json.loads((tmp_path / "cfg.json").read_text()) | change
    (tmp_path / "cfg.json").write_text(json.dumps(cfg))
    with pytest.raises(CannotDo, match=words):
        dictionaries.add_from_folder(project=project, folder=tmp_path, name="x", actor=mia)
    assert not Dictionary.objects.exists()


def test_weights_that_are_a_pickle_are_refused(project: Project, mia: User, tmp_path: Path) -> None:
    scene.folder(tmp_path)
    (tmp_path / "sae_weights.safetensors").write_bytes(b"\x80\x04\x95" + b"x" * 100)
    with pytest.raises(CannotDo, match="no safetensors file"):
        dictionaries.add_from_folder(project=project, folder=tmp_path, name="x", actor=mia)


def explained(dictionary: Dictionary, actor: User, *lines: object) -> features.Brought:
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return features.import_explanations(
        dictionary=dictionary,
        stream=io.BytesIO(data),
        file_name="batch-0.jsonl",
        actor=actor,
        context_tokens=128,
    )


def test_explanations_come_in_once_and_bad_lines_are_named(
    project: Project, mia: User, tmp_path: Path
) -> None:
    made = scene.dictionary(project, mia, tmp_path)
    lines = [
        {"index": 3, "layer": "1-res", "description": "talk of lies", "explanationModelName": "m"},
        {"index": 3, "layer": "1-res", "frac_nonzero": 0.2},
        {"index": 64, "layer": "1-res", "description": "beyond"},
        {"index": 4, "layer": "2-res", "description": "another layer"},
    ]
    said = explained(made, mia, *lines)
    assert (said.explanations, said.densities, said.rejected) == (1, 1, 2)
    assert said.rejects == [
        "batch-0.jsonl, line 3: there is no feature 64: the dictionary has 64, from 0",
        "batch-0.jsonl, line 4: it is about 2-res, not about 1-res",
    ]
    (one,) = Explanation.objects.all()
    assert (one.text, one.explainer, one.context_tokens, one.source) == (
        "talk of lies",
        "m",
        128,
        "batch-0.jsonl",
    )
    assert one.feature.density == 0.2
    assert explained(made, mia, *lines).explanations == 0


def test_features_are_found_by_words_and_by_number(project: Project, mia: User, tmp_path: Path) -> None:
    made = scene.dictionary(project, mia, tmp_path)
    explained(
        made,
        mia,
        {"index": 3, "description": "talk of lies and denial"},
        {"index": 9, "description": "the word lies"},
    )
    found = lambda words: [row.index for row in queries.features_of(made, words)]  # noqa: E731
    assert found("lies") == [3, 9]
    assert found("denial LIES") == [3]
    assert found("9") == found("#9") == [9]
    assert found("99999999999") == found("nothing") == []


def test_pinning_declares_the_channels_once(project: Project, mia: User, tmp_path: Path) -> None:
    made = scene.dictionary(project, mia, tmp_path)
    assert features.pin_features(dictionary=made, indices=[5, 3, 5], actor=mia) == 2
    assert features.pin_features(dictionary=made, indices=[3], actor=mia) == 0
    assert queries.pinned_indices(made) == [3, 5]
    channel = Channel.objects.get(key="sae.res1.3")
    assert (channel.kind, channel.own, channel.unit, channel.detail["layer"]) == ("sae", True, "token", 1)
    assert "hypothesis" in channel.notice
    assert Channel.objects.filter(key="sae.res1.5.mean").exists()
    for wrong in ([], [64], list(range(600))):
        with pytest.raises(CannotDo):
            features.pin_features(dictionary=made, indices=wrong, actor=mia)


def test_a_person_may_say_what_a_feature_seems_to_be(project: Project, mia: User, tmp_path: Path) -> None:
    made = scene.dictionary(project, mia, tmp_path)
    features.pin_features(dictionary=made, indices=[1], actor=mia)
    feature = Feature.objects.get(dictionary=made, index=1)
    one = features.explain(feature=feature, text=" denials ", actor=mia)
    assert (one.text, one.source, one.explainer) == ("denials", "a person", str(mia))
    for text in ("denials", "  ", "x" * 2001):
        with pytest.raises(CannotDo):
            features.explain(feature=feature, text=text, actor=mia)
