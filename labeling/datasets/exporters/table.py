"""CSV: one flat row for each record, for spreadsheets and for people."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import orjson

from auditor.web.sheets import safe
from labeling.datasets.exporters.exporter import Context
from labeling.datasets.exporters.said import (
    BLIND,
    FINAL,
    chat,
    decision,
    identity,
    last_reply,
    newest_at,
    prompt_of,
    shares,
    spans,
)

FIXED = (
    "transcript", "record_digest", "ordinal", "fingerprint", "model", "conditions", "split", "prompt", "reply",
    "label", "words", "group", "grade", "source", "how", "reason", "adjudicator", "spans", "n_reviewers", "final_labels",
    "blind_labels", "shares", "stratum", "probability", "overall",
)  # fmt: skip


class FlatTable:
    """`labels.csv`: what fits into cells; channels of evidence are the last columns.

    A cell that a spreadsheet would take for a formula begins with an apostrophe. What has parts (labels by reviewer,
    shares, spans, conditions) is JSON.
    """

    key = "csv"
    name = "labels.csv"

    def __init__(self) -> None:
        self._file: TextIO | None = None

    def open(self, folder: Path, context: Context) -> None:
        """Begin with the head."""
        self._channels = [one["key"] for one in context.channels]
        self._file = (folder / self.name).open("w", encoding="utf-8", newline="")
        self._sheet = csv.writer(self._file)
        self._sheet.writerow([*FIXED, *(safe(key) for key in self._channels)])

    def write(self, record: Mapping[str, Any], line: bytes) -> None:
        """Append one row."""
        says = {one["channel"]: one for one in record.get("evidence") or ()}
        cells = [*_row(record).values(), *(_said(says.get(key)) for key in self._channels)]
        self._sheet.writerow(["" if cell is None else safe(cell) for cell in cells])

    def close(self) -> list[str]:
        """End the file."""
        self.drop()
        return [self.name]

    def drop(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    transcript, held, sampling = record["transcript"], decision(record), record.get("sampling") or {}
    messages = transcript.get("messages") or ()
    said = (
        transcript.get("external_id") or identity(record),
        transcript["record_digest"],
        transcript["ordinal"],
    )
    about = (transcript["fingerprint"], transcript.get("model"), _json(transcript.get("conditions") or {}))
    prompt = "\n\n".join(f"{one['role']}: {one['content']}" for one in chat(prompt_of(messages)))
    decided = [
        held[name] for name in ("label", "words", "group", "grade", "kind", "how", "reason", "adjudicator")
    ]
    marked = [
        [one["kind"], one["position"], one["part"], one["start"], one["end"], one["quote"]]
        for one in spans(record)
    ]
    final, blind = newest_at(record, FINAL), newest_at(record, BLIND)
    people = (len({*final, *blind}), _json(final), _json(blind), _json(shares(record)))
    odds = [sampling.get(name) for name in ("stratum", "probability", "overall")]
    cells = (
        *said,
        *about,
        record.get("split"),
        prompt,
        last_reply(messages),
        *decided,
        _json(marked),
        *people,
        *odds,
    )
    return dict(zip(FIXED, cells, strict=True))


def _said(evidence: Mapping[str, Any] | None) -> Any:
    """The channel's value on the transcript, or its label where it gives no number."""
    if evidence is None:
        return None
    return evidence["value"] if evidence["value"] is not None else evidence["label"]


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
