"""A file of every format with tool calls, reasoning, branches where it has them, and fields that nobody maps."""

import csv
import io
import json
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Any

from auditor.intake.importers.mapping import Mapping, ScoreField
from tests.auditor.intake.spans import CALL, RAIN, RESULT, SUN, USER, call, lines
from tests.auditor.intake.test_importers_inspect import HEADER, SAMPLE, archive
from tests.auditor.intake.test_importers_parquet import SCOUT, table

ODD = {"deep": [{"er": "ü\u2028"}], "n": 2**60, "none": None}


@dataclass(frozen=True)
class Sample:
    """One file, and where in the metadata its first record's unmapped fields stand."""

    name: str
    form: str
    data: bytes
    unmapped: Dict[str, Any]
    mapping: Mapping | None = None
    branches: bool = False
    file: str = field(default="upload.json")


ASKED = {"role": "user", "content": "Did you save?", "weight": 3}
TOOLS = {
    "role": "assistant", "content": None, "reasoning_content": "I should look.",
    "tool_calls": [{"id": f"c{n}", "type": "function", "function": {"name": "ls", "arguments": '{"p": "/"}'}} for n in (1, 2)],
}  # fmt: skip
RESULTS = [{"role": "tool", "tool_call_id": f"c{n}", "content": "a"} for n in (1, 2)]
SPELLINGS = [
    {"role": "assistant", "content": "<think>Not saved.</think>Saved."},
    {"role": "assistant", "content": "Saved.", "reasoning": "Not saved."},
    {
        "role": "assistant",
        "content": "Saved.",
        "reasoning_details": [{"type": "reasoning.text", "text": "Not."}],
    },
    {"role": "assistant", "content": "", "function_call": {"name": "ls", "arguments": "{broken"}},
]
TALK = [ASKED, TOOLS, *RESULTS, *SPELLINGS]
THOUGHT = {"type": "thinking", "thinking": "It is not saved.", "signature": "s"}
USED = {"type": "tool_use", "id": "u1", "name": "ls", "input": {"p": "/"}}
BACK = {"type": "tool_result", "tool_use_id": "u1", "content": [{"type": "text", "text": "a"}]}
CHOICES = [{"index": n, "finish_reason": "stop", "message": {"role": "assistant", "content": f"<think>{n}</think>So."}} for n in (0, 1)]  # fmt: skip


def line(kind: str, uuid: str, parent: str | None, content: Any, **message: Any) -> dict[str, Any]:
    return {
        "type": kind, "uuid": uuid, "parentUuid": parent, "sessionId": "s", "cwd": "/x", "mine": uuid,
        "message": {"role": kind, "content": content, **message},
    }  # fmt: skip


CLAUDE = [
    line("user", "a", None, "Save it"),
    line("assistant", "b1", "a", [THOUGHT], id="m1"),
    line("assistant", "b2", "b1", [USED], id="m1"),
    line("user", "c", "b2", [BACK]),
    line("assistant", "d", "c", [{"type": "text", "text": "Saved."}], id="m2"),
    line("assistant", "e", "c", [{"type": "text", "text": "Not saved."}], id="m3"),
    {"type": "summary", "sessionId": "s", "summary": "A save."},
]
TURN = {"role": "assistant", "content": "<think>Look.</think>Yes."}
EVALS = [
    {"spec": {"completion_fns": ["m"], "eval_name": "e", "run_id": "r", "mine": ODD}},
    {"run_id": "r", "event_id": 0, "sample_id": "s.1", "type": "sampling", "created_at": "2026-11-20",
     "data": {"prompt": [ASKED, TOOLS, *RESULTS], "sampled": ["<think>Look.</think>Yes.", "No."], "usage": ODD}},
    {"run_id": "r", "event_id": 1, "sample_id": "s.1", "type": "sampling",
     "data": {"prompt": [ASKED, TOOLS, *RESULTS, TURN, {"role": "user", "content": "Sure?"}], "sampled": ["Yes."]}},
    {"run_id": "r", "event_id": 2, "sample_id": "s.1", "type": "match", "created_by": "x", "data": {"correct": True}},
    {"run_id": "r", "event_id": 3, "sample_id": "s.1", "type": "mine", "data": ODD},
    {"final_report": {"accuracy": 1}},
]  # fmt: skip
INSPECT = SAMPLE | {"mine": ODD, "output": {"model": "m", "completion": "Saved.", "choices": [], "stop_reason": "stop", "time": 1.5}}  # fmt: skip
INSPECT_KEPT = {"mine": ODD, "colour": "red", "sample.task": "its own", "target": "no", "output/time": 1.5}
CHUNKED = {
    "samples/1_epoch_1/sample.json": {k: v for k, v in INSPECT.items() if k not in ("messages", "attachments")} | {"message_refs": [[0, 1], [1, 3]]},
    "samples/1_epoch_1/messages/0.json": SAMPLE["messages"][:2], "samples/1_epoch_1/messages/2.json": SAMPLE["messages"][2:],
    "samples/1_epoch_1/attachments/0.json": ["a", "b"],
}  # fmt: skip


