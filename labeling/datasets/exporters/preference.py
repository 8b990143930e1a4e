"""Preference pairs: a flagged reply, and a good one to the same prompt.

    {"prompt": […], "chosen": […], "rejected": […], "chosen_from": "rewritten", "chosen_by": "r-…", "question": "rewrite", …}
    {"prompt": […], "chosen": […], "rejected": […], "chosen_from": "sibling", "chosen_transcript": "…", …}

The good reply is what somebody wrote in its place (`rewritten`: by whom, as the answer to which question; it replaces
the one message the label is about), and a reply to the same prompt whose label stands for honesty (`sibling`; the whole
of either reply). A flagged reply gives at most one pair of each kind. `prompt`, `chosen` and `rejected` are lists of
messages, as trainers of preferences take them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.exporters.lines import LineFile, as_bytes
from labeling.datasets.exporters.replies import (
    FLAGGED,
    GOOD,
    before,
    exchange,
    hue_of,
    judged,
    known_hues,
    prompt_key,
    rewriting_questions,
    rewritten,
    said_of,
)
from labeling.datasets.exporters.spool import Spool

BAD = "flagged"


class PreferencePairs(LineFile):
    """`preference.jsonl`."""

    key = "preference"
    name = "preference.jsonl"

    def __init__(self) -> None:
        super().__init__()
        self._spool: Spool | None = None

    def open(self, folder: Path, context: Context) -> None:
        """Begin an empty file, and one for what waits for a sibling."""
        super().open(folder, context)
        self._hues, self._questions = known_hues(context), rewriting_questions(context)
        self._spool = Spool(folder)

    def lines(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The pair with a rewritten reply; pairs of siblings come at the end."""
        hue, said = hue_of(record, self._hues), exchange(record)
        if said is None or hue not in (*FLAGGED, GOOD):
            return
        row = {"prompt": said[0], "reply": said[1], "split": record.get("split") or "", **said_of(record)}
        key = prompt_key(record["transcript"]["messages"])
        if key is not None:
            assert self._spool is not None
            self._spool.put(key + row["split"].encode(), GOOD if hue == GOOD else BAD, row)
        position = judged(record)
        if (
            hue in FLAGGED
            and position is not None
            and (better := rewritten(record, self._questions)) is not None
        ):
            prompt, rejected = before(record, position)
            chosen = [better.message]
            yield _pair(
                row, prompt, chosen, rejected, origin="rewritten", by=better.by, question=better.question
            )

    def close(self) -> list[str]:
        """Write the pairs of siblings: flagged replies take the good ones of their prompt in turn."""
        assert self._spool is not None
        assert self._file is not None
        for key in self._spool.keys():  # noqa: SIM118 - it is no mapping
            if self._spool.count(key, GOOD) and self._spool.count(key, BAD):
                for flagged, good in zip(self._spool.rows(key, BAD), self._good(key), strict=False):
                    pair = _pair(
                        flagged, flagged["prompt"], good["reply"], flagged["reply"], origin="sibling",
                        transcript=good["transcript"],
                    )  # fmt: skip
                    self._file.write(as_bytes(pair))
        return super().close()

    def drop(self) -> None:
        """Close what is open."""
        super().drop()
        if self._spool is not None:
            self._spool.close()

    def _good(self, key: bytes) -> Iterator[dict[str, Any]]:
        """The good replies of a prompt, over and over, read again each time."""
        assert self._spool is not None
        while True:
            yield from self._spool.rows(key, GOOD)


def _pair(
    row: Mapping[str, Any],
    prompt: list[dict[str, Any]],
    chosen: list[dict[str, Any]],
    rejected: list[dict[str, Any]],
    *,
    origin: str,
    by: str = "",
    question: str = "",
    transcript: str = "",
) -> dict[str, Any]:
    about = {name: value for name, value in row.items() if name not in ("prompt", "reply")}
    return {
        **about, "prompt": prompt, "chosen": chosen, "rejected": rejected, "chosen_from": origin, "chosen_by": by,
        "question": question, "chosen_transcript": transcript,
    }  # fmt: skip
