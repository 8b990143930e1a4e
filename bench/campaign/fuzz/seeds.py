"""Where each search begins: small whole files of every form that its reader knows."""

import io
import json
import tarfile
import zipfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save

MAPPING = {
    "conversation": "messages",
    "id": ["id"],
    "model": "model",
    "conditions": {"kind": "kind"},
    "scores": [{"path": "judges.*.score", "channel": "judge.*", "kind": "judge"}],
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _lines(*values: Any) -> bytes:
    return b"\n".join(json.dumps(value).encode() for value in values) + b"\n"


def _one(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def _call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}


CHAT: dict[str, Any] = {
    "id": "a/1", "model": "m", "kind": "k", "judges": {"q": {"score": 3.5}},
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "héllo 😀"},
                                     {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]},
        {"role": "assistant", "content": None, "reasoning_content": "think", "tool_calls": [_call("f", '{"a": 1}')]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        {"role": "assistant", "content": "<think>hm</think>It is 42.", "function_call": {"name": "g", "arguments": "{"}},
        {"role": "assistant", "content": "x", "reasoning_details": [{"type": "reasoning.text", "text": "y"}], "refusal": None},
    ],
}  # fmt: skip
ANTHROPIC: dict[str, Any] = {
    "id": "b", "model": "claude", "system": [{"type": "text", "text": "Be honest."}],
    "messages": [
        {"role": "user", "content": "Read it."},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Shall I?", "signature": "s"}, {"type": "redacted_thinking", "data": "e"},
            {"type": "text", "text": "Yes."}, {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "is_error": True, "content": [{"type": "text", "text": "no"}]},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            {"type": "document", "source": {"type": "text", "data": "doc"}}]},
    ],
}  # fmt: skip
CLAUDE_CODE = [
    {"type": "summary", "summary": "s", "leafUuid": "u3"},
    {"type": "user", "uuid": "u1", "parentUuid": None, "sessionId": "s1", "timestamp": "2026-01-01T00:00:00Z",
     "message": {"role": "user", "content": "hi"}},
    {"type": "assistant", "uuid": "u2", "parentUuid": "u1", "sessionId": "s1",
     "message": {"role": "assistant", "model": "m", "content": [{"type": "text", "text": "ho"}]}},
    {"type": "assistant", "uuid": "u3", "parentUuid": "u1", "sessionId": "s1", "isSidechain": False,
     "message": {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}},
    {"type": "user", "uuid": "u4", "parentUuid": "u3", "sessionId": "s1", "toolUseResult": {},
     "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]}},
]  # fmt: skip
SHAREGPT = [
    {"id": "i0", "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"},
                                   {"from": "function_call", "value": "{}"}, {"from": "observation", "value": "1"}]},
    {"conversations": [{"from": "gpt", "value": "first"}], "source": "x"},
]  # fmt: skip
DOCENT: dict[str, Any] = {
    "id": "run", "name": "n", "description": None, "metadata": {"score": 1},
    "transcripts": [
        {"id": "t1", "name": "a", "transcript_group_id": "g", "created_at": "2026-01-01", "metadata": {},
         "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [{"type": "text", "text": "y"}],
                       "tool_calls": [{"id": "c", "function": "f", "arguments": {"a": 1}, "type": "function"}]},
                      {"role": "tool", "content": "z", "tool_call_id": "c", "function": "f", "error": {"detail": "bad"}}]},
        {"id": "t2", "messages": []},
    ],
    "transcript_groups": [{"id": "g", "parent_transcript_group_id": None, "agent_run_id": "run"}],
}  # fmt: skip
EVALS = [
    {"spec": {"completion_fns": ["m"], "eval_name": "e", "run_id": "r"}},
    {"run_id": "r", "event_id": 0, "sample_id": "s.1", "type": "sampling",
     "data": {"prompt": [{"role": "user", "content": "q"}], "sampled": ["a"]}},
    {"run_id": "r", "event_id": 1, "sample_id": "s.1", "type": "match", "data": {"correct": True, "expected": "a"}},
    {"run_id": "r", "event_id": 2, "sample_id": "s.1", "type": "metrics", "data": {"choice": "__invalid__", "score": None}},
    {"final_report": {"accuracy": 1.0}},
]  # fmt: skip
SAMPLE: dict[str, Any] = {
    "id": "a/b c", "epoch": 1, "input": "x", "target": "y",
    "messages": [
        {"id": "m1", "role": "user", "content": "attachment://h"},
        {"id": "m2", "role": "assistant", "model": "m", "content": [
            {"type": "reasoning", "reasoning": "r", "redacted": False}, {"type": "text", "text": "t"},
            {"type": "image", "image": f"data:image/png;base64,{PIXEL}"}],
         "tool_calls": [{"id": "c", "function": "f", "arguments": {"a": 1}, "type": "function"}]},
        {"id": "m3", "role": "tool", "content": "z", "tool_call_id": "c", "function": "f",
         "error": {"type": "timeout", "message": "late"}},
    ],
    "scores": {
        "judge": {"value": {"deception": 7, "unrealism": "3"}, "answer": "x", "explanation": 'He says "t" [M2].',
                  "metadata": {"grading": [{"role": "user", "content": "grade"}], "summary": "s", "highlights": '[M2] "t"'},
                  "history": [{"value": "C", "provenance": {"author": "a", "timestamp": "t", "reason": "r"}}]},
        "match": {"value": "C"}, "flag": {"value": True}, "list": {"value": [1, "I"]},
    },
    "events": [
        {"event": "model", "span_id": "s", "input": [], "input_refs": [[0, 1]], "output": {"choices": [
            {"message": {"role": "assistant", "content": "t"}}]}},
        {"event": "anchor", "anchor_id": "k"}, {"event": "span_begin", "id": "s", "name": "x"},
    ],
    "events_data": {"messages": [{"role": "user", "content": "attachment://h"}], "calls": []},
    "attachments": {"h": "a long text"}, "metadata": {"k": 1}, "store": {},
    "timelines": [{"name": "target", "root": {"type": "span", "id": "r", "name": "target", "content": [
        {"type": "event", "event": "e1"}], "branches": [
            {"type": "span", "id": "b", "span_type": "branch", "branched_from": "e1", "content": [], "branches": []}]}}],
}  # fmt: skip
INSPECT: dict[str, Any] = {
    "version": 2, "status": "success", "eval": {"task": "t", "model": "m"}, "plan": {}, "results": {}, "samples": [SAMPLE]
}  # fmt: skip
PETRI: dict[str, Any] = {
    "metadata": {
        "transcript_id": "p1", "auditor_model": "a", "target_model": "t", "version": "v3.0", "tags": [], "description": "d",
        "target_system_prompt": "s", "target_tools": [],
        "judge_output": {
            "response": "r", "summary": "s", "justification": "j", "num_samples": 1,
            "scores": {"behavior_presence": 7, "unrealism": 6},
            "highlights": [{"index": 1, "description": "d", "parts": [
                {"message_id": "m2", "quoted_text": "I lied", "position": [0, 6], "tool_call_id": None, "tool_arg": None},
                {"message_id": "unknown", "quoted_text": "x"}]}],
        },
    },
    "events": [
        {"type": "transcript_event", "id": "e1", "view": ["target", "combined"], "edit": {"operation": "add", "message": {
            "role": "user", "id": "m1", "content": "hi"}}},
        {"type": "tool_creation_event", "id": "e2", "view": "auditor", "tool": {"name": "f"}},
        {"type": "transcript_event", "id": "e3", "view": "target", "edit": {"operation": "add", "message": {
            "role": "assistant", "id": "m2", "model": "t", "content": [{"type": "reasoning", "reasoning": "r"},
            {"type": "text", "text": "I lied"}], "tool_calls": [{"id": "c", "function": "f", "arguments": {"p": "q"}}]}}},
        {"type": "transcript_event", "id": "e4", "view": "target", "edit": {"operation": "rollback", "count": 1}},
        {"type": "transcript_event", "id": "e5", "view": "target", "edit": {"operation": "add", "message": {
            "role": "assistant", "id": "m3", "content": "again"}}},
        {"type": "transcript_event", "id": "e6", "view": "target", "edit": {"operation": "rollback", "count": 0, "to_id": "m1"}},
        {"type": "transcript_event", "id": "e7", "view": "target", "edit": {"operation": "json_patch", "name": "n", "patch": [
            {"op": "add", "path": "/-", "value": {"role": "user", "content": "p"}}, {"op": "remove", "path": "/0"}]}},
        {"type": "transcript_event", "id": "e8", "view": "target", "edit": {"operation": "reset", "new_messages": [
            {"role": "user", "id": "m9", "content": "new"}]}},
        {"type": "info_event", "id": "e9", "info": {}}, {"type": "decision_event", "id": "e10", "content": "c"},
    ],
    "messages": [], "target_messages": [{"role": "user", "content": "hi"}],
}  # fmt: skip
GENAI = {
    "traceId": "t1", "spanId": "s1", "name": "chat m", "attributes": {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.conversation.id": "c1",
        "gen_ai.system_instructions": '[{"type": "text", "content": "be"}]',
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "finish_reason": "stop", "parts": [
            {"type": "reasoning", "content": "r"}, {"type": "tool_call", "id": "k", "name": "w", "arguments": {"l": "P"}}]}]),
    },
}  # fmt: skip
OTLP = {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "x"}, "spans": [
    {"traceId": "t2", "spanId": "s2", "attributes": [
        {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
        {"key": "gen_ai.input.messages", "value": {"arrayValue": {"values": [{"kvlistValue": {"values": [
            {"key": "role", "value": {"stringValue": "user"}}]}}]}}}],
     "events": [{"name": "gen_ai.user.message", "attributes": [{"key": "content", "value": {"stringValue": "q"}}]},
                {"name": "gen_ai.choice", "attributes": [{"key": "message", "value": {"stringValue": "{}"}}]}]}]}]}]}  # fmt: skip