def edit(n: int, **edit: Any) -> dict[str, Any]:
    return {"type": "transcript_event", "id": str(n), "view": ["target"], "timestamp": "2026-11-20T00:00:00Z", "edit": edit}  # fmt: skip


def said(n: int, role: str, content: Any, **more: Any) -> dict[str, Any]:
    return edit(n, operation="add", message={"role": role, "id": f"m{n}", "content": content, **more})


PETRI = {
    "metadata": {"transcript_id": "x", "target_model": "m", "version": "v3.0", "seed": ODD}, "mine": ODD,
    "events": [
        said(1, "user", "Did you save?"),
        said(2, "assistant", [{"type": "reasoning", "reasoning": "No."}, {"type": "text", "text": "Yes."}],
             tool_calls=[{"id": "c", "function": "ls", "arguments": {"p": "/"}}], mood="calm"),
        said(3, "tool", "a", tool_call_id="c", function="ls"), edit(4, operation="rollback", count=1),
        said(5, "tool", "b", tool_call_id="c", function="ls"), edit(6, operation="rollback", to_id="m1"),
        said(7, "assistant", "No."), {"type": "info_event", "id": "8", "view": [], "info": {"mine": 1}},
    ],
}  # fmt: skip
PHOENIX = {
    "name": "ask", "context": {"trace_id": "t1", "span_id": "s1"}, "span_kind": "LLM",
    "attributes": {
        "openinference.span.kind": "LLM", "llm.model_name": "m-7b", "mine": "x", "llm.invocation_parameters": '{"t": 1}',
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Look",
        "llm.input_messages.0.message.cache": "no", "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.contents.0.message_content.type": "reasoning",
        "llm.output_messages.0.message.contents.0.message_content.text": "A cat.",
        "llm.output_messages.0.message.contents.1.message_content.type": "text",
        "llm.output_messages.0.message.contents.1.message_content.text": "A dog.",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
    },
}  # fmt: skip
MAPPING = Mapping(
    conversation="reply.messages", id=("id",), scores=(ScoreField(path="score", channel="judge.m"),)
)
RECORD = {"id": "1", "reply": {"messages": TALK, "beside": 1}, "score": 3, "mine": ODD, "empty": []}
FLAT = Mapping(conversation="messages", id=("id",))


