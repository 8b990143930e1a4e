"""Spans of OpenTelemetry: every convention and envelope, histories put together, branches, and what stands where."""

import base64
import hashlib
import json
from typing import Any

import pytest

from auditor.intake.importers import otel_threads
from auditor.intake.importers.detect import detect
from tests.auditor.intake.reading import only, read, rejections, transcripts
from tests.auditor.intake.spans import (
    CALL,
    OLD,
    RAIN,
    REPLAYED,
    RESULT,
    SUN,
    TURNS,
    USER,
    as_event_content,
    as_log_records,
    as_log_records_alone,
    as_span_events,
    call,
    envelope,
    lines,
    span,
)


def test_the_longest_history_is_the_conversation_and_keeps_reasoning_that_was_not_sent_back():
    item = only(read("otel_genai", lines(*TURNS)))
    assert [(m.role, m.text) for m in item.messages] == [
        ("system", "Be."), ("user", "Weather?"), ("assistant", ""), ("tool", "rainy, 57°F"), ("assistant", "Rain."),
    ]  # fmt: skip
    assert item.messages[2].reasoning == "I will look."
    (tool_call,) = item.messages[2].parts
    assert (tool_call["name"], json.loads(tool_call["text"])) == ("weather", {"place": "Paris"})
    assert item.messages[3].parts[0]["tool_call_id"] == "c1"
    assert (item.external_id, item.model, item.messages[4].source_id) == ("k", "m-7b-1", "s2")
    assert (item.metadata["input_tokens"], item.metadata["output_tokens"]) == (20, 4)
    assert (item.metadata["gen_ai.provider.name"], item.metadata["trace_id"]) == ("p", "t1")
    assert not item.warnings


@pytest.mark.parametrize(
    "data",
    [
        lines(*TURNS),
        lines(envelope(TURNS)),
        lines(envelope(TURNS[:1]), envelope(TURNS[1:])),
        json.dumps(envelope(TURNS), indent=2).encode(),
        json.dumps(TURNS).encode(),
        json.dumps(TURNS, indent=1).encode(),
        b"\xef\xbb\xbf" + lines(*TURNS),
        "\n".join(json.dumps(one, indent=4) for one in TURNS).encode(),
        json.dumps({"resource_spans": [{"scope_spans": [{"spans": TURNS}]}]}).encode(),
        lines(*reversed(TURNS)),
    ],
)
def test_every_envelope_reads_the_same_and_its_bytes_can_be_fetched(data):
    assert detect(data, "spans.json").format == "otel_genai"
    item = only(read("otel_genai", data))
    assert [m.text for m in item.messages] == ["Be.", "Weather?", "", "rainy, 57°F", "Rain."]
    stretches = [data[piece.start : piece.start + piece.length] for piece in item.place.pieces]
    assert {json.loads(one)["spanId"] for one in stretches} == {"s1", "s2"}
    assert hashlib.sha256(b"".join(stretches)).hexdigest() == item.digest


def test_where_histories_part_ways_there_is_a_branch():
    items = transcripts(
        read("otel_genai", lines(*TURNS, call(3, [USER, REPLAYED, RESULT], [SUN], conversation="k")))
    )
    main, branch = items
    assert [m.text for m in branch.messages] == ["Be.", "Weather?", "", "rainy, 57°F", "Sun."]
    assert (branch.parent, branch.shared) == (main.digest, 4)
    assert all(one is other for one, other in zip(branch.messages[:4], main.messages[:4], strict=True))
    assert branch.place.sha256 == main.digest
    assert branch.digest == hashlib.sha256(f"{main.digest}:{branch.place.branch}".encode()).hexdigest()
    assert (main.external_id, branch.external_id) == ("k", "k/branch-2")


def test_resamples_of_one_prompt_are_branches_and_unlike_prompts_share_nothing():
    items = transcripts(
        read("otel_genai", lines(call(1, [USER], [RAIN]), call(2, [USER], [SUN]), call(3, [SUN], [RAIN])))
    )
    assert [(t.shared, bool(t.parent)) for t in items] == [(0, False), (1, True), (0, False)]