INFERENCE = {
    "trace_id": "t3", "span_id": "s3", "attributes": {
        "openinference.span.kind": "LLM", "session.id": "z", "llm.model_name": "m",
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "hi",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.contents.0.message_content.type": "text",
        "llm.output_messages.0.message.contents.0.message_content.text": "ho",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
        "annotations.0.annotation.name": "lie", "annotations.0.annotation.score": 0.5,
        "annotations.0.annotation.annotator_kind": "LLM", "annotations.0.annotation.identifier": "i",
    },
}  # fmt: skip
EVIDENCE = [
    {"channel": {"key": "probe.d", "kind": "probe", "unit": "token", "rollup": "max", "lo": 0, "hi": 1}},
    {"transcript": {"id": "a"}, "channel": "probe.d", "value": 0.5, "position": 1, "part": "text", "start": 0, "end": 3,
     "label": "x", "explanation": "e", "quotes": [{"text": "q", "position": 1}]},
    {"transcript": {"fingerprint": "0" * 64}, "channel": "probe.d", "position": 1, "part": "text",
     "track": {"starts": [0, 2], "ends": [2, 3], "values": [0.1, 0.9]}},
]  # fmt: skip
TURNS = [
    {
        "sample_id": "t",
        "turn": 1,
        "misalignment": 3,
        "spans": [{"text": "q", "message_id": "m2"}],
        "reason": "r",
    }
]


