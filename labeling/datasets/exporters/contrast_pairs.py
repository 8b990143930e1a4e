"""Contrast pairs for probes: on one prompt, a reply with intent and an honest one.

    {"prompt": […], "positive": {"reply": […], "label": "D", …}, "negative": {"reply": […], "label": "H", …}, "split": "train"}

Replies of one prompt and split are paired one to one in the release's order; what has no partner is left out. Nothing is used
twice, so pairs are as independent as their prompts.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.exporters.lines import LineFile, as_bytes
from labeling.datasets.exporters.replies import GOOD, exchange, hue_of, known_hues, prompt_key, said_of
from labeling.datasets.exporters.spool import Spool

INTENT = "intent"


class ContrastPairs(LineFile):
    """`contrast-pairs.jsonl`."""

    key = "contrast"
    name = "contrast-pairs.jsonl"

    def __init__(self) -> None:
        super().__init__()
        self._spool: Spool | None = None

    def open(self, folder: Path, context: Context) -> None:
        """Begin an empty file, and one for what waits for its partner."""
        super().open(folder, context)
        self._hues, self._spool = known_hues(context), Spool(folder)

    def lines(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Nothing at once: the partner may come later."""
        hue, said = hue_of(record, self._hues), exchange(record)
        key = prompt_key(record["transcript"].get("messages") or ())
        if said is not None and key is not None and hue in (INTENT, GOOD):
            assert self._spool is not None
            row = {"prompt": said[0], "reply": said[1], "split": record.get("split") or "", **said_of(record)}
            self._spool.put(key + row["split"].encode(), hue, row)
        return iter(())

    def close(self) -> list[str]:
        """Write the pairs."""
        assert self._spool is not None
        assert self._file is not None
        for key in self._spool.keys():  # noqa: SIM118 - it is no mapping
            pairs = zip(self._spool.rows(key, INTENT), self._spool.rows(key, GOOD), strict=False)
            for positive, negative in pairs:
                self._file.write(as_bytes(_pair(positive, negative)))
        return super().close()

    def drop(self) -> None:
        """Close what is open."""
        super().drop()
        if self._spool is not None:
            self._spool.close()


def _pair(positive: dict[str, Any], negative: dict[str, Any]) -> dict[str, Any]:
    prompt, split = positive["prompt"], positive["split"]
    sides = [
        {name: value for name, value in one.items() if name not in ("prompt", "split")}
        for one in (positive, negative)
    ]
    return {"prompt": prompt, "positive": sides[0], "negative": sides[1], "split": split}
