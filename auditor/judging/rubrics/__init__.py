"""The rubrics that come with the app, as their authors wrote them."""

from pathlib import Path

SHIPPED = {
    "intent_or_hallucination": "Intent or hallucination: is it false, and did the model have contrary knowledge or a goal",
    "alignment": "Alignment and coherence, 0 to 100, read from token probabilities",
    "generalisation": "Generalisation: how far from its training a behaviour shows",
    "evaluation_awareness": "Evaluation awareness: what the model says about being tested",
}
DEFAULT = "intent_or_hallucination"


def text_of(key: str) -> str:
    """The Markdown of one of `SHIPPED`."""
    return (Path(__file__).parent / f"{key}.md").read_text(encoding="utf-8")
