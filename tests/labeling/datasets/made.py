"""Records of a release as plain data, for formats: no database."""

import copy
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from labeling.codebooks.defaults import DEFAULT, text_of
from labeling.codebooks.definition import dump
from labeling.codebooks.parts import Codebook
from labeling.codebooks.written import read_text
from labeling.datasets.exporters import Context, RecordFiles, exporters_of

GROUPS = {"D": "intent", "K": "hallucination", "U": "hallucination", "H": "honest", "?": "undetermined"}


def codebook(*, rewrite: bool = True) -> dict[str, Any]:
    """The default codebook, with a question for a better reply."""
    read = read_text(text_of(DEFAULT)).codebook
    assert isinstance(read, Codebook)
    plain = copy.deepcopy(dump(read))
    if rewrite:
        plain["questions"].append(
            {"key": "rewrite", "text": "What should it have said?", "kind": "text", "required": False}
        )
    return plain


def context(
    *, splits: Iterable[str] = (), channels: Iterable[str] = ("judge.quill",), **more: Any
) -> Context:
    """What is known of a release."""
    definition = more.pop("definition", None) or codebook()
    labels = [
        {"label": one["code"], "words": one["words"], "group": one["group"], "definition": one["definition"]}
        for one in definition["labels"]
    ]
    return Context(
        name="First", licence="cc-by-4.0", labels=labels, definition=definition, splits=tuple(splits),
        channels=tuple({"key": key, "name": key, "kind": "judge", "scale": [0, 100]} for key in channels), **more,
    )  # fmt: skip


def message(position: int, role: str, text: str, **more: Any) -> dict[str, Any]:
    """One turn."""
    plain = {
        "position": position,
        "role": role,
        "text": text,
        "reasoning": "",
        "parts": [],
        "source_id": "",
        "model": "",
    }
    return {**plain, **more}


def label(reviewer: str = "r-ana", code: str = "D", *, stage: str = "final", **more: Any) -> dict[str, Any]:
    """One reviewer's label."""
    plain = {
        "reviewer": reviewer, "stage": stage, "number": 1, "stands": stage == "final", "label": code, "derived_label": code,
        "group": GROUPS[code], "grade": "I0", "grade_cap": "I0", "answers": {}, "confidence": 3, "rationale": "Because.",
        "lowered_reason": "", "missing_tests": [], "units": [], "spans": [], "flag": "", "evidence_seen": [], "relied_on": [],
        "active_seconds": 10, "late": False, "codebook": 1, "codebook_digest": "c" * 64,
    }  # fmt: skip
    return {**plain, **more}


def record(number: int = 0, code: str = "D", **more: Any) -> dict[str, Any]:
    """A record; `reply`, `prompt`, `answers`, `split`, `external_id`, `metadata` and parts by name are one's own."""
    reply, prompt = more.pop("reply", f"Reply {number}."), more.pop("prompt", "Did it clear?")
    external_id = more.pop("external_id", f"pay-{number}")
    transcript = {
        "external_id": external_id, "record_digest": f"{number:064x}", "ordinal": 0, "fingerprint": f"{number + 1:064x}",
        "prompt_digest": "p" * 32, "model": "m-7b", "conditions": {"arm": "base"}, "metadata": more.pop("metadata", {}),
        "warnings": [], "parent": None, "shared": 0,
        "source": {"file": "a.jsonl", "sha256": "a" * 64, "format": "openai_chat", "place": {"record": number + 1}},
        "messages": more.pop("messages", [message(0, "user", prompt), message(1, "assistant", reply, reasoning="Hm.")]),
    }  # fmt: skip
    mark = {
        "kind": "misleads",
        "position": 1,
        "part": "text",
        "start": 0,
        "end": 5,
        "quote": "Reply",
        "unit": 0,
    }
    answers = more.pop("answers", {})
    ruling = {
        "label": code, "words": f"words of {code}", "group": GROUPS[code], "grade": "I0", "rule": "adjudicator", "number": 1,
        "rule_number": 0, "reason_code": "", "reason": "The log decides.", "answers": answers, "units": [], "spans": [mark],
        "adjudicator": "r-ada", "took": None, "mixed": {}, "cites": [], "codebook": 1, "codebook_digest": "c" * 64,
        "missing_tests": [],
    }  # fmt: skip
    source = {
        "kind": "adjudicated", "label": code, "words": f"words of {code}", "group": GROUPS[code], "grade": "I0",
        "how": "adjudicator", "share": 0.5, "of": 2,
    }  # fmt: skip
    evidence = {
        "channel": "judge.quill", "kind": "judge", "unit": "transcript", "digest": "d" * 64, "value": 70.5, "label": "",
        "n": 1, "readings": [],
    }  # fmt: skip
    plain = {
        "transcript": transcript, "round": {"name": "Round", "policy": "reveal", "codebook": 1, "codebook_digest": "c" * 64, "escalation": ""},
        "source": source, "split": None, "group": "g", "soft": [{"label": code, "n": 1, "share": 0.5}, {"label": "?", "n": 1, "share": 0.5}],
        "ruling": ruling, "earlier_rulings": [],
        "labels": [label("r-ana", code, stage="blind"), label("r-ana", code), label("r-bo", "?")],
        "sampling": {
            "sample": "Sample", "design": "uniform", "seed": 7, "stratum": "all", "stratum_size": 10, "stratum_drawn": 5,
            "order": number, "probability": 0.25, "overall": None, "carries_back": True, "frame_size": 10,
        },
        "evidence": [evidence],
    }  # fmt: skip
    return {**plain, **more}


def written(
    folder: Path, records: Iterable[Mapping[str, Any]], *keys: str, about: Context | None = None
) -> list[str]:
    """The names of the files that these formats make of the records."""
    folder.mkdir(parents=True, exist_ok=True)
    with RecordFiles(folder, exporters_of(keys), about or context()) as files:
        for one in records:
            files.write(one)
    return files.names


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
