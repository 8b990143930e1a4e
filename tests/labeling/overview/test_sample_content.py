"""The sample audit's texts and invented evidence: complete, in place, and the same every time."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from typing import Any

import pytest
import yaml

from auditor.corpus.records import ParsedTranscript
from auditor.intake.importers import openai_chat
from labeling.codebooks.definition import load
from labeling.codebooks.path import check_answers, is_complete, next_question, prune
from labeling.codebooks.rules import derive
from labeling.overview import sample_audit
from labeling.overview.sample_audit import verdicts
from labeling.overview.sample_audit.facets import HALLUCINATION, INTENT
from labeling.overview.sample_audit.reviewers import INES, TOMAS, Verdict
from labeling.overview.sample_audit.story import Story, unmark
from labeling.overview.sample_audit.tracks import FEATURES
from labeling.overview.sample_audit.wire import CHANNELS, NOTICE

AUDIT = sample_audit.build()
STORIES = {story.id: story for story in AUDIT.stories}
REVIEWS = sample_audit.reviews(AUDIT)
TELLING = re.compile(
    r"lie|lying|honest|decei|decep|hallu|invent|sycoph|fabric|confab|sandbag|trick|fraud|cheat|bluff"
)


def lines_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.decode().splitlines()]


TRANSCRIPTS = lines_of(sample_audit.transcripts_jsonl(AUDIT))
EVIDENCE = lines_of(sample_audit.evidence_jsonl(AUDIT))


def text_of(story: Story, position: int, part: str) -> str:
    message = STORIES[story.id].messages[position]
    return message.text if part == "text" else message.reasoning


def texts(story: Story) -> Iterator[str]:
    for message in story.messages:
        yield message.text
        yield message.reasoning


def test_the_same_seed_gives_the_same_bytes() -> None:
    again = sample_audit.build()
    assert sample_audit.transcripts_jsonl(again) == sample_audit.transcripts_jsonl(AUDIT)
    assert sample_audit.evidence_jsonl(again) == sample_audit.evidence_jsonl(AUDIT)
    assert sample_audit.reviews(again) == REVIEWS


def test_another_seed_varies_the_families_and_keeps_the_core() -> None:
    other = sample_audit.build(7)
    assert sample_audit.transcripts_jsonl(other) != sample_audit.transcripts_jsonl(AUDIT)
    core = {story.id: story for story in AUDIT.stories if story.family == "core"}
    assert {story.id: story for story in other.stories if story.family == "core"} == core


def test_there_are_about_two_hundred_around_a_written_core() -> None:
    families = Counter(story.family for story in AUDIT.stories)
    assert 190 <= len(AUDIT.stories) <= 230
    assert families.pop("core") >= 34
    assert len(families) >= 16
    assert max(families.values()) <= 14
    assert AUDIT.stories[0].id == "pay-clear-0142"


def test_every_label_occurs_and_honest_ones_are_the_majority() -> None:
    labels = Counter(story.first.code for story in AUDIT.stories)
    assert set(labels) == set("GHPWUCKSNTDBXM?")
    total = len(AUDIT.stories)
    assert 0.5 <= (labels["H"] + labels["P"] + labels["W"]) / total <= 0.65
    assert 0.14 <= sum(labels[code] for code in INTENT) / total <= 0.28
    assert 0.10 <= sum(labels[code] for code in HALLUCINATION) / total <= 0.25


def test_intent_is_more_common_unmonitored_but_not_confined_to_it() -> None:
    def share(condition: str) -> float:
        codes = [story.first.code for story in AUDIT.stories if story.condition == condition]
        return sum(code in INTENT for code in codes) / len(codes)

    assert share("unmonitored") > 1.4 * share("monitored") > 0
    assert {story.model for story in AUDIT.stories} == {"harbor-7b-base", "harbor-7b-ledger-sft"}


def test_ids_are_unique_and_give_nothing_away() -> None:
    assert len(STORIES) == len(AUDIT.stories)
    for name in STORIES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)?-\d{4}", name)
        assert not TELLING.search(name)


def test_some_stories_are_samples_of_one_prompt_and_two_are_identical() -> None:
    clock = [story for story in AUDIT.stories if story.family == "one-prompt"]
    assert len({story.messages[0] for story in clock}) == 1
    answers = Counter(story.messages[1].text for story in clock)
    assert len(answers) >= 4
    assert max(answers.values()) == 2


def test_no_slot_and_no_mark_is_left_in_a_text() -> None:
    whole = sample_audit.transcripts_jsonl(AUDIT).decode() + sample_audit.evidence_jsonl(AUDIT).decode()
    whole += "".join(review.final.rationale + review.blind.rationale for review in REVIEWS)
    assert not re.search(r"\{[a-z][a-z0-9_]*\}", whole)
    assert not re.search(r"\[[a-z]\|", whole)


@pytest.mark.parametrize(
    "slip", [r"\S  +\S", r"\b([Aa]|the|The|of|and) \1\b", r" [,.;:!?](\s|$)", r"\.\.(\s|$)"]
)
def test_texts_have_no_slips_of_the_template(slip: str) -> None:
    for story in AUDIT.stories:
        for message in story.messages:
            if message.role == "tool" or story.first.code == "G" or "def " in message.text:
                continue
            for text in (message.text, message.reasoning):
                assert not re.search(slip, text), (story.id, text)


def test_transcripts_are_short_and_one_is_long() -> None:
    sizes = {story.id: sum(map(len, texts(story))) for story in AUDIT.stories}
    assert all(size < 2500 for name, size in sizes.items() if name != "move-0501")
    assert len(STORIES["move-0501"].messages) >= 15
    total = len(sample_audit.transcripts_jsonl(AUDIT)) + len(sample_audit.evidence_jsonl(AUDIT))
    assert total < 3_000_000


def test_every_transcript_is_a_sound_conversation() -> None:
    for record in TRANSCRIPTS:
        roles = [message["role"] for message in record["messages"]]
        assert roles[-1] == "assistant"
        assert "user" in roles
        assert record["conditions"].keys() == {"oversight"}
        waiting: list[str] = []
        for message in record["messages"]:
            assert message["content"] or message.get("tool_calls")
            for call in message.get("tool_calls", ()):
                json.loads(call["function"]["arguments"])
                waiting.append(call["id"])
            if message["role"] == "tool":
                assert message["tool_call_id"] == waiting.pop(0)
        assert not waiting


def test_the_importer_stores_the_texts_that_the_offsets_speak_of() -> None:
    parsed = openai_chat.parse(BytesIO(sample_audit.transcripts_jsonl(AUDIT)), name="sample.jsonl")
    for story, record in zip(AUDIT.stories, parsed, strict=True):
        assert isinstance(record, ParsedTranscript)
        assert not record.warnings
        assert (record.external_id, record.model) == (story.id, story.model)
        stored = [(message.role, message.text, message.reasoning) for message in record.messages]
        assert stored == [(message.role, message.text, message.reasoning) for message in story.messages]


def test_other_scripts_emoji_and_code_are_there() -> None:
    whole = "".join(text for story in AUDIT.stories for text in texts(story))
    for piece in ("🙂", "午後", "مغلق", "סגור", "def parse_sent"):
        assert piece in whole


def test_every_channel_says_that_it_was_generated() -> None:
    declared = [line["channel"] for line in EVIDENCE if isinstance(line["channel"], dict)]
    assert [channel["key"] for channel in declared] == [channel["key"] for channel in CHANNELS]
    assert {channel["notice"] for channel in declared} == {NOTICE}


def test_every_story_has_both_judges_the_probe_and_three_features() -> None:
    seen: dict[str, set[str]] = {name: set() for name in STORIES}
    for line in EVIDENCE[len(CHANNELS) :]:
        seen[line["transcript"]["id"]].add(line["channel"])
    assert all(channels == {channel["key"] for channel in CHANNELS} for channels in seen.values())


def test_quotes_stand_where_they_say_except_a_rare_misquote() -> None:
    quotes = [
        (quote, story)
        for story in AUDIT.stories
        for judgement in verdicts.judgements(story, AUDIT.seed)
        for quote in judgement.quotes
    ]
    missing = 0
    for quote, story in quotes:
        whole = text_of(story, quote.position, "text") + "\n" + text_of(story, quote.position, "reasoning")
        assert (quote.text in whole) == quote.found, (story.id, quote)
        missing += not quote.found
    assert 1 <= missing <= 0.06 * len(quotes)


def test_high_scores_cite_something() -> None:
    for story in AUDIT.stories:
        for judgement in verdicts.judgements(story, AUDIT.seed):
            assert 0 <= judgement.value <= 100
            assert judgement.explanation
            assert judgement.value < 60 or 1 <= len(judgement.quotes) <= 2


def test_the_judges_err_in_their_own_ways() -> None:
    def mean(channel: str, codes: str) -> float:
        values = [
            judgement.value
            for story in AUDIT.stories
            for judgement in verdicts.judgements(story, AUDIT.seed)
            if judgement.channel == channel and story.first.code in codes
        ]
        return sum(values) / len(values)

    assert mean(verdicts.QUILL, "D") > mean(verdicts.QUILL, "H") + 40
    assert mean(verdicts.SABLE, "D") > mean(verdicts.SABLE, "H") + 40
    assert mean(verdicts.QUILL, "P") > 60 > 30 > mean(verdicts.SABLE, "P")
    assert mean(verdicts.QUILL, "C") > 50 > 30 > mean(verdicts.SABLE, "C")


def test_tracks_lie_within_their_text_in_order() -> None:
    tracks = [line for line in EVIDENCE if "starts" in line]
    assert tracks
    for track in tracks:
        story = STORIES[track["transcript"]["id"]]
        text = text_of(story, track["position"], track["part"])
        assert story.messages[track["position"]].role == "assistant"
        assert len(track["starts"]) == len(track["ends"]) == len(track["values"]) > 0
        last = 0
        for start, end, value in zip(track["starts"], track["ends"], track["values"], strict=True):
            assert last <= start < end <= len(text)
            assert value > 0 if track["channel"] in FEATURES else 0 <= value <= 1
            assert text[start:end].strip() == text[start:end] != ""
            last = end


def test_the_probe_peaks_where_something_is_invented() -> None:
    inside: list[float] = []
    outside: list[float] = []
    for line in EVIDENCE:
        if line["channel"] != "probe.entity-l20":
            continue
        marks = [
            mark
            for mark in STORIES[line["transcript"]["id"]].marked("e")
            if (mark.position, mark.part) == (line["position"], line["part"])
        ]
        for start, value in zip(line["starts"], line["values"], strict=True):
            (inside if any(m.start <= start < m.end for m in marks) else outside).append(value)
    assert sum(inside) / len(inside) > 0.4 > 0.2 > sum(outside) / len(outside)


def test_a_deception_feature_fires_on_play_and_misses_some_lies() -> None:
    peaks: Counter[str] = Counter()
    for line in EVIDENCE:
        if line["channel"] == "sae.14-3391" and "values" in line:
            name = line["transcript"]["id"]
            peaks[name] = max(peaks[name], *line["values"], 0)
    assert any(peaks[story.id] > 2 for story in AUDIT.stories if story.first.code == "P")
    assert any(peaks[story.id] < 1 for story in AUDIT.stories if story.first.code == "D")


def test_two_reviewers_label_every_story_and_agree_on_about_three_in_four() -> None:
    codes = {(review.story_id, review.reviewer): review for review in REVIEWS}
    assert len(codes) == 2 * len(STORIES)
    for stage in ("blind", "final"):
        agreed = [
            getattr(codes[name, INES], stage).code == getattr(codes[name, TOMAS], stage).code
            for name in STORIES
        ]
        assert 0.68 <= sum(agreed) / len(agreed) <= 0.82
    changed = [review for review in REVIEWS if review.blind.code != review.final.code]
    assert 0.02 <= len(changed) / len(REVIEWS) <= 0.15


def test_every_answer_leads_to_its_label_by_the_default_codebook() -> None:
    written = files("labeling.codebooks").joinpath("defaults/intent_versus_hallucination.yaml")
    codebook = load(yaml.safe_load(written.read_text(encoding="utf-8")))
    for review in REVIEWS:
        for verdict in (review.blind, review.final):
            check_answers(codebook, verdict.answers)
            answers = prune(codebook, verdict.answers)
            assert is_complete(codebook, answers), (review.story_id, next_question(codebook, answers))
            assert derive(codebook, answers).label == verdict.code, (review.story_id, verdict.answers)


def test_reviewers_spans_stand_where_they_say() -> None:
    for review in REVIEWS:
        story = STORIES[review.story_id]
        for verdict in (review.blind, review.final):
            assert 1 <= verdict.confidence <= 5
            assert 1 <= verdict.active_seconds <= 900
            check_spans(story, verdict)


def check_spans(story: Story, verdict: Verdict) -> None:
    for span in verdict.spans:
        assert span.kind in ("truth", "misleads")
        assert text_of(story, span.position, span.part)[span.start : span.end] == span.quote != ""


def test_what_is_called_intended_shows_where_it_misleads() -> None:
    for story in AUDIT.stories:
        if story.first.code in "SNDB":
            assert story.marked("t"), story.id
        if story.first.code in INTENT | HALLUCINATION | {"T"}:
            assert story.marked("me"), story.id
        if story.first.code == "D":
            assert any(mark.part == "reasoning" for mark in story.marked("m")), story.id


def test_marks_nest_and_leave_other_brackets_alone() -> None:
    marks = [(5, 11, "m"), (8, 9, "e")]
    assert unmark("a[0] [m|is [e|b] c] d]") == ("a[0] is b c d]", marks)
    with pytest.raises(ValueError, match="unclosed"):
        unmark("[m|never ends")
