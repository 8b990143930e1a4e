"""Every record of every format can be fetched again by its place, with the digest it was imported under."""

import dataclasses
import io
import json
from pathlib import Path

import pytest

from auditor.corpus.records import ParsedTranscript, Piece, Place
from auditor.corpus.tables import columns_of
from auditor.intake.importers import FORMATS, refetch
from auditor.intake.importers.detect import HEAD, detect
from auditor.intake.importers.mapped_csv import records as csv_records
from auditor.intake.importers.mapping import Mapping
from auditor.intake.importers.refetch import RecordGone, is_same, record_bytes
from auditor.intake.importers.suggest import suggest
from tests.auditor.intake.reading import REAL, transcripts
from tests.auditor.intake.spans import PHOENIX, RAIN, SUN, TURNS, USER, call, envelope, lines
from tests.auditor.intake.test_importers_inspect import HEADER, SAMPLE, archive
from tests.auditor.intake.test_importers_parquet import CHAT, SCOUT, table

MAPPING = Mapping(conversation="messages")
PLAIN = [{"role": "user", "content": "Did you save?"}, {"role": "assistant", "content": "Ja, schön."}]
EDITS = [
    {"type": "transcript_event", "id": str(n), "view": ["target"], "timestamp": "2026-11-20T00:00:00Z", "edit": edit}
    for n, edit in enumerate([
        {"operation": "add", "message": {"role": "user", "id": "m1", "content": "Did you save?"}},
        {"operation": "add", "message": {"role": "assistant", "id": "m2", "content": "Yes."}},
        {"operation": "rollback", "count": 1},
        {"operation": "add", "message": {"role": "assistant", "id": "m3", "content": "No."}},
    ])
]  # fmt: skip
CLAUDE = [
    {"type": "user", "uuid": "a", "parentUuid": None, "sessionId": "s", "message": {"role": "user", "content": "Hi"}},
    {"type": "assistant", "uuid": "b", "parentUuid": "a", "sessionId": "s",
     "message": {"role": "assistant", "id": "m", "content": [{"type": "text", "text": "Hello"}]}},
    {"type": "assistant", "uuid": "c", "parentUuid": "a", "sessionId": "s",
     "message": {"role": "assistant", "id": "n", "content": [{"type": "text", "text": "Hey"}]}},
]  # fmt: skip
EVALS = [
    {"spec": {"completion_fns": ["m"], "eval_name": "e", "run_id": "r"}},
    {"run_id": "r", "event_id": 0, "sample_id": "s.1", "type": "sampling", "data": {"prompt": PLAIN[:1], "sampled": ["Yes."]}},
    {"run_id": "r", "event_id": 1, "sample_id": "s.1", "type": "match", "data": {"correct": True}},
    {"final_report": {"accuracy": 1}},
]  # fmt: skip
CHUNKED = {"samples/1_epoch_1/sample.json": {k: v for k, v in SAMPLE.items() if k not in ("messages", "attachments")} | {"message_refs": [[0, 3]]},
           "samples/1_epoch_1/messages/0.json": SAMPLE["messages"], "samples/1_epoch_1/attachments/0.json": ["a", "b"]}  # fmt: skip
