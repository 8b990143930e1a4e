"""The forms in which verdicts on transcripts we have may come. To add one: write its `parse`, list it here.

A parser is pure: bytes in, `EvidenceLine` and `Rejection` values out. Content decides which form a file has.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO, NamedTuple, Protocol

from auditor.corpus.jsontext import NotJson, decode_json
from auditor.corpus.lines import read_lines
from auditor.corpus.records import Rejection
from auditor.corpus.tables import MAGIC, columns_of
from auditor.evidence import (
    annotations,
    bloom_verdicts,
    evidence_file,
    neuronpedia,
    scout_scan,
    tensor_tracks,
)
from auditor.evidence.bloom_verdicts import BLOOM_JUDGMENT as BLOOM_JUDGMENT
from auditor.evidence.bloom_verdicts import BLOOM_TURNS as BLOOM_TURNS
from auditor.evidence.records import EvidenceLine

HEAD_LINES = 20
HEAD_LIMIT = 4 * 1024 * 1024  # bytes of one line that are looked at


class EvidenceParser(Protocol):
    """What every form provides; `source` is a binary file that can seek."""

    def __call__(self, source: BinaryIO, *, name: str) -> Iterator[EvidenceLine | Rejection]: ...


class EvidenceFormat(NamedTuple):
    """One form, as people are told of it."""

    title: str
    parser: EvidenceParser
    extensions: tuple[str, ...]


class Begun(Protocol):
    """What is known of a file before it is read: its first bytes and records, its columns if it is a table."""

    @property
    def data(self) -> bytes: ...
    @property
    def records(self) -> Sequence[Any]: ...
    @property
    def columns(self) -> Sequence[str]: ...


class Beginning(NamedTuple):
    """The plainest `Begun`."""

    data: bytes = b""
    records: Sequence[Any] = ()
    columns: Sequence[str] = ()


EVIDENCE_JSONL, EVIDENCE_PARQUET = "evidence_jsonl", "evidence_parquet"
SCOUT_SCAN, OPENINFERENCE = "scout_scan", "openinference_annotations"
NEURONPEDIA, TENSOR_TRACKS = "neuronpedia_activations", "tensor_tracks"

EVIDENCE_FORMATS: dict[str, EvidenceFormat] = {
    EVIDENCE_JSONL: EvidenceFormat("Evidence file (JSONL)", evidence_file.parse_jsonl, (".jsonl",)),
    EVIDENCE_PARQUET: EvidenceFormat("Evidence file (Parquet)", evidence_file.parse_parquet, (".parquet",)),
    SCOUT_SCAN: EvidenceFormat("Results of an Inspect Scout scan", scout_scan.parse, (".parquet",)),
    BLOOM_JUDGMENT: EvidenceFormat("Judgments of a Bloom run", bloom_verdicts.parse, (".json",)),
    BLOOM_TURNS: EvidenceFormat("Judged turns of a Bloom run", bloom_verdicts.parse, (".json",)),
    OPENINFERENCE: EvidenceFormat("OpenInference annotations", annotations.parse, (".jsonl",)),
    NEURONPEDIA: EvidenceFormat("Activations from Neuronpedia", neuronpedia.parse, (".json", ".jsonl")),
    TENSOR_TRACKS: EvidenceFormat("Token tracks (safetensors)", tensor_tracks.parse, (".safetensors",)),
}


def sniff(begun: Begun) -> tuple[str, str, float] | None:
    """(key of `EVIDENCE_FORMATS`, why, confidence) if the file holds verdicts on transcripts we have."""
    for key, knows in _SNIFFERS.items():
        if found := knows(begun):
            return key, *found
    return None


def sniffer(key: str) -> Callable[[Begun], tuple[str, float] | None]:
    """What says whether a file has the form `key`: why, and how sure."""
    return _SNIFFERS[key]


def form_of(source: BinaryIO) -> str:
    """The key of the form that a file has; the evidence file where none is plain."""
    begun = _look(source)
    source.seek(0)
    found = sniff(begun)
    return found[0] if found else EVIDENCE_PARQUET if begun.columns else EVIDENCE_JSONL


def parse(source: BinaryIO, *, name: str) -> Iterator[EvidenceLine | Rejection]:
    """Every line or row of a file of any form, in file order, or why it cannot be used."""
    return EVIDENCE_FORMATS[form_of(source)].parser(source, name=name)


def _look(source: BinaryIO) -> Beginning:
    magic = source.read(len(MAGIC))
    source.seek(0)
    if magic == MAGIC:
        return Beginning(columns=columns_of(source) or ("",))
    data = source.read(bloom_verdicts.HEAD)
    source.seek(0)
    lines = islice(read_lines(source, HEAD_LIMIT), HEAD_LINES)
    return Beginning(data, [_decoded(line.data) for line in lines])


def _decoded(data: bytes) -> Any:
    try:
        return decode_json(data)
    except (NotJson, RecursionError):
        return None


def _evidence_lines(begun: Begun) -> tuple[str, float] | None:
    first = next((record for record in begun.records if isinstance(record, Mapping)), None)
    if first is None:
        return None
    declares = (
        set(first) == {"channel"} and isinstance(first["channel"], Mapping) and "key" in first["channel"]
    )
    about = first.get("transcript")
    speaks = isinstance(about, Mapping) and bool({"id", "fingerprint"} & set(about)) and "channel" in first
    return ("the lines declare channels or name a transcript and a channel", 1.0) if declares or speaks else None  # fmt: skip


def _evidence_table(begun: Begun) -> tuple[str, float] | None:
    about = {"transcript", "transcript_id", "transcript_fingerprint"}
    if "channel" in begun.columns and about & set(begun.columns):
        return "a Parquet table whose rows name a transcript and a channel", 1.0
    return None


def _scan(begun: Begun) -> tuple[str, float] | None:
    if scout_scan.is_scan(begun.columns):
        return "a Parquet table with the columns of an Inspect Scout scan", 1.0
    return None


def _annotations(begun: Begun) -> tuple[str, float] | None:
    if begun.records and annotations.is_annotated(begun.records[0]):
        return "spans with OpenInference annotations and no conversation", 0.95
    return None


def _bloom(begun: Begun, key: str) -> tuple[str, float] | None:
    said = "the judgments" if key == BLOOM_JUDGMENT else "judged turns"
    by_record = bool(begun.records) and bloom_verdicts.form_of_record(begun.records[0]) == key
    if not begun.columns and (by_record or bloom_verdicts.form_of(begun.data) == key):
        return f"{said} of a Bloom run: verdicts on its transcripts", 1.0
    return None


def _activations(begun: Begun) -> tuple[str, float] | None:
    by_record = bool(begun.records) and neuronpedia.is_response(begun.records[0])
    if not begun.columns and (by_record or neuronpedia.begins_so(begun.data)):
        return "activations as Neuronpedia's inference server gives them", 1.0
    return None


def _tensors(begun: Begun) -> tuple[str, float] | None:
    if tensor_tracks.begins_so(begun.data):
        return "safetensors with the places of tokens and a tensor for each channel", 1.0
    return None


_SNIFFERS: dict[str, Callable[[Begun], tuple[str, float] | None]] = {
    NEURONPEDIA: _activations,  # before evidence lines, whose names it has too
    EVIDENCE_JSONL: _evidence_lines,
    EVIDENCE_PARQUET: _evidence_table,
    SCOUT_SCAN: _scan,
    BLOOM_JUDGMENT: lambda begun: _bloom(begun, BLOOM_JUDGMENT),
    BLOOM_TURNS: lambda begun: _bloom(begun, BLOOM_TURNS),
    OPENINFERENCE: _annotations,
    TENSOR_TRACKS: _tensors,
}
