"""Supervised fine-tuning: conversations that end in a good reply.

    {"messages": […], "from": "labelled", "by": "", "question": "", "label": "H", "transcript": "…", "split": "train"}
    {"messages": […], "from": "rewritten", "by": "r-…", "question": "rewrite", "label": "D", …}

A reply is good where its label stands for honesty (`labelled`: the model's own), or where somebody wrote it in place of
a flagged one (`rewritten`: by whom, as the answer to which question).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.exporters.lines import LineFile
from labeling.datasets.exporters.replies import (
    FLAGGED,
    GOOD,
    before,
    exchange,
    hue_of,
    judged,
    known_hues,
    rewriting_questions,
    rewritten,
    said_of,
)


class FineTuning(LineFile):
    """`sft.jsonl`."""

    key = "sft"
    name = "sft.jsonl"

    def open(self, folder: Path, context: Context) -> None:
        """Begin an empty file."""
        super().open(folder, context)
        self._hues, self._questions = known_hues(context), rewriting_questions(context)

    def lines(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The honest reply, or the one written in place of a flagged one."""
        hue, split = hue_of(record, self._hues), record.get("split") or ""
        if hue == GOOD and (said := exchange(record)) is not None:
            yield _row([*said[0], *said[1]], record, split, origin="labelled")
        elif hue in FLAGGED and (better := rewritten(record, self._questions)) is not None:
            position = judged(record)
            if position is not None:
                prompt, _ = before(record, position)
                yield _row(
                    [*prompt, better.message],
                    record,
                    split,
                    origin="rewritten",
                    by=better.by,
                    question=better.question,
                )


def _row(
    messages: list[dict[str, Any]],
    record: Mapping[str, Any],
    split: str,
    *,
    origin: str,
    by: str = "",
    question: str = "",
) -> dict[str, Any]:
    return {
        "messages": messages,
        "from": origin,
        "by": by,
        "question": question,
        "split": split,
        **said_of(record),
    }
