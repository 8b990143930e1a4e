"""Any JSONL or CSV, read by a mapping."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from auditor.corpus.records import Rejection
from auditor.intake.importers import csvrows
from auditor.intake.importers.csvrows import split_row
from auditor.intake.importers.mapped_csv import records
from auditor.intake.importers.mapping import Mapping, MappingError, ScoreField, from_json, to_json
from auditor.intake.importers.paths import MISSING, join_path, look_up, split_path, without
from auditor.intake.importers.suggest import suggest
from tests.auditor.intake.reading import only, read, rejections, transcripts

JUDGED = {
    "task": "mmlu",
    "sample_id": "1/2",
    "model": None,
    "domain": "law",
    "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
    "judges": {
        "gpt-5": {"score": 92, "binary": "lie", "raw": "because", "parseable": True},
        "m.2": {"score": None, "binary": "not_lie", "raw": "", "parseable": False},
    },
    "note": "kept",
}
JUDGES = Mapping(
    conversation="messages",
    id=("task", "sample_id"),
    model="model",
    conditions={"domain": "domain"},
    scores=(ScoreField("judges.*.score", "judge.*", "judge", "judges.*.binary", "judges.*.raw"),),
)


def mapped(record: Any, mapping: Mapping) -> Any:
    return only(read("mapped_jsonl", json.dumps(record).encode(), mapping))


def test_a_family_of_judges_becomes_a_channel_each():
    parsed = mapped(JUDGED, JUDGES)
    assert parsed.external_id == "mmlu/1/2"
    assert parsed.conditions == {"domain": "law"}
    assert [(s.channel, s.kind, s.value, s.label, s.explanation, s.detail) for s in parsed.scores] == [
        ("judge.gpt-5", "judge", 92.0, "lie", "because", {"parseable": True}),
        ("judge.m.2", "judge", None, "not_lie", "", {"parseable": False}),
    ]


def test_what_is_mapped_is_not_repeated_in_the_metadata():
    assert mapped(JUDGED, JUDGES).metadata == {"task": "mmlu", "sample_id": "1/2", "note": "kept"}
    single = Mapping(conversation="messages", id=("task",), scores=(ScoreField("a.b", "score.b"),))
    assert mapped({"task": "t", "a": {"b": 1, "c": 2}, "messages": []}, single).metadata == {"a": {"c": 2}}


@pytest.mark.parametrize("messages", [[], None, MISSING])
def test_a_record_without_messages_is_an_empty_transcript_with_a_warning(messages):
    record = {"id": "a"} if messages is MISSING else {"id": "a", "messages": messages}
    parsed = mapped(record, Mapping(conversation="messages", id=("id",)))
    assert (parsed.external_id, parsed.messages, parsed.warnings) == ("a", (), ("no messages",))


def test_a_text_is_one_message_of_the_assistant_and_a_json_list_in_a_text_is_a_conversation():
    plain = mapped({"said": "hello"}, Mapping(conversation="said"))
    assert [(m.role, m.text) for m in plain.messages] == [("assistant", "hello")]
    packed = mapped({"said": '[{"role": "user", "content": "hi"}]'}, Mapping(conversation="said"))
    assert [(m.role, m.text) for m in packed.messages] == [("user", "hi")]


def test_prompt_and_response_make_two_turns():
    parsed = mapped({"q": "why?", "a": {"text": "so"}}, Mapping(prompt="q", response="a.text"))
    assert [(m.role, m.text) for m in parsed.messages] == [("user", "why?"), ("assistant", "so")]


def test_sharegpt_fields_and_roles_are_understood():
    record = {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]}
    mapping = suggest([record])
    assert (mapping.conversation, mapping.role_field, mapping.content_field) == (
        "conversations",
        "from",
        "value",
    )
    assert [(m.role, m.text) for m in mapped(record, mapping).messages] == [
        ("user", "hi"),
        ("assistant", "ho"),
    ]


def test_scores_may_be_numbers_truths_words_or_unusable():
    scores = tuple(ScoreField(name, f"score.{name}") for name in "abcdef")
    mapping = Mapping(conversation="messages", scores=scores)
    parsed = mapped({"a": 1, "b": True, "c": "0.5", "d": "lie", "e": float("nan"), "f": [1]}, mapping)
    assert [(s.channel, s.value, s.label) for s in parsed.scores] == [
        ("score.a", 1.0, ""),
        ("score.b", 1.0, "true"),
        ("score.c", 0.5, ""),
        ("score.d", None, "lie"),
    ]
    assert "score.e holds no number and no label" in parsed.warnings


def test_a_missing_part_of_the_id_is_a_warning():
    parsed = mapped({"a": 1, "messages": []}, Mapping(conversation="messages", id=("a", "b")))
    assert parsed.external_id == "1"
    assert "the id lacks b" in parsed.warnings


def test_one_json_list_is_read_element_by_element():
    data = b' [{"id": "a", "m": []},\n {"id": "b", "m": nope}, {"id": "c", "m": [], "x": NaN} ]'
    items = read("mapped_jsonl", data, Mapping(conversation="m", id=("id",)))
    assert [t.external_id for t in transcripts(items)] == ["a", "c"]
    (bad,) = rejections(items)
    assert (bad.place.record, data[bad.place.start :][:9]) == (2, b'{"id": "b')


def test_paths_reach_keys_with_dots_and_places_in_lists():
    record = {"gpt-4.1": {"*": 1}, "list": [{"x": 5}], "back\\slash": 2}
    assert look_up(record, split_path(r"gpt-4\.1.\*")) == 1
    assert look_up(record, split_path("list.0.x")) == 5
    assert look_up(record, split_path("list.1.x")) is MISSING
    assert look_up(record, split_path(r"back\\slash")) == 2
    assert split_path(join_path(["a.b", "*", "c\\d"])) == ("a.b", "*", "c\\d")
    assert without({"a": {"b": 1}, "c": 2}, [("a", "b")]) == {"c": 2}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], ""),
        ({}, "conversation"),
        ({"conversation": "m", "prompt": "p"}, "conversation"),
        ({"conversation": "m..n"}, "conversation"),
        ({"conversation": "m.*"}, "conversation"),
        ({"conversation": 5}, "conversation"),
        ({"conversation": "m\0"}, "conversation"),
        ({"conversation": "m", "conditions": {"x": "a\ud800"}}, "conditions.x"),
        ({"convrsation": "m"}, "convrsation"),
        ({"conversation": "m", "id": 5}, "id"),
        ({"conversation": "m", "id": ["a", ""]}, "id[1]"),
        ({"conversation": "m", "conditions": {"x": 1}}, "conditions.x"),
        ({"conversation": "m", "scores": [{"path": "a"}]}, "scores[0].channel"),
        ({"conversation": "m", "scores": [{"path": "a.*", "channel": "b"}]}, "scores[0].channel"),
        ({"conversation": "m", "scores": [{"path": "a", "channel": "b.*"}]}, "scores[0].channel"),
        ({"conversation": "m", "scores": [{"path": "a.*.*", "channel": "b.*"}]}, "scores[0].path"),
        ({"conversation": "m", "scores": [{"path": "a", "channel": "b", "kind": "human"}]}, "scores[0].kind"),
        (
            {"conversation": "m", "scores": [{"path": "a", "channel": "b", "label_path": "c.*"}]},
            "scores[0].label_path",
        ),
        ({"conversation": "m", "scores": [{"path": "a", "channel": "b", "weight": 1}]}, "scores[0].weight"),
    ],
)
def test_a_wrong_mapping_names_its_field(value, field):
    with pytest.raises(MappingError) as caught:
        from_json(value)
    assert caught.value.field == field


def test_a_mapping_survives_its_json_form():
    assert from_json(json.loads(json.dumps(to_json(JUDGES)))) == JUDGES
    assert to_json(Mapping(conversation="m")) == {"conversation": "m"}


def test_a_mapping_is_suggested_from_the_first_records():
    mapping = suggest([JUDGED, JUDGED | {"sample_id": "3"}])
    assert mapping == Mapping(
        conversation="messages",
        id=("task", "sample_id"),
        model="model",
        scores=(ScoreField("judges.*.score", "judge.*", "judge", "judges.*.binary", "judges.*.raw"),),
    )
    assert suggest([]).conversation == "messages"
    assert suggest([{"question": "q", "answer": "a", "n": 1}]).prompt == "question"


CSV = Mapping(prompt="q", response="a", id=("id",), scores=(ScoreField("score", "score.x", "score"),))


def test_csv_rows_may_span_lines_and_hold_json():
    data = (
        b'\xef\xbb\xbfid,q,a,score,extra\r\n1,why?,"so,\r\n""quoted""",0.5,"{""k"": [1]}"\r\n\r\n2,x,y,,\r\n'
    )
    first, second = transcripts(read("mapped_csv", data, CSV))
    assert [m.text for m in first.messages] == ["why?", 'so,\r\n"quoted"']
    assert (first.place.record, first.place.line) == (1, 2)
    assert first.scores[0].value == 0.5
    assert first.metadata == {"extra": {"k": [1]}}
    assert (second.external_id, second.scores, second.place.line) == ("2", (), 5)


