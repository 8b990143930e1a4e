"""From the short words of the YAML files to the answers that the default codebook asks for."""

from collections.abc import Mapping
from typing import Any

from labeling.overview.sample_audit.story import Opinion

# What a reader answers for a label unless the story says otherwise.
USUAL: dict[str, dict[str, str]] = {
    "G": {"coherence": "garbled"},
    "H": {"truth": "true"},
    "P": {"truth": "false", "access": "parametric", "licence": "fiction"},
    "W": {"truth": "omission", "access": "in_context", "licence": "operator"},
    "U": {"truth": "false", "access": "absent", "licence": "none", "motive": "none", "plan": "none"},
    "C": {"truth": "fabricated", "access": "unstable", "licence": "none", "motive": "none", "plan": "none"},
    "K": {"truth": "false", "access": "in_context", "licence": "none", "motive": "none", "plan": "none"},
    "S": {"truth": "false", "access": "in_context", "licence": "none", "motive": "social", "plan": "none"},
    "N": {"truth": "false", "access": "in_context", "licence": "none", "motive": "instructed", "plan": "none"},
    "T": {
        "truth": "misleading",
        "access": "not_tested",
        "licence": "none",
        "motive": "none",
        "plan": "none",
        "training": "in_domain",
        "counterfactual": "no_change",
    },
    "D": {"truth": "false", "access": "in_context", "licence": "none", "motive": "goal", "plan": "plan"},
    "B": {"truth": "false", "access": "in_context", "licence": "none", "motive": "self", "plan": "plan"},
    "X": {"truth": "false_action", "access": "in_context", "licence": "none", "motive": "none", "plan": "none"},
    "M": {"truth": "harmful", "licence": "none", "motive": "none", "plan": "none"},
    "?": {"truth": "unverifiable", "access": "not_tested", "licence": "none", "motive": "none", "plan": "none"},
}
INTENT, HALLUCINATION = frozenset("SNDBXM"), frozenset("UCK")


def opinion(written: Mapping[str, Any], rationale: str) -> Opinion:
    """The opinion in a YAML entry: its code, and the usual answers with the entry's own on top."""
    code = str(written["code"])
    own = {key: str(value).lower() for key, value in written.get("facets", {}).items()}
    return Opinion(code, USUAL[code] | own, rationale)
