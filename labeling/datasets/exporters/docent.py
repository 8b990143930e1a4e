"""Docent: a label set with its schema, and a label for each run.

    docent-label-set.json   {"name": …, "description": …, "label_schema": {…}}   for `create_label_set`
    docent-labels.jsonl     {"agent_run_id": "…", "label_value": {"label": "D", "explanation": "…", …}}

Docent gives the set its id, which each label then names as `label_set_id`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from labeling.datasets.exporters.lines import LineFile, write_document
from labeling.datasets.exporters.said import decision, identity, name_of, shares, spans

LABEL_SET = "docent-label-set.json"


class DocentLabels(LineFile):
    """`docent-labels.jsonl` and `docent-label-set.json`."""

    key = "docent"
    name = "docent-labels.jsonl"

    def lines(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The decision on the run that the transcript came from."""
        held = decision(record)
        if not held["label"]:
            return
        run, _, transcript = name_of(record).partition(
            "/"
        )  # several transcripts of one run are imported as run/transcript
        value = {
            "label": held["label"],
            "words": held["words"],
            "group": held["group"],
            "grade": held["grade"],
            "explanation": _explained(record),
            "shares": shares(record),
            "transcript": identity(record),
        }
        yield {
            "agent_run_id": run,
            "label_value": value,
            "metadata": {"transcript_id": transcript, "split": record.get("split")},
        }

    def close(self) -> list[str]:
        """End the file, and write what the set is."""
        codebook = self.context.definition
        schema = {
            "type": "object",
            "properties": {
                "label": {"type": "string", "enum": [one["label"] for one in self.context.labels]},
                "words": {"type": "string"},
                "group": {"type": "string", "enum": [one["key"] for one in codebook.get("groups", ())]},
                "grade": {"type": "string", "enum": [one["code"] for one in codebook.get("grades", ())]},
                "explanation": {"type": "string", "citations": True},
                "shares": {"type": "object", "additionalProperties": {"type": "number"}},
                "transcript": {"type": "string"},
            },
            "required": ["label"],
        }
        about = {"name": self.context.name, "description": codebook.get("title", ""), "label_schema": schema}
        return [*super().close(), write_document(self.folder / LABEL_SET, about)]


def _explained(record: Mapping[str, Any]) -> str:
    """The reason, then the words that the decision rests on."""
    quotes = [f"{one['kind']}: “{one['quote']}”" for one in spans(record) if one.get("quote")]
    return "\n".join([one for one in (decision(record)["reason"], *quotes) if one])
