"""Which format a file has: its content decides, its name only where the content leaves it open.

Every format that knows its own says how sure it is (`sniff`); the surest wins, and among equals the
one listed first. Where none knows the file, its first bytes and its shape still say what it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from auditor.corpus.sanitise import clean_text
from auditor.evidence.bloom_verdicts import BLOOM_JUDGMENT, BLOOM_TURNS
from auditor.evidence.formats import EVIDENCE_JSONL as EVIDENCE_JSONL
from auditor.evidence.formats import EVIDENCE_PARQUET as EVIDENCE_PARQUET
from auditor.evidence.formats import sniff as sniff_evidence
from auditor.intake.importers import (
    anthropic,
    bloom,
    claude_code,
    docent,
    inspect_eval,
    inspect_json,
    mapped_parquet,
    openai_chat,
    openai_evals,
    openinference,
    otel,
    petri,
    scout_db,
    sharegpt,
)
from auditor.intake.importers.head import HEAD as HEAD  # how much to give to `detect`
from auditor.intake.importers.head import Head, is_tar
from auditor.intake.importers.parquet import table_columns
from auditor.intake.importers.paths import look_up, split_path
from auditor.intake.importers.suggest import suggest

UNKNOWN = "unknown"
ARCHIVE = "archive"  # of files, each to be looked at on its own
PACKED = "packed"  # one file, compressed
_OFFICE = (b"[Content_Types].xml", b"word/", b"xl/", b"ppt/", b"mimetypeapplication/vnd.oasis")
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_PACKERS = ("gzip", "zstd", "bzip2", "xz")


@dataclass(frozen=True, slots=True)
class Detection:
    """A key of `FORMATS`, one of the evidence formats, "archive", "packed" or "unknown"; and why."""

    format: str
    why: str
    confidence: float  # 0 to 1


Sniff = Callable[[Head], tuple[str, float] | None]  # (why, confidence)

# The most specific first: among equally sure ones the first wins.
SNIFFERS: list[tuple[str, Sniff]] = [
    ("inspect_eval", inspect_eval.sniff),
    ("inspect_json", inspect_json.sniff),
    (BLOOM_JUDGMENT, bloom.sniff_judgment),
    (BLOOM_TURNS, bloom.sniff_turns),
    ("petri", petri.sniff),
    ("scout_db", scout_db.sniff),
    ("openinference", openinference.sniff),
    ("otel_genai", otel.sniff),
    ("claude_code", claude_code.sniff),
    ("openai_evals", openai_evals.sniff),
    ("docent", docent.sniff),
    ("sharegpt", sharegpt.sniff),
    ("anthropic", anthropic.sniff),
    ("openai_chat", openai_chat.sniff),
    ("mapped_parquet", mapped_parquet.sniff),
]


def detect(head: bytes, name: str, tail: bytes = b"", columns: tuple[str, ...] = ()) -> Detection:
    """The format of a file that begins with `head` (its first `HEAD` bytes) and is called `name`.

    Args:
        tail: its last bytes, where they are at hand: some forms keep their directory there.
        columns: of a Parquet file, `parquet.columns_of(source)`; a file in `head` or `tail` tells them itself.
    """
    looked = Head(head, name, tail, columns)
    looked.columns = table_columns(looked)
    best = _by_magic(looked) or _by_shape(looked)
    if (verdicts := sniff_evidence(looked)) and verdicts[2] > best.confidence:
        best = Detection(*verdicts)
    for key, sniff in SNIFFERS:
        if (found := sniff(looked)) and found[1] > best.confidence:
            best = Detection(key, *found)
    return replace(best, why=clean_text(best.why))  # it may name what stands in the file


def _by_magic(head: Head) -> Detection | None:
    if not head.data.strip():
        return _unknown("the file is empty")
    match head.magic:
        case "zip":
            if any(member in head.data for member in _OFFICE):
                return _unknown("an office document: save it as CSV or JSON")
            return Detection(ARCHIVE, "a zip archive of files", 0.6)
        case "tar":
            return Detection(ARCHIVE, "a tar archive of files", 0.9)
        case "parquet":
            return Detection(EVIDENCE_PARQUET, "a Parquet file whose columns are not at hand", 0.1)
        case "7-zip":
            return _unknown("packed with 7-zip: unpack it first")
        case "utf-16":
            return _unknown("text in UTF-16: save it as UTF-8")
        case "binary":
            return _unknown("a binary file")
        case form if form in _PACKERS:
            if is_tar(head.unpacked) or (not head.unpacked and head.name.endswith(_TARS)):
                return Detection(ARCHIVE, f"a tar archive, packed with {form}", 0.9)
            return Detection(PACKED, f"a file packed with {form}", 0.9)
    return None


def _by_shape(head: Head) -> Detection:
    """Records without a form of their own, and what is no JSON."""
    if head.records and head.shape != "object":
        return _records(head)
    if head.shape == "list":
        return Detection("mapped_jsonl", "one JSON list of records", 0.3)
    if head.shape == "object":
        first = head.data.lstrip().partition(b"\n")[0]
        if b"\n" in head.data.strip() and len(first) < 1000:
            return _unknown("one JSON object over several lines, and none of a form we know")
        return Detection("mapped_jsonl", "a very long first line", 0.3)
    body = head.data.lstrip()
    header = body.partition(b"\n")[0]
    delimiters = max(header.count(sign) for sign in (b",", b"\t", b";"))
    if head.name.endswith((".csv", ".tsv")) or (delimiters and b"\n" in body):
        why = "a header row and rows under it" if delimiters else "the name says CSV"
        sure = delimiters and head.name.endswith((".csv", ".tsv"))
        return Detection("mapped_csv", why, 0.9 if sure else 0.5)
    return _unknown("neither JSON nor a table")


def _records(head: Head) -> Detection:
    records = [record for record in head.records if isinstance(record, dict)]
    if head.shape == "list":
        return Detection("mapped_jsonl", "one JSON list of records", 0.3)
    found = suggest(records)
    if any(_talks(record, found.conversation) for record in records):
        if found.scores:
            why = f"conversations with scores beside them ({found.scores[0].path})"
            return Detection("mapped_jsonl", why, 0.8)
        return Detection("mapped_jsonl", f"conversations under {found.conversation}", 0.6)
    return Detection("mapped_jsonl", "each line is an object, but without a list of messages", 0.3)


def _talks(record: dict[str, Any], path: str) -> bool:
    return bool(path) and openai_chat.is_conversation(look_up(record, split_path(path)))


def _unknown(why: str) -> Detection:
    return Detection(UNKNOWN, why, 0.0)