SAMPLES: dict[str, list[bytes]] = {
    "openai_chat": [lines({"messages": PLAIN}, PLAIN), b"\xef\xbb\xbf" + lines({"messages": PLAIN})[:-1] + b"\r\n\r\n" + lines({"messages": PLAIN})],
    "anthropic": [lines({"system": "Be.", "messages": [PLAIN[0], {"role": "assistant", "content": [{"type": "thinking", "thinking": "x"}]}]})],
    "claude_code": [lines(*CLAUDE)],
    "sharegpt": [lines({"id": "1", "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}),
                 json.dumps([{"id": "1", "conversations": [{"from": "human", "value": "a"}]}], indent=1).encode()],
    "docent": [json.dumps({"id": "r", "transcripts": [{"id": "a", "messages": PLAIN}, {"id": "b", "messages": PLAIN}], "metadata": {}}).encode()],
    "openai_evals": [lines(*EVALS)],
    "inspect_eval": [archive({"header.json": HEADER, "samples/a/b c_epoch_1.json": SAMPLE}), archive({"header.json": HEADER} | CHUNKED)],
    "inspect_json": [json.dumps(HEADER | {"samples": [SAMPLE, SAMPLE]}, indent=2).encode()],
    "petri": [json.dumps({"metadata": {"transcript_id": "x", "version": "v3.0"}, "events": EDITS}).encode()],
    "scout_db": [table([SCOUT, SCOUT | {"transcript_id": "t2"}], row_group_size=1)],
    "otel_genai": [lines(*TURNS, call(5, [USER], [SUN]), call(6, [USER], [RAIN])), json.dumps(envelope(TURNS), indent=3).encode(), lines(TURNS[0])],
    "openinference": [lines(PHOENIX)],
    "mapped_jsonl": [lines({"messages": PLAIN}), json.dumps([{"messages": PLAIN}, {"messages": []}], indent=1).encode()],
    "mapped_csv": [b'id,messages\r\n1,"a\r\nb, c"\r\n2,d\n\n3,"e\n\nf"', b"\xef\xbb\xbfid;messages\n1;x\n"],
    "mapped_parquet": [table([{"messages": CHAT, "n": i} for i in range(5)], row_group_size=2)],
}  # fmt: skip


def fetched(form: str, data: bytes, mapping: Mapping | None = MAPPING) -> int:
    """How many records there are, each of which comes back as it was."""
    found = transcripts(list(FORMATS[form].parser(io.BytesIO(data), name="upload", mapping=mapping)))
    for item in found:
        place = Place.from_json(json.loads(json.dumps(item.place.to_json())))
        assert place == item.place
        again = record_bytes(io.BytesIO(data), place, format=form)
        assert is_same(again, place, item.digest), (form, place)
    return len(found)


def test_there_is_a_sample_of_every_format():
    assert set(SAMPLES) == set(FORMATS)


@pytest.mark.parametrize(
    ("form", "data"), [(form, data) for form, found in SAMPLES.items() for data in found]
)
def test_each_record_comes_back(form, data):
    assert fetched(form, data)


FILES = sorted(path for path in REAL.rglob("*") if path.is_file() and path.suffix != ".md") if REAL.exists() else []  # fmt: skip


@pytest.mark.skipif(not FILES, reason="the research files are not here (looked in ../shared/data)")
def test_each_record_of_the_research_files_comes_back():
    read = 0
    for path in FILES:
        form = detected(path)
        if form not in FORMATS:
            continue
        data = path.read_bytes()
        mapping = suggested(form, data) if FORMATS[form].needs_mapping else None
        read += fetched(form, data, mapping) > 0
    assert read >= 20


def detected(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD)
        return detect(head, path.name, columns=columns_of(file)).format


def suggested(form: str, data: bytes) -> Mapping:
    """The mapping that the first records suggest."""
    if form == "mapped_csv":
        return suggest([row[2] for row in csv_records(io.BytesIO(data)) if isinstance(row, tuple)])
    values = (
        json.loads(data) if data.lstrip()[:1] == b"[" else [json.loads(x) for x in data.splitlines()[:20]]
    )
    return suggest(values[:20])


def test_a_place_that_the_file_does_not_have_says_so():
    data = lines({"messages": PLAIN})
    made = table([{"messages": CHAT}])
    zipped = archive({"header.json": HEADER, "samples/1_epoch_1.json": SAMPLE})
    whole = Place(1, start=0, length=10)
    for form, source, place in (
        ("openai_chat", data, dataclasses.replace(whole, length=len(data) + 1)),
        ("openai_chat", data, dataclasses.replace(whole, start=-1)),
        ("openai_chat", data, Place(1, line=1)),
        ("openai_chat", data, Place(1, pieces=(Piece(0, 5), Piece(len(data), 5)))),
        ("inspect_eval", zipped, Place(1, member="samples/2_epoch_1.json", start=0, length=2)),
        ("inspect_eval", zipped, Place(1, member="header.json", start=0, length=10**6)),
        ("inspect_eval", b"no archive", Place(1, member="header.json")),
        ("mapped_parquet", made, Place(1, row_group=0, row=1)),
        ("mapped_parquet", made, Place(1, row_group=1, row=0)),
        ("mapped_parquet", data, Place(1, row_group=0, row=0)),
    ):
        with pytest.raises(RecordGone):
            record_bytes(io.BytesIO(source), place, format=form)


def test_a_record_is_bounded_before_it_is_read(monkeypatch):
    monkeypatch.setattr(refetch, "RECORD_LIMIT", 8)
    with pytest.raises(RecordGone, match="larger than"):
        record_bytes(io.BytesIO(b"x" * 20), Place(1, pieces=(Piece(0, 5), Piece(5, 5))), format="otel_genai")


def test_other_bytes_are_not_taken_for_the_same():
    data = lines({"messages": PLAIN})
    (item,) = FORMATS["openai_chat"].parser(io.BytesIO(data), name="x")
    assert isinstance(item, ParsedTranscript)
    changed = record_bytes(io.BytesIO(data.replace(b"save", b"sawe")), item.place, format="openai_chat")
    assert not is_same(changed, item.place, item.digest)
