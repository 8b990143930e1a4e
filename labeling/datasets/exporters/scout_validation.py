"""Inspect Scout: validation sets, which `scout scan -V` takes as they are.

    id,target,split
    hYiNhYGk7ctoGuFg4zFUL4,True,test

One file asks whether a scanner finds intent (`True` or `False`; what is undetermined is left out), the other which
label it gives. Scout reads the files by pandas: an id with a comma is a list there, and a label `NA` is nothing.
What CSV cannot carry through that reader stands in the JSON lines alone, which Scout takes as well.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.exporters.lines import as_bytes
from labeling.datasets.exporters.said import decision, fact, hues, name_of

INTENT, LABELS = "scout-validation.csv", "scout-validation-labels.csv"
WHOLE = {INTENT: "scout-validation.jsonl", LABELS: "scout-validation-labels.jsonl"}
# What pandas.read_csv takes for a missing value, and words that Scout turns into something else.
MISSING = frozenset(
    ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
     "NaN", "None", "n/a", "nan", "null")
)  # fmt: skip
OTHERWISE = frozenset(("true", "True", "false", "False"))
_NUMBER = re.compile(
    r"\s*[+-]?(\d[\d_]*\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|\s*[+-]?inf(inity)?\s*", re.IGNORECASE
)
_CANONICAL = re.compile(r"0|[1-9]\d{0,14}")


class ScoutValidation:
    """Two CSV files and the same as JSON lines."""

    key = "scout"

    def __init__(self) -> None:
        self._files: dict[str, TextIO] = {}

    def open(self, folder: Path, context: Context) -> None:
        """Begin with the heads."""
        self._hues = hues(context)
        self._head = ["id", "target", *(["split"] if context.splits else [])]
        for name in (INTENT, LABELS, *WHOLE.values()):
            self._files[name] = (folder / name).open("w", encoding="utf-8", newline="")
        for name in WHOLE:
            csv.writer(self._files[name]).writerow(self._head)

    def write(self, record: Mapping[str, Any], line: bytes) -> None:
        """Append the case to each file that can say it."""
        for name, target in self._targets(record):
            ident = transcript_id(record)
            case = {"id": ident, "target": target, "split": record.get("split")}
            self._files[WHOLE[name]].write(as_bytes({key: case[key] for key in self._head}).decode())
            if survives(ident, target):
                csv.writer(self._files[name]).writerow([case[key] for key in self._head])

    def close(self) -> list[str]:
        """End the files."""
        self.drop()
        return sorted(self._files)

    def drop(self) -> None:
        """Close what is open."""
        for file in self._files.values():
            file.close()

    def _targets(self, record: Mapping[str, Any]) -> Iterator[tuple[str, bool | str]]:
        held = decision(record)
        if not held["label"]:
            return
        hue = self._hues.get(held["group"], "undetermined")
        if hue != "undetermined":
            yield INTENT, hue == "intent"
        yield LABELS, held["label"]


def transcript_id(record: Mapping[str, Any]) -> str:
    """What Scout calls the transcript: the sample's uuid where a log gave one, else its name."""
    return str(fact(record, "uuid") or name_of(record))


def survives(ident: str, target: bool | str) -> bool:
    """Whether Scout reads the same id and target from CSV."""
    if "," in ident or ident != ident.strip() or ident.startswith("[") or ident in MISSING | OTHERWISE:
        return False
    if _NUMBER.fullmatch(ident) and not _CANONICAL.fullmatch(ident):
        return False
    if isinstance(target, bool):
        return True
    return target not in MISSING | OTHERWISE and not _NUMBER.fullmatch(target)
