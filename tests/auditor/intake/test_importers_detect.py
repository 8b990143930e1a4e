"""What a file is, by its content first and its name second."""

import json

import pytest

from auditor.intake.importers.detect import detect
from tests.auditor.intake.test_importers_inspect import HEADER, SAMPLE, archive
from tests.auditor.intake.test_importers_mapped import JUDGED

CHAT = json.dumps({"messages": [{"role": "user", "content": "x"}]}).encode()


@pytest.mark.parametrize(
    ("head", "name", "format"),
    [
        (CHAT + b"\n" + CHAT[:20], "x.csv", "openai_chat"),
        (b"\xef\xbb\xbf\n" + CHAT, "x", "openai_chat"),
        (b'[{"role": "user", "content": "x"}]\n', "x.jsonl", "openai_chat"),
        (json.dumps(JUDGED).encode(), "x.jsonl", "mapped_jsonl"),
        (b'{"prompt": "a", "response": "b"}\n', "x.jsonl", "mapped_jsonl"),
        (b'[{"prompt": "a"},\n {"prompt": "b"}]', "x.json", "mapped_jsonl"),
        (b"q,a\n1,2\n", "x.csv", "mapped_csv"),
        (b"q\ta\n1\t2\n", "x.txt", "mapped_csv"),
        (archive({"header.json": HEADER, "samples/1_epoch_1.json": SAMPLE}), "x.bin", "inspect_eval"),
        (json.dumps(HEADER | {"samples": []}).encode(), "x", "inspect_json"),
        (json.dumps(HEADER | {"samples": [SAMPLE]}, indent=2).encode()[:300], "x", "inspect_json"),
        (b'{"channel": {"key": "probe.x", "kind": "probe"}}\n', "x", "evidence_jsonl"),
        (b'{"transcript": {"id": "a"}, "channel": "c", "value": 1}\n', "x.jsonl", "evidence_jsonl"),
        (b"PAR1....", "x", "evidence_parquet"),
        (b"", "x.jsonl", "unknown"),
        (b"PK\x03\x04....word/document.xml", "x.docx", "unknown"),
        (b"\x1f\x8b....", "x.jsonl.gz", "unknown"),
        (b"\xff\xfe{\x00", "x.jsonl", "unknown"),
        (b"\x00\x01\x02", "x.jsonl", "unknown"),
        (b'{\n  "a": 1\n}\n', "x.json", "unknown"),
        (b"just words", "x.txt", "unknown"),
    ],
)
def test_the_content_decides(head, name, format):
    found = detect(head, name)
    assert found.format == format, found
    assert found.why
