"""Inspect: each decision as an edit of a sample's score, with who made it and why.

    {"sample_id": "pay-1", "epoch": 1, "score_name": "auditor", "edit": {"value": "D", "explanation": "…",
     "provenance": {"author": "r-…", "reason": "…"}}}

`edit` is what `inspect_ai.log.ScoreEdit` takes. Samples are named as the log that was imported named them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from labeling.datasets.exporters.lines import LineFile
from labeling.datasets.exporters.said import (
    BLIND,
    FINAL,
    decision,
    fact,
    identity,
    name_of,
    newest_at,
    shares,
    spans,
)

SCORE = "auditor"
EPOCH = "_epoch_"


class InspectEdits(LineFile):
    """`inspect-score-edits.jsonl`."""

    key = "inspect"
    name = "inspect-score-edits.jsonl"

    def lines(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """One edit, of a score that Inspect makes where the sample has none of its name."""
        held = decision(record)
        if not held["label"]:
            return
        sample, epoch = sample_of(record)
        yield {
            "sample_id": sample,
            "epoch": epoch,
            "uuid": fact(record, "uuid"),
            "score_name": SCORE,
            "edit": {
                "value": held["label"],
                "answer": held["words"],
                "explanation": held["reason"] or f"{held['words']} ({held['how']})",
                "metadata": {
                    "group": held["group"],
                    "grade": held["grade"],
                    "shares": shares(record),
                    "final": newest_at(record, FINAL),
                    "blind": newest_at(record, BLIND),
                    "spans": spans(record),
                    "split": record.get("split"),
                    "probability": (record.get("sampling") or {}).get("probability"),
                    "transcript": identity(record),
                },
                "provenance": {
                    "author": held["adjudicator"] or f"{held['kind']}: {held['how']}",
                    "reason": f"{self.context.name}: {held['how']}",
                    "metadata": {"release": self.context.name, "codebook": held["codebook_digest"]},
                },
            },
        }


def sample_of(record: Mapping[str, Any]) -> tuple[str, int]:
    """(id, epoch) of the sample: epochs after the first stand behind the name of an imported one."""
    name, epoch = name_of(record), fact(record, "epoch")
    if isinstance(epoch, int):
        return name.removesuffix(f"{EPOCH}{epoch}"), epoch
    stem, found, number = name.rpartition(EPOCH)
    return (stem, int(number)) if found and number.isascii() and number.isdigit() else (name, 1)