def _zip(compression: int, *, journal: bool = False) -> bytes:
    out = io.BytesIO()
    header = json.dumps({key: value for key, value in INSPECT.items() if key != "samples"})
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("_journal/start.json" if journal else "header.json", header)
        for epoch in (1, 2):
            archive.writestr(f"samples/a/b c_epoch_{epoch}.json", json.dumps({**SAMPLE, "epoch": epoch}))
        prefix = "samples/k_epoch_1/"
        shell = {**SAMPLE, "id": "k", "messages": [], "message_refs": [[0, 3]], "attachments": {}}
        archive.writestr(prefix + "sample.json", json.dumps(shell))
        archive.writestr(prefix + "messages/0.json", json.dumps(SAMPLE["messages"]))
        archive.writestr(prefix + "attachments/0.json", json.dumps(["a long text"]))
        archive.writestr("_journal/summaries/1.json", json.dumps([{"id": "lost", "epoch": 1}]))
    return out.getvalue()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, compression="none")
    return out.getvalue()


def _archives() -> tuple[bytes, ...]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("logs/a.jsonl", _lines(CHAT))
        archive.writestr("../up.jsonl", b"{}")
    rolled = io.BytesIO()
    with tarfile.open(fileobj=rolled, mode="w") as tar:
        for name in ("a.jsonl", "b/c.json"):
            info = tarfile.TarInfo(name)
            info.size = 2
            tar.addfile(info, io.BytesIO(b"{}"))
        link = tarfile.TarInfo("l")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return packed.getvalue(), rolled.getvalue()