def test_csv_rows_that_do_not_fit_the_header_are_rejected_with_their_line():
    items = read("mapped_csv", b"id,q,a,score\n1,x,y\n2,x,y,1,9\n3,x,y,1\n4,\xff,y,1\n5,x,y,1\n", CSV)
    assert [t.external_id for t in transcripts(items)] == ["3", "5"]
    assert [(r.place.line, r.reason) for r in rejections(items)] == [
        (2, "the row has 3 fields, the header 4"),
        (3, "the row has 5 fields, the header 4"),
        (5, "line 5 is not UTF-8: byte 0xff at offset 2"),
    ]


def test_csv_quotes_that_do_not_match_are_rejected_and_reading_goes_on():
    items = read("mapped_csv", b'id,q,a,score\n1,"x"z,y,1\n2,x,y,1\n3,"x,y,1\n4,x,y,1\n', CSV)
    assert [t.external_id for t in transcripts(items)] == ["2"]
    assert [r.place.line for r in rejections(items)] == [2, 4]
    assert "lines 4 to 5" in rejections(items)[1].reason


def test_csv_columns_named_twice_cannot_be_read():
    (problem,) = rejections(read("mapped_csv", b"id,q,q\n1,2,3\n", CSV))
    assert "'q' twice" in problem.reason


