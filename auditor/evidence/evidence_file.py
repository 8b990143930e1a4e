"""The evidence file: what machines make of transcripts, as JSONL or Parquet, made anywhere.

    {"channel": {"key": "probe.deception", "kind": "probe", "unit": "token", "rollup": "max"}}
    {"transcript": {"id": "a1"}, "channel": "judge.m", "value": 7, "label": "lie", "quotes": [{"text": "saved"}]}
    {"transcript": {"id": "a1"}, "channel": "probe.deception", "position": 2, "part": "text",
     "starts": [0, 4], "ends": [4, 9], "values": [0.1, 0.8]}

In Parquet each row is a reading or a track with the same fields as columns (null: not given);
`transcript` is a struct or its two fields are the columns `transcript_id` and
`transcript_fingerprint`, `detail` may be JSON as text, and channels are declared as a JSON list
under the file's metadata key `auditor.channels`. See docs/formats.md.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from auditor.corpus.jsontext import NotJson, decode_json
from auditor.corpus.lines import LINE_LIMIT, read_lines
from auditor.corpus.records import Place, Rejection
from auditor.corpus.sanitise import clean_text
from auditor.evidence.evidence_line import BadLine, read_channel, read_line
from auditor.evidence.records import EvidenceLine

CHANNELS_KEY = b"auditor.channels"
REASON_LIMIT = 500  # characters
_TRACK_ROWS, _READING_ROWS = 16, 1024  # rows held at once, with and without token tracks
_PARQUET = b"PAR1"
Parsed = Iterator[EvidenceLine | Rejection]


def parse(source: BinaryIO, *, name: str) -> Parsed:
    """Every line or row in file order, or why it cannot be used; the content says which form it is."""
    magic = source.read(len(_PARQUET))
    source.seek(0)
    return parse_parquet(source, name=name) if magic == _PARQUET else parse_jsonl(source, name=name)


def parse_jsonl(source: BinaryIO, *, name: str) -> Parsed:
    """One line at a time. Equal keys in one object are an error, as unknown ones are."""
    record = 0
    for line in read_lines(source):
        if line.blank:
            continue
        record += 1
        place = Place(record, line=line.number, start=line.start, length=len(line.data))
        if line.too_long:
            yield Rejection(place, f"the line is longer than {LINE_LIMIT // 1024**2} MB")
            continue
        try:
            yield read_line(decode_json(line.data, duplicates=False), place)
        except (NotJson, BadLine) as problem:
            yield _rejected(place, str(problem))
        except (ValueError, RecursionError):
            yield _rejected(place, "nested too deeply")


def parse_parquet(source: BinaryIO, *, name: str) -> Parsed:
    """One batch of a row group at a time; a row's place is its number in the file, from 1."""
    try:
        file = pq.ParquetFile(source)
        columns = set(file.schema_arrow.names)
        declared = (file.schema_arrow.metadata or {}).get(CHANNELS_KEY)
    except (pa.ArrowException, OSError, ValueError) as problem:
        yield _rejected(Place(0), f"not a Parquet file that can be read: {problem}")
        return
    if declared is not None:
        yield from _declared(declared)
    size = _TRACK_ROWS if columns & {"starts", "ends", "values"} else _READING_ROWS
    record = 0
    try:
        for batch in file.iter_batches(batch_size=size):
            for index in range(batch.num_rows):
                record += 1
                place = Place(record)
                try:
                    yield read_line(_tidy(batch.slice(index, 1).to_pylist()[0]), place)
                except (NotJson, BadLine) as problem:
                    yield _rejected(place, str(problem))
                except (ValueError, RecursionError, OverflowError) as problem:
                    yield _rejected(place, f"the row cannot be read: {problem}")
    except (pa.ArrowException, OSError, ValueError, OverflowError) as problem:
        yield _rejected(Place(record + 1), f"the file cannot be read from here on: {problem}")


def _declared(data: bytes) -> Parsed:
    place = Place(0)
    try:
        channels = decode_json(data, duplicates=False)
        if not isinstance(channels, list):
            raise BadLine("is no list")
        lines = [read_channel(fields, place) for fields in channels]
    except (NotJson, BadLine, ValueError, RecursionError) as problem:
        yield _rejected(place, f"{CHANNELS_KEY.decode()}: {problem}")
        return
    yield from lines


def _tidy(row: dict[str, Any]) -> dict[str, Any]:
    """The row as a line would be: nulls left out, the transcript in one field, JSON columns decoded."""
    line = {name: value for name, value in row.items() if value is not None}
    names = {"transcript_id": "id", "transcript_fingerprint": "fingerprint"}
    split = {key: line.pop(column) for column, key in names.items() if column in line}
    if split:
        if "transcript" in line:
            raise BadLine("transcript is given twice")
        line["transcript"] = split
    for name in ("transcript", "quotes", "detail"):
        if isinstance(line.get(name), str):
            line[name] = decode_json(line[name].encode("utf-8", "surrogatepass"), duplicates=False)
    if isinstance(line.get("quotes"), list):
        line["quotes"] = [
            {k: v for k, v in quote.items() if v is not None} if isinstance(quote, dict) else quote
            for quote in line["quotes"]
        ]
    if isinstance(line.get("detail"), dict):
        line["detail"] = {key: value for key, value in line["detail"].items() if value is not None}
    return line


def _rejected(place: Place, reason: str) -> Rejection:
    return Rejection(place, clean_text(reason[:REASON_LIMIT]))
