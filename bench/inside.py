"""A subject model, a dictionary and a probe as rows, where proofs and figures read with a `PlainReader`."""

from auditor.accounts.models import Project, User
from auditor.evidence.actions import declare_channel
from auditor.interp.models import READY, Dictionary, Probe, SubjectModel

CARD = {
    "kind": "logistic", "model": "plain", "revision": "unknown", "layer": 1, "hook": "resid_post",
    "convention": "resid_post", "polarity": "high is deceptive", "standardisation": "none", "token_rule": "assistant",
    "aggregation": "max", "training": {"text": "nothing", "digest": "unknown"},
}  # fmt: skip


def subject(project: Project, owner: User) -> SubjectModel:
    """A model that counts as checked."""
    return SubjectModel.objects.create(
        project=project, slug="plain", name="Plain", source="folder", reference="plain", state=READY, digest="1" * 64,
        tokenizer_digest="2" * 64, architecture="none", n_layers=24, d_model=2304, created_by=owner,
    )  # fmt: skip


def dictionary(project: Project, owner: User, *, d_sae: int = 65_536) -> Dictionary:
    """A dictionary without weights."""
    return Dictionary.objects.create(
        project=project, slug="res", name="Res", kind="jumprelu", hook="blocks.12.hook_resid_post", layer=12, d_in=2304,
        d_sae=d_sae, normalization="none", weights="dictionaries/none", digest="3" * 64, size=0, created_by=owner,
    )  # fmt: skip


def probe(project: Project, owner: User) -> Probe:
    """A probe without weights."""
    channel = declare_channel(
        project_id=project.pk, key="probe.plain.v1", kind="probe", actor=owner, own=True, name="Plain v1", unit="token",
        polarity=CARD["polarity"],
    )  # fmt: skip
    return Probe.objects.create(
        project=project, slug="plain", name="Plain", kind="logistic", card=CARD, weights="probes/none", digest="4" * 64,
        size=0, channel=channel, created_by=owner,
    )  # fmt: skip