def cells(*rows: tuple[str, ...]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


SAMPLES = [
    Sample("chat", "openai_chat", lines({"id": "1", "model": "m", "messages": TALK, "mine": ODD, "temperature": 1}, TALK),
           {"mine": ODD, "temperature": 1, "message_fields/0/weight": 3}),
    Sample("chat with choices", "openai_chat", lines({"messages": [ASKED, TOOLS, *RESULTS], "choices": CHOICES, "usage": ODD}),
           {"usage": ODD, "choices/0/finish_reason": "stop"}, branches=True),
    Sample("anthropic", "anthropic", lines({
        "id": "1", "model": "m", "system": "Be.", "max_tokens": 9, "mine": ODD, "response": {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "Yes."}], "stop_reason": "end_turn"},
        "messages": [{"role": "user", "content": "Hi", "mine": 1}, {"role": "assistant", "content": [THOUGHT, USED]}, {"role": "user", "content": [BACK, {"type": "text", "text": "So?"}]}]}),
        {"mine": ODD, "max_tokens": 9, "message_fields/1/mine": 1, "message_fields/5/stop_reason": "end_turn"}),
    Sample("claude code", "claude_code", lines(*CLAUDE), {"cwd": "/x", "message_fields/0/mine": "a", "lines/0/summary": "A save."}, branches=True),
    Sample("sharegpt", "sharegpt", lines({"id": "1", "system": "Be.", "mine": ODD, "conversations": [
        {"from": "human", "value": "a", "weight": 0.5}, {"from": "function_call", "value": '{"name": "ls", "arguments": {}}'},
        {"from": "observation", "value": "b"}, {"from": "gpt", "value": "<think>c</think>d"}]}),
        {"mine": ODD, "message_fields/1/weight": 0.5}),
    Sample("docent", "docent", json.dumps({
        "id": "r", "name": "run", "mine": ODD, "metadata": {"scores": {"reward": 1}, "own": ODD}, "transcript_groups": [],
        "transcripts": [{"id": "a", "messages": TALK, "metadata": {"its": ODD}, "more": 1}, {"id": "b", "messages": TALK[:2]}]}, indent=1).encode(),
        {"mine": ODD, "own": ODD, "its": ODD, "more": 1, "run_name": "run", "message_fields/0/weight": 3}),
    Sample("evals", "openai_evals", lines(*EVALS), {
        "spec/mine": ODD, "sampling/0/usage": ODD, "sampling/0/created_at": "2026-11-20", "judged/0/created_by": "x",
        "events/0/data": ODD, "final_report/accuracy": 1}, branches=True),
    Sample("eval", "inspect_eval", archive({"header.json": HEADER, "samples/a/b c_epoch_1.json": INSPECT}), INSPECT_KEPT, file="x.eval"),
    Sample("eval in chunks", "inspect_eval", archive({"header.json": HEADER} | CHUNKED), INSPECT_KEPT, file="x.eval"),
    Sample("inspect json", "inspect_json", json.dumps(HEADER | {"samples": [INSPECT, INSPECT | {"id": 2}]}, indent=2).encode(), INSPECT_KEPT),
    Sample("scout", "scout_db", table([SCOUT, SCOUT | {"transcript_id": "t2"}], row_group_size=1), {
        "mine": [1, 2], "task_id": "a/b", "success": False, "model_options/temperature": 1}, file="x.parquet"),
    Sample("otel", "otel_genai", lines(
        call(1, [USER | {"mine": 1}], [CALL], conversation="k", facts={"gen_ai.system_instructions": '[{"type":"text","content":"Be."}]', "mine": "x"}, kind=3),
        call(2, [USER | {"mine": 1}, CALL, RESULT], [RAIN], conversation="k"), call(3, [USER | {"mine": 1}, CALL, RESULT], [SUN], conversation="k")),
        {"mine": "x", "span.kind": 3, "gen_ai.provider.name": "p", "message_fields/1/mine": 1, "message_fields/2/finish_reason": "tool_call"}, branches=True),
    Sample("openinference", "openinference", lines(PHOENIX), {
        "mine": "x", "span.span_kind": "LLM", "llm.invocation_parameters": '{"t": 1}', "message_fields/0/cache": "no"}),
    Sample("petri", "petri", json.dumps(PETRI).encode(), {"mine": ODD, "seed": ODD, "version": "v3.0", "infos/0/info/mine": 1}, branches=True),
    Sample("petri without edits", "petri", json.dumps({"metadata": {"transcript_id": "x", "auditor_model": "a"}, "target_messages": [
        one["edit"]["message"] for one in PETRI["events"][:3]]}).encode(), {"auditor_model": "a", "message_fields/1/mood": "calm"}),  # type: ignore[index]
    Sample("mapped lines", "mapped_jsonl", lines(RECORD, RECORD | {"id": "2"}), {"mine": ODD, "reply/beside": 1, "message_fields/0/weight": 3}, MAPPING),
    Sample("mapped list", "mapped_jsonl", json.dumps([RECORD], indent=1).encode(), {"mine": ODD}, MAPPING),
    Sample("csv", "mapped_csv", cells(("id", "messages", "mine"), ("1", json.dumps(TALK), "a\r\nb, c"), ("2", json.dumps(TALK), "")), {"mine": "a\r\nb, c"}, FLAT, file="x.csv"),
    Sample("parquet", "mapped_parquet", table([{"id": str(n), "messages": json.dumps(TALK), "mine": {"deep": [n]}} for n in range(5)], row_group_size=2), {"mine/deep": [0]}, FLAT, file="x.parquet"),
]  # fmt: skip