def test_a_branch_goes_on_and_branches_again():
    more = {"role": "user", "parts": [{"type": "text", "content": "Sure?"}]}
    spans = [
        call(1, [USER], [RAIN]), call(2, [USER], [SUN]), call(3, [USER, SUN, more], [SUN]),
        call(4, [USER, SUN, more], [RAIN]),
    ]  # fmt: skip
    one, two, three = transcripts(read("otel_genai", lines(*spans)))
    assert [len(t.messages) for t in (one, two, three)] == [2, 4, 4]
    assert (two.parent, two.shared) == (one.digest, 1)
    assert (three.parent, three.shared) == (two.digest, 3)
    assert three.messages[:3] == two.messages[:3]


def test_traces_without_a_conversations_id_are_one_each_and_join_the_one_of_their_trace():
    apart = transcripts(
        read("otel_genai", lines(call(1, [USER], [RAIN]), call(2, [USER], [RAIN], trace="t2")))
    )
    assert [t.external_id for t in apart] == ["t1", "t2"]
    joined = only(
        read(
            "otel_genai",
            lines(call(1, [USER], [CALL]), call(2, [USER, REPLAYED, RESULT], [RAIN], conversation="k")),
        )
    )
    assert (joined.external_id, len(joined.messages)) == ("k", 4)