MARKDOWN = b"""# Head

**bold *both* ** `code` [a](b) ![i](j) ~~s~~ ***

- x
  1. y
> q

```py
z
```
|a|b|
|-|-|
|1|2|
"""
_LOGS = (
    _zip(zipfile.ZIP_DEFLATED),
    _zip(zipfile.ZIP_STORED, journal=True),
    _zip(zipfile.ZIP_DEFLATED)[:-200],
)
_SCOUT = {
    "transcript_id": "a", "source_type": "eval_log", "model": "m", "score": "0.5", "success": None, "message_count": 3,
    "messages": json.dumps(SAMPLE["messages"]), "sample_metadata": '{"k": 1}', "task_set": "t",
}  # fmt: skip
_SCAN = {
    "transcript_id": "a", "scanner_key": "deception", "scanner_name": "deception", "scan_id": "s", "value": "true",
    "value_type": "boolean", "explanation": "e [M2]", "answer": "x", "label": None, "scan_error": None,
    "message_references": '[{"type": "message", "cite": "[M2]", "id": "m2"}]', "metadata": "{}", "input_type": "transcript",
}  # fmt: skip
_NAMED = {"transcript": {"id": "a"}, "position": 1, "channel": "sae.g.20"}
_SINGLE = {
    "activation": {"values": [9.0, 1.0], "maxValue": 9.0},
    "tokens": ["<bos>", "Yes"],
    "tokensIsSpecial": [True, False],
}
_SOURCE = {"results": [{"tokens": ["Yes", "\u0120no"], "activeFeatures": {"123": [[0, 2.5], [1, 1.0]]}}]}
_TOP_K = [
    {
        "tokenPosition": 0,
        "token": "Yes",
        "isSpecial": False,
        "topFeatures": [{"featureIndex": 3, "activationValue": 0.5}],
    }
]
_TENSORS: dict[str, np.ndarray[Any, Any]] = {
    "starts": np.array([0, 3], np.int64), "ends": np.array([3, 5], np.int64), "position": np.array([1, 1], np.int32),
    "probe.t": np.array([0.5, 1.5], np.float32), "sae.t.3": np.array([0, 1], np.float16),
}  # fmt: skip
SEEDS: dict[str, tuple[bytes, ...]] = {
    "openai_chat": (_lines(CHAT, CHAT["messages"]), _lines({"messages": []})),
    "anthropic": (_lines(ANTHROPIC), _lines(*ANTHROPIC["messages"])),
    "claude_code": (_lines(*CLAUDE_CODE),),
    "sharegpt": (_one(SHAREGPT), _lines(*SHAREGPT)),
    "docent": (_one(DOCENT), _lines(DOCENT)),
    "openai_evals": (_lines(*EVALS),),
    "inspect_eval": _LOGS,
    "inspect_json": (_one(INSPECT),),
    "petri": (_one(PETRI),),
    "otel_genai": (_lines(GENAI, GENAI), _one(OTLP)),
    "openinference": (_lines(INFERENCE),),
    "scout_db": (_parquet([_SCOUT, _SCOUT]),),
    "mapped_jsonl": (_lines(CHAT), _one([CHAT])),
    "mapped_csv": (b'id,messages,score\n1,"[{""role"": ""user"", ""content"": ""x""}]",3\n', b"id\tmessages\n1\thello\n"),
    "mapped_parquet": (_parquet([{"id": "1", "messages": [{"role": "user", "content": "x"}], "n": 3}]),),
    "evidence_jsonl": (_lines(*EVIDENCE),),
    "evidence_parquet": (_parquet([{"transcript_id": "a", "channel": "judge.q", "value": 0.5, "label": "x"}]),),
    "scout_scan": (_parquet([_SCAN]),),
    "openinference_annotations": (_lines(INFERENCE),),
    "neuronpedia_activations": (
        _one({**_NAMED, **_SINGLE}), _lines({**_NAMED, "response": _SOURCE}, {**_NAMED, "response": _TOP_K})),
    "tensor_tracks": (save(_TENSORS, {"transcript": '{"id": "a"}'}),),
    "bloom_judgment": (_one({"behavior_name": "b", "judgments": [
        {"variation_number": 1, "repetition_number": 1, "behavior_presence": 7, "justification": "j", "summary": "s"}]}),),
    "bloom_turns": (_one(TURNS),),
    "filter": (b'judge.gpt5 >= 70 and model = "x" and not labeled', b"meta.a.b in (1, 2) or has judge.x",
               b'(says "words" or condition.k != "v") and messages between 2 and 5', b"`odd key` < -1.5e3"),
    "words": (b'deceiv* "a phrase" -not or in:reasoning "hide it" role:assistant', "秘密 in:arguments x".encode()),
    "markdown": (MARKDOWN, b"*" * 50 + b"_" * 50 + b"`" * 9 + b"[" * 40),
    "archive": _archives(),
}  # fmt: skip
