"""Subject models, dictionaries and probes as rows and files, small enough to make in a moment."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from auditor.accounts.models import Project, User
from auditor.interp.actions.dictionaries import add_from_folder
from auditor.interp.models import READY, Dictionary, Probe, SubjectModel
from tests import make

D_IN, D_SAE = 8, 64
CARD: dict[str, Any] = {
    "kind": "logistic", "model": "tiny", "revision": "unknown", "layer": 1, "hook": "resid_post",
    "convention": "resid_post", "polarity": "high is deceptive", "standardisation": "none", "token_rule": "assistant",
    "aggregation": "max", "training": {"text": "sentences written for a test", "digest": "unknown"},
}  # fmt: skip


def subject(project: Project, owner: User, **more: Any) -> SubjectModel:
    """A model that is checked."""
    given: dict[str, Any] = {
        "slug": "tiny", "name": "Tiny", "source": "folder", "reference": "tiny", "state": READY, "digest": "1" * 64,
        "tokenizer_digest": "2" * 64, "architecture": "LlamaForCausalLM", "n_layers": 2, "d_model": D_IN, "context": 4096,
        "template_from": "model", "chat_template": "{{ messages }}", "created_by": owner,
        "detail": {
            "parameters": 1000, "vocabulary": 100, "files": {},
            "example": {"rendered": "user: Ja.", "tokens": [[0, 5, 1, -1, 1, 0], [6, 9, 2, 0, 0, 1]]},
        },
    }  # fmt: skip
    return SubjectModel.objects.create(project=project, **(given | more))


def folder(
    place: Path, *, kind: str = "standard", layer: int = 1, sparsity: bool = False, **more: Any
) -> Path:
    """A dictionary in SAELens's layout."""
    place.mkdir(parents=True, exist_ok=True)
    cfg = {
        "architecture": kind, "d_in": D_IN, "d_sae": D_SAE, "dtype": "float32", "apply_b_dec_to_input": True,
        "normalize_activations": "none", "k": 4,
        "metadata": {"hook_name": f"blocks.{layer}.hook_resid_post", "model_name": "tiny", "neuronpedia_id": "tiny/1-res"},
    } | more  # fmt: skip
    (place / "cfg.json").write_text(json.dumps(cfg))
    rng = np.random.default_rng(3)
    tensors = {
        "W_enc": rng.normal(size=(D_IN, D_SAE)), "b_enc": np.zeros(D_SAE), "W_dec": rng.normal(size=(D_SAE, D_IN)),
        "b_dec": np.zeros(D_IN), "threshold": np.full(D_SAE, 0.1),
    }  # fmt: skip
    save_file(
        {name: value.astype(np.float32) for name, value in tensors.items()}, place / "sae_weights.safetensors"
    )
    if sparsity:
        save_file({"sparsity": np.full(D_SAE, -2.0, dtype=np.float32)}, place / "sparsity.safetensors")
    return place


def dictionary(project: Project, owner: User, place: Path, *, slug: str = "res1", **more: Any) -> Dictionary:
    """A dictionary of the project, added from a folder."""
    return add_from_folder(project=project, folder=folder(place, **more), name=slug, actor=owner)


def probe(project: Project, owner: User, *, slug: str = "lies", **more: Any) -> Probe:
    """A probe of the project whose weights nobody opens."""
    card = CARD | more
    channel = make.channel(
        project,
        f"probe.{slug}.v1",
        kind="probe",
        name=f"{slug} v1",
        own=True,
        unit="token",
        polarity=card["polarity"],
    )
    return Probe.objects.create(
        project=project, slug=slug, name=slug.title(), kind=card["kind"], card=card, weights="probes/none", digest="3" * 64,
        size=1, channel=channel, created_by=owner,
    )  # fmt: skip


def trained() -> dict[str, Any]:
    """What a training keeps, invented."""
    figure = {
        "estimate": 0.8, "low": 0.7, "high": 0.9, "level": 0.95, "seed": 0, "resamples": 1000, "n_positive": 20,
        "n_negative": 20,
    }  # fmt: skip
    part = {"positive": 20, "negative": 20, "groups": 40}
    return {
        "kind": "logistic", "layer": 1, "seed": 0, "test": figure, "held": None, "surface": figure, "surface_held": None,
        "gain": [-0.1, 0.1], "random_labels": [0.4, 0.6], "own_splits": False, "warnings": [], "left_out": [],
        "n_left_out": 0, "n_groups": 80, "counts": {"train": part, "test": part, "held": part},
        "tried": [{"kind": "logistic", "layer": layer, "auroc": 0.6, "folds": [0.6]} for layer in (0, 1)],
    }  # fmt: skip