def test_agent_spans_that_repeat_what_their_calls_said_add_no_branch_but_belong_to_the_record():
    agent = call(0, [USER], [RAIN], conversation="k", facts={"gen_ai.operation.name": "invoke_agent"})
    tool = span(9, {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather"})
    item = only(read("otel_genai", lines(agent, *TURNS, tool)))
    assert len(item.messages) == 5
    assert len(item.place.pieces) == 4
    alone = only(read("otel_genai", lines(agent)))
    assert [m.text for m in alone.messages] == ["Weather?", "Rain."]


def test_every_kind_of_part():
    parts = [
        {"type": "text", "content": "See"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": base64.b64encode(b"PNG!").decode()},
        {"type": "uri", "modality": "audio", "mime_type": "audio/wav", "uri": "https://x/y.wav"},
        {"type": "file", "modality": "document", "file_id": "f1"},
        {"type": "server_tool_call", "id": "s", "name": "search", "server_tool_call": {"type": "search", "q": "x"}},
        {"type": "server_tool_call_response", "id": "s", "server_tool_call_response": {"type": "search", "hits": 2}},
        {"type": "reasoning", "content": "Hm."},
        {"type": "odd", "content": 1},
    ]  # fmt: skip
    item = only(read("otel_genai", lines(call(1, [USER], [{"role": "assistant", "parts": parts}]))))
    said = item.messages[1]
    assert (said.text, said.reasoning) == ("See", "Hm.")
    assert [p["kind"] for p in said.parts] == ["image", "audio", "file", "tool_call", "tool_result", "other"]
    assert said.parts[0]["payload"] == b"PNG!"
    assert said.parts[1]["note"] == "https://x/y.wav"
    assert json.loads(said.parts[3]["text"]) == {"type": "search", "q": "x"}


def test_messages_may_be_structures_and_not_text():
    attributes = {"gen_ai": {"input": {"messages": [USER]}, "output": {"messages": [RAIN]}}}
    flat = {
        "gen_ai.input.messages": [USER],
        "gen_ai.output.messages": [RAIN],
        "trace_id": "t",
        "span_id": "s",
    }
    kept = span(1, {"gen_ai.input.messages": [USER], "gen_ai.output.messages": [RAIN]})
    for one in ({"trace_id": "t", "attributes": attributes}, flat, kept):
        assert [m.text for m in only(read("otel_genai", lines(one))).messages] == ["Weather?", "Rain."]


@pytest.mark.parametrize(
    "data", [as_span_events(), as_event_content(), as_log_records(), as_log_records_alone()]
)
def test_the_older_events_one_for_each_message(data):
    item = only(read("otel_genai", data))
    assert [(m.role, m.text) for m in item.messages] == [
        ("system", "Be."), ("user", "Weather?"), ("assistant", ""), ("tool", "rainy"), ("assistant", "Rain."),
    ]  # fmt: skip
    assert item.messages[2].parts[0]["name"] == "w"
    assert item.messages[3].parts[0]["tool_call_id"] == "c1"


def test_the_oldest_attributes_prompt_and_completion():
    facts = {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Weather?", "gen_ai.completion.0.content": "Rain.",
             "gen_ai.completion.0.role": "assistant"}  # fmt: skip
    assert [m.text for m in only(read("otel_genai", lines(span(1, facts)))).messages] == ["Weather?", "Rain."]


def test_content_that_was_not_recorded_is_said():
    item = only(read("otel_genai", lines(span(1, OLD))))
    assert item.messages == ()
    assert item.warnings[0].startswith("no messages: recording of content was off")


def test_spans_that_ask_no_model_are_counted_and_left_out():
    items = read("otel_genai", lines(span(1, {"http.method": "GET"}, trace="w"), *TURNS))
    assert len(transcripts(items)) == 1
    (left,) = rejections(items)
    assert left.reason == "1 spans belong to traces that ask no model and are left out"


def test_broken_lines_and_spans_leave_the_others():
    data = (
        b"{broken\n"
        + lines(*TURNS, 7, call(3, [{"role": "robot", "parts": []}], [RAIN], trace="x"))
        + b'{"a": '
    )
    items = read("otel_genai", data)
    assert len(transcripts(items)) == 2
    reasons = [r.reason for r in rejections(items)]
    assert [reason[:20] for reason in reasons[:2]] == ["not JSON: Expecting ", "the span is no objec"]
    assert any("unknown role 'robot'" in reason for reason in reasons)


def test_an_envelope_that_is_cut_off_gives_the_spans_before():
    data = json.dumps(envelope(TURNS), indent=1).encode()
    items = read("otel_genai", data[:-5])
    assert [len(t.messages) for t in transcripts(items)] == [5]
    assert rejections(items)[0].reason == "the file ends before its JSON does"


def test_a_conversation_of_too_many_branches_is_bounded(monkeypatch):
    monkeypatch.setattr(otel_threads, "THREADS", 3)
    answers = [{"role": "assistant", "parts": [{"type": "text", "content": str(i)}]} for i in range(5)]
    items = read("otel_genai", lines(*(call(i, [USER], [answer]) for i, answer in enumerate(answers))))
    assert len(transcripts(items)) == 3
    assert len(rejections(items)) == 2


def test_what_is_counted_at_the_source_is_read():
    spans = []
    for trace in range(20):
        history: list[Any] = []
        for turn in range(5):
            history.append({"role": "user", "parts": [{"type": "text", "content": f"{trace} {turn}"}]})
            answer = {"role": "assistant", "parts": [{"type": "reasoning", "content": f"r{turn}"}, {"type": "text", "content": f"a{turn}"},
                      {"type": "tool_call", "id": f"c{turn}", "name": "f", "arguments": {}}]}  # fmt: skip
            spans.append(call(turn, list(history), [answer], trace=f"t{trace}"))
            history += [
                answer,
                {
                    "role": "tool",
                    "parts": [{"type": "tool_call_response", "id": f"c{turn}", "response": {"n": turn}}],
                },
            ]
    items = transcripts(read("otel_genai", lines(*spans)))
    assert len(items) == 20
    assert sum(len(t.messages) for t in items) == 20 * 14
    assert sum(bool(m.reasoning) for t in items for m in t.messages) == 20 * 5
    assert sum(p["kind"] == "tool_call" for t in items for m in t.messages for p in m.parts) == 20 * 5
