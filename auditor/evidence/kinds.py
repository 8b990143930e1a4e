"""Kinds of evidence: what each may show, and the one-line warning that belongs beside it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of channel."""

    key: str
    name: str
    hue: str  # the colour it has on every page: judge, probe, sae, score, human
    warning: str  # why it is no proof


KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind("judge", "Judge", "judge", "A judge's verdict shifts with prompt, threshold and version, and judges err together."),
        Kind("probe", "Probe", "probe", "A probe reads topic and regime as readily as intent; it may fire on honest text."),
        Kind("sae", "SAE feature", "sae", "A feature's name is a hypothesis from short snippets, and no proof."),
        Kind("score", "Score", "score", "A score that came with the log; see the log's own scorer for what it means."),
        Kind("belief_check", "Belief check", "score", "Asking in a fresh context is not the original context."),
        Kind("resample", "Resample", "score", "Varied samples cannot see stable errors, and cannot see lies."),
        Kind("counterfactual", "Counterfactual", "score", "An edit may change what the model believes, not only what it wants."),
        Kind("self_report", "Self-report", "score", "Asked afterwards, the model is in another mode and knows only some of its errors."),
        Kind("human", "People", "human", "What reviewers and adjudicators decided."),
    )
}  # fmt: skip
OTHER = Kind("other", "Other", "score", "Its producer did not say what kind of evidence it is.")


def kind_of(key: str) -> Kind:
    """The registered kind, or `OTHER` for one we do not know."""
    return KINDS.get(key, OTHER)
