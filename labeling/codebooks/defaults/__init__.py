"""The codebooks that come with the app, as their authors wrote them."""

from pathlib import Path

SHIPPED = {
    "intent_versus_hallucination": "Intent versus hallucination: a decision path with derived labels and intent grades",
    "flag": "Flag: does a whole transcript need a closer look, and why",
}
DEFAULT = "intent_versus_hallucination"


def text_of(name: str) -> str:
    """The YAML of one of `SHIPPED`."""
    return (Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8")
