"""Nothing that a file may hold makes a parser raise, hang or hand on what PostgreSQL would refuse."""

import io
import json
import zipfile
from random import Random
from time import perf_counter
from typing import Any

from auditor.corpus.records import ParsedTranscript, Rejection
from auditor.intake.importers import FORMATS
from auditor.intake.importers.mapping import from_json

CHAT = {
    "id": "a/1", "model": "m", "score": 3.5,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "héllo 😀"}]},
        {"role": "assistant", "content": None, "reasoning_content": "think",
         "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "42"},
    ],
}  # fmt: skip
INSPECT: dict[str, Any] = {
    "version": 2, "status": "success", "eval": {"task": "t", "model": "m"},
    "samples": [{"id": 1, "epoch": 1, "messages": [{"role": "user", "content": "x"}], "scores": {"s": {"value": 1}}}],
}  # fmt: skip


def _eval_log(compression: int) -> bytes:
    """A small log as a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr(
            "header.json", json.dumps({key: value for key, value in INSPECT.items() if key != "samples"})
        )
        for epoch in (1, 2):
            archive.writestr(
                f"samples/1_epoch_{epoch}.json", json.dumps({**INSPECT["samples"][0], "epoch": epoch})
            )
    return out.getvalue()


SEEDS = {
    "openai_chat": [json.dumps(CHAT).encode()],
    "mapped_jsonl": [json.dumps(CHAT).encode()],
    "mapped_csv": [b'id,messages,score\n1,"[{""role"": ""user"", ""content"": ""x""}]",3\n'],
    "inspect_json": [json.dumps(INSPECT).encode()],
    "inspect_eval": [_eval_log(zipfile.ZIP_DEFLATED), _eval_log(zipfile.ZIP_STORED)],
}
MAPPING = {
    "conversation": "messages",
    "id": ["id"],
    "scores": [{"path": "score", "channel": "score.s", "kind": "score"}],
}
SPITE = [
    b"\x00",
    b"\xff\xfe",
    b"NaN",
    b"\\ud800",
    b'"',
    b"[" * 300,
    b"{",
    b"}",
    b"1e999",
    b"\r\n",
    b"null",
    b"\xf0\x9f",
]


def prove(seed: int, files: int = 200_000) -> dict[str, Any]:
    """Parse mutated files of every format; report what raised, what PostgreSQL would refuse, and the slowest."""
    rng = Random(seed)
    raised: list[str] = []
    refused = records = rejections = 0
    slowest = 0.0
    keys = sorted(SEEDS)
    for number in range(files):
        key = keys[number % len(keys)]
        data = _mutate(b"\n".join([rng.choice(SEEDS[key])] * rng.randint(1, 3)), rng)
        mapping = from_json(MAPPING) if FORMATS[key].needs_mapping else None
        began = perf_counter()
        try:
            for item in FORMATS[key].parser(io.BytesIO(data), name="fuzz", mapping=mapping):
                records += isinstance(item, ParsedTranscript)
                rejections += isinstance(item, Rejection)
                refused += isinstance(item, ParsedTranscript) and not _storable(item)
        except Exception as problem:
            raised.append(f"{key} file {number}: {type(problem).__name__}: {problem}"[:200])
        slowest = max(slowest, perf_counter() - began)
    return {
        "seed": seed, "files": files, "records": records, "rejections": rejections, "raised": raised[:20],
        "unstorable": refused, "slowest_s": round(slowest, 3),
        "holds": not raised and not refused and slowest < 5,
    }  # fmt: skip


def _mutate(data: bytes, rng: Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(4):
            case 0:
                out[at:at] = rng.choice(SPITE)
            case 1:
                del out[at : at + rng.randint(1, 20)]
            case 2:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case _:
                out[at:at] = out[max(0, at - 40) : at]
    return bytes(out)


def _storable(item: ParsedTranscript) -> bool:
    """No NUL, no lone surrogate, no NaN: what text and jsonb accept."""
    try:
        values = json.dumps(
            [dict(item.metadata), [dict(p) for m in item.messages for p in m.parts]],
            allow_nan=False, ensure_ascii=False,
        )  # fmt: skip
        values.encode()
    except ValueError:
        return False
    texts = "".join(m.text + m.reasoning for m in item.messages) + item.external_id + item.model
    return "\x00" not in texts + values.replace("\\\\", "").replace("\\u0000", "\x00") and _encodes(texts)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
