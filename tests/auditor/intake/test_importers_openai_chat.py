"""Chat JSONL in the dialects it is found in."""

import hashlib
import json
from typing import Any

from auditor.corpus.records import ParsedMessage
from tests.auditor.intake.reading import FIXTURES, only, read, rejections, transcripts


def fixture(name: str) -> bytes:
    return (FIXTURES / "openai_chat" / name).read_bytes()


def one(messages: Any, **fields: Any) -> Any:
    return only(read("openai_chat", json.dumps({"messages": messages, **fields}).encode()))


def assistant(**fields: Any) -> ParsedMessage:
    message: ParsedMessage = one([{"role": "assistant", **fields}]).messages[0]
    return message


def test_every_spelling_of_reasoning_gives_the_same_message():
    parsed = transcripts(read("openai_chat", fixture("five_spellings_of_reasoning.jsonl")))
    assert len(parsed) == 5
    for transcript in parsed:
        answer = transcript.messages[1]
        assert (answer.text, answer.reasoning) == ("Yes.", "It is not."), transcript.external_id


def test_tool_calls_show_indented_arguments_and_results_keep_the_message_text():
    called, broken, legacy = transcripts(read("openai_chat", fixture("tools_of_every_age.jsonl")))
    assert called.model == "m-7b"
    assert [m.role for m in called.messages] == ["developer", "user", "assistant", "tool"]
    assert called.messages[2].parts == (
        {"kind": "tool_call", "id": "c1", "name": "weather", "text": '{\n  "city": "Bern"\n}', "valid": True},
    )
    assert called.messages[3].text == "12 degrees"
    assert called.messages[3].parts == (
        {"kind": "tool_result", "tool_call_id": "c1", "name": "weather", "error": None},
    )
    assert broken.messages[0].parts[0]["text"] == '{"city": "Be'
    assert broken.messages[0].parts[0]["valid"] is False
    assert legacy.messages[0].parts[0]["name"] == "weather"
    assert legacy.messages[1].role == "tool"


def test_arguments_that_are_no_object_or_hold_a_key_twice_are_shown_as_written():
    def shown(arguments: Any) -> tuple[str, bool]:
        call = assistant(
            content=None, tool_calls=[{"function": {"name": "f", "arguments": arguments}}]
        ).parts[0]
        return call["text"], call["valid"]

    assert shown('"only text"') == ('"only text"', False)
    assert shown('{"a": 1, "a": 2}') == ('{"a": 1, "a": 2}', True)
    assert shown('{"a": NaN}') == ('{"a": NaN}', False)
    assert shown("") == ("", True)
    assert shown({"a": 123456789012345678901234567890}) == (
        '{\n  "a": 123456789012345678901234567890\n}',
        True,
    )


def test_the_place_and_digest_of_a_line_lead_back_to_its_bytes():
    data = fixture("good_bad_good.jsonl")
    for item in transcripts(read("openai_chat", data)):
        assert item.place.start is not None
        assert item.place.length is not None
        record = data[item.place.start : item.place.start + item.place.length]
        assert hashlib.sha256(record).hexdigest() == item.digest
        assert record == data.splitlines()[item.place.line - 1]


def test_a_bad_line_is_a_rejection_with_its_line_and_the_rest_is_read():
    items = read("openai_chat", fixture("good_bad_good.jsonl"))
    assert [(r.place.record, r.place.line) for r in rejections(items)] == [(2, 2), (3, 4)]
    reasons = [r.reason for r in rejections(items)]
    assert reasons[0].startswith("not JSON")
    assert reasons[1] == "message 0 has the unknown role 'narrator'"
    assert [t.external_id for t in transcripts(items)] == ["a/1", "d", "e"]


def test_an_empty_conversation_is_kept_with_a_warning():
    for line in ({"id": "d", "messages": []}, {"id": "d", "messages": None}, {"id": "d"}):
        parsed = only(read("openai_chat", json.dumps(line).encode()))
        assert parsed.messages == ()
        assert parsed.warnings == ("no messages",)


def test_what_postgresql_refuses_is_made_storable_and_big_numbers_stay_exact():
    last = transcripts(read("openai_chat", fixture("good_bad_good.jsonl")))[-1]
    assert last.messages[0].text == "a\ufffdb\ufffdc"
    assert last.metadata == {"score": None, "seed": 123456789012345678901234567890}


def test_other_fields_become_metadata_and_id_and_model_do_not():
    parsed = one([{"role": "user", "content": "x"}], id=7, model="m", temperature=0.5)
    assert (parsed.external_id, parsed.model, parsed.metadata) == ("7", "m", {"temperature": 0.5})


def test_parts_of_a_content_list_are_joined_or_described_without_their_payload():
    message = assistant(
        content=[
            {"type": "text", "text": "first"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "text", "text": "second"},
            {"type": "input_audio", "input_audio": {"data": "A" * 4000, "format": "wav"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAA="}},
            {"type": "hologram", "x": 1},
        ]
    )
    assert message.text == "first\nsecond"
    assert [dict(part) for part in message.parts] == [
        {"kind": "image", "media_type": "image/png", "size": 3, "note": ""},
        {"kind": "audio", "media_type": "audio/wav", "size": 3000, "note": ""},
        {"kind": "file", "media_type": "application/pdf", "size": 2, "note": "a.pdf"},
        {"kind": "other", "text": '{"type":"hologram","x":1}'},
    ]


def test_a_refusal_is_what_the_model_said():
    message = assistant(content=None, refusal="I will not.")
    assert message.text == "I will not."
    assert message.parts[0]["note"] == "refusal"


def test_an_unclosed_think_is_all_reasoning_and_says_so():
    parsed = one([{"role": "assistant", "content": "<think>round and round"}])
    assert (parsed.messages[0].text, parsed.messages[0].reasoning) == ("", "round and round")
    assert "never closed" in parsed.warnings[0]


def test_a_user_who_writes_think_is_quoted_as_written():
    assert one([{"role": "user", "content": "<think>x</think>y"}]).messages[0].text == "<think>x</think>y"


def test_message_fields_that_are_not_shown_are_named():
    parsed = one([{"role": "user", "content": "x", "logprobs": [1], "annotations": []}])
    assert parsed.warnings == ("message fields kept in the source file only: logprobs",)
