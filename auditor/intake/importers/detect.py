"""Which format a file has: its content decides, its name only where the content leaves it open."""

import re
from dataclasses import dataclass
from typing import Any

from auditor.corpus.jsontext import NotJson, decode_json
from auditor.intake.importers.suggest import suggest

HEAD = 256 * 1024  # bytes that `detect` should be given; fewer will often do
EVIDENCE_JSONL, EVIDENCE_PARQUET, UNKNOWN = "evidence_jsonl", "evidence_parquet", "unknown"
_BOM = b"\xef\xbb\xbf"
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7-zip",
}
_INSPECT = re.compile(rb'\A\s*\{\s*"(version|status|eval)"\s*:')


@dataclass(frozen=True, slots=True)
class Detection:
    """A key of `FORMATS`, one of the evidence formats, or "unknown"; and why."""

    format: str
    why: str
    confidence: float  # 0 to 1


def detect(head: bytes, name: str) -> Detection:
    """The format of a file that begins with `head` (its first `HEAD` bytes) and is called `name`."""
    name = name.lower()
    head = head.removeprefix(_BOM)
    return _by_magic(head, name) or _by_text(head, name)


def _by_magic(head: bytes, name: str) -> Detection | None:
    if not head.strip():
        return _unknown("the file is empty")
    if head.startswith(b"PK\x03\x04"):
        inside = any(member in head for member in (b"_journal/start.json", b"samples/", b"header.json"))
        if inside or name.endswith(".eval"):
            return Detection(
                "inspect_eval", "a zip archive with the members of an Inspect log", 1.0 if inside else 0.7
            )
        return _unknown("a zip archive, but not an Inspect log: unpack it first")
    if head.startswith(b"PAR1"):
        return Detection(
            EVIDENCE_PARQUET, "a Parquet file; the evidence file is the one Parquet form we read", 0.7
        )
    for magic, packer in _PACKED.items():
        if head.startswith(magic):
            return _unknown(f"packed with {packer}: unpack it first")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _unknown("text in UTF-16: save it as UTF-8")
    return _unknown("a binary file") if b"\x00" in head[:4096] else None


def _by_text(head: bytes, name: str) -> Detection:
    body = head.lstrip()
    if body.startswith(b"{"):
        return _by_object(head, name)
    if body.startswith(b"["):
        value = _decoded(body.partition(b"\n")[0])
        if isinstance(value, list) and value and all(_is_message(item) for item in value):
            return Detection("openai_chat", "each line is a list of messages", 0.8)
        return Detection("mapped_jsonl", "one JSON list of records", 0.7)
    header = body.partition(b"\n")[0]
    delimiters = max(header.count(sign) for sign in (b",", b"\t", b";"))
    if name.endswith((".csv", ".tsv")) or (delimiters and b"\n" in body):
        why = "a header row and rows under it" if delimiters else "the name says CSV"
        return Detection("mapped_csv", why, 0.9 if delimiters and name.endswith((".csv", ".tsv")) else 0.5)
    return _unknown("neither JSON nor a table")


def _by_object(head: bytes, name: str) -> Detection:
    lines = [line for line in head.split(b"\n") if line.strip()]
    complete = lines if head.endswith(b"\n") or len(lines) == 1 else lines[:-1]
    records = [value for line in complete[:20] if isinstance(value := _decoded(line), dict)]
    if not records:
        return _by_start(head, name)
    first = records[0]
    if "eval" in first and ("samples" in first or "status" in first):
        return Detection("inspect_json", "one object with the fields of an Inspect log", 1.0)
    if _is_evidence(first):
        return Detection(EVIDENCE_JSONL, "the lines declare channels or name a transcript and a channel", 1.0)
    talking = [record for record in records if _is_conversation(record.get("messages"))]
    scores = suggest(records).scores
    if talking and scores:
        return Detection("mapped_jsonl", f"conversations with scores beside them ({scores[0].path})", 0.8)
    if talking:
        return Detection("openai_chat", "each line has a list of messages with roles", 0.95)
    return Detection("mapped_jsonl", "each line is an object, but without a list of messages", 0.8)


def _by_start(head: bytes, name: str) -> Detection:
    """One object that goes on beyond the head, or over several lines."""
    if _INSPECT.match(head) and b'"eval"' in head:
        return Detection("inspect_json", "begins like an Inspect log", 0.95)
    first = head.lstrip().partition(b"\n")[0]
    if b"\n" in head.strip() and len(first) < 1000:
        return _unknown("one JSON object over several lines: we read one record per line, or one JSON list")
    if b'"messages"' in head:
        return Detection("openai_chat", "a very long first line with messages", 0.5)
    return Detection("mapped_jsonl", "a very long first line", 0.3)


def _is_evidence(record: dict[str, Any]) -> bool:
    if set(record) == {"channel"} and isinstance(record["channel"], dict):
        return "key" in record["channel"]
    about = record.get("transcript")
    return isinstance(about, dict) and bool({"id", "fingerprint"} & set(about)) and "channel" in record


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and _is_message(value[0])


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str)


def _decoded(line: bytes) -> Any:
    try:
        return decode_json(line)
    except NotJson:
        return None


def _unknown(why: str) -> Detection:
    return Detection(UNKNOWN, why, 0.0)