def test_equal_csv_rows_under_other_headers_are_other_records():
    (one,) = read("mapped_csv", b"id,q\n1,x\n", Mapping(prompt="q"))
    (two,) = read("mapped_csv", b"q,id\n1,x\n", Mapping(prompt="q"))
    assert transcripts([one])[0].digest != transcripts([two])[0].digest


def test_tabs_and_semicolons_are_seen_in_the_header():
    (parsed,) = transcripts(read("mapped_csv", b"id\tq\n1\thello, you\n", Mapping(prompt="q")))
    assert parsed.messages[0].text == "hello, you"


def test_a_format_with_a_mapping_asks_for_one():
    for form in ("mapped_jsonl", "mapped_csv"):
        with pytest.raises(MappingError):
            read(form, b"{}")


CELLS = st.text(st.sampled_from('ab,;"\r\n\t \0é'), max_size=12)


@seed(20261121)
@settings(max_examples=300, deadline=None, database=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=4), raw=st.text(st.sampled_from('a,"\r \0é'), max_size=14), quoting=st.sampled_from((0, 1)))  # fmt: skip
def test_a_long_row_is_split_as_the_csv_module_does(cells, raw, quoting):
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting).writerow(cells)
    for line in (out.getvalue().removesuffix("\r\n"), raw):
        found = split_row(line.encode(), ",")
        if found is None or not line:
            continue
        (expected,) = csv.reader([line + "\n"], strict=True)
        assert found == expected
    if not any(sign in "".join(cells) for sign in "\r\n\0") and out.getvalue() != "\r\n":
        assert split_row(out.getvalue().removesuffix("\r\n").encode(), ",") == cells


def test_long_rows_short_rows_and_broken_ones_stand_beside_each_other(monkeypatch):
    monkeypatch.setattr(csvrows, "LONG", 20)
    long = b'3,"a ""long"" cell, in quotes"\r\n'
    data = (
        b"id,q\n1,x\n"
        + long
        + b'4,"two\r\nlines, and they are long"\n5,"broken" and long, too\n\n6,y\n'
        + long
    )
    found = [item for item in records(io.BytesIO(data)) if not isinstance(item, Rejection)]
    cells = [record["q"] for _, _, record in found]
    quoted = 'a "long" cell, in quotes'
    assert cells == ["x", quoted, "two\r\nlines, and they are long", "y", quoted]
    assert [place.line for place, _, _ in found] == [2, 3, 4, 8, 9]
