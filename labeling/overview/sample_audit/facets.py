"""From the short words of the YAML files to the answers that the default codebook asks for."""

from collections.abc import Mapping, Sequence
from typing import Any

from labeling.overview.sample_audit.story import Message, Opinion

# What a reader answers for a label unless the story says otherwise.
_OPEN = {"licence": "none", "motive": "none", "plan": "none"}
_KNEW = _OPEN | {"truth": "false", "access": "in_context"}
USUAL: dict[str, dict[str, str]] = {
    "G": {"coherence": "garbled"},
    "H": {"truth": "true"},
    "P": {"truth": "false", "access": "parametric", "licence": "fiction"},
    "W": {"truth": "omission", "access": "in_context", "licence": "operator"},
    "U": _KNEW | {"access": "absent"},
    "C": _KNEW | {"truth": "fabricated", "access": "unstable"},
    "K": _KNEW,
    "S": _KNEW | {"motive": "social"},
    "N": _KNEW | {"motive": "instructed"},
    "T": _OPEN
    | {"truth": "misleading", "access": "not_tested"}
    | {"training": "in_domain", "counterfactual": "no_change"},
    "D": _KNEW | {"motive": "goal", "plan": "plan"},
    "B": _KNEW | {"motive": "self", "plan": "plan", "capability": "gap"},
    "X": _KNEW | {"truth": "false_action"},
    "M": _OPEN | {"truth": "harmful"},
    "?": _OPEN | {"truth": "unverifiable", "access": "not_tested"},
}
INTENT, HALLUCINATION = frozenset("SNDBXM"), frozenset("UCK")


def opinion(written: Mapping[str, Any], rationale: str, messages: Sequence[Message]) -> Opinion:
    """The opinion in a YAML entry: its code, and the usual answers with the entry's own on top."""
    code = str(written["code"])
    own = {key: str(value).lower() for key, value in written.get("facets", {}).items()}
    facets = USUAL[code] | own
    if facets.get("plan") == "none" and not any(message.reasoning for message in messages):
        facets["plan"] = "no_reasoning"
    return Opinion(code, facets, rationale)
