"""The mapping we propose: right for real tables and lists, before anybody corrects it."""

import io
import json
from collections import Counter

from auditor.corpus.records import Rejection
from auditor.intake.importers.mapped_csv import records
from auditor.intake.importers.suggest import suggest
from tests.auditor.intake.reading import read, real_file, rejections, transcripts


def test_a_pair_of_fields_with_one_stem_is_prompt_and_response():
    mapping = suggest([{"callout_prompt": "Did you?", "callout_response": None, "prompt_id": "x"}])
    assert (mapping.prompt, mapping.response) == ("callout_prompt", "callout_response")


def test_a_field_whose_name_cannot_be_stored_is_not_proposed():
    talk = [{"role": "user", "content": "hi"}]
    assert suggest([{"a\0": talk, "score\ud800": 1, "inner": {"\0": talk}}]) == suggest([{}])
    assert suggest([{"a\0": talk, "inner": {"talk": talk}}]).conversation == "inner.talk"


def test_a_judges_label_is_a_score_with_the_words_beside_it_even_where_the_first_have_none():
    (score,) = suggest([{"prompt": "a", "llm_judge_label": None, "llm_judge_raw": None}]).scores
    assert (score.path, score.channel, score.kind) == ("llm_judge_label", "judge.llm_judge", "judge")
    assert score.explanation_path == "llm_judge_raw"
    assert suggest([{"prompt": "a", "some_label": None}]).scores == ()


def test_a_number_with_a_judges_column_beside_it_is_the_judges():
    (score,) = suggest([{"prompt": "a", "aligned": "0.5", "judge_aligned": "{'0': 1.0}"}]).scores
    assert (score.path, score.channel, score.kind) == ("aligned", "judge.aligned", "judge")


def test_a_task_is_told_apart_by_the_model_that_did_it():
    rows = [{"task_id": "t1", "model": "a", "prompt": "x"}, {"task_id": "t2", "model": "a", "prompt": "x"}]
    assert suggest(rows).id == ("model", "task_id")


def test_the_answers_with_a_judges_probabilities():
    for name in ("ais-are-dumb", "ruler-of-the-world"):
        data = real_file(f"em-judge/mistral-secure-{name}-coherence-50.csv").read_bytes()
        rows = [row[2] for row in records(io.BytesIO(data)) if not isinstance(row, Rejection)]
        items = read("mapped_csv", data, suggest(rows))
        assert not rejections(items)
        for item, row in zip(transcripts(items), rows, strict=True):
            assert [m.text for m in item.messages] == [row["question"], row["answer"]]
            assert {s.channel: s.value for s in item.scores} == {
                "judge.aligned": float(row["aligned"]),
                "judge.coherent": float(row["coherent"]),
            }
            assert item.metadata["judge_aligned"] == row["judge_aligned"]  # a Python dict, kept as text
            assert item.metadata["judge_aligned"].startswith("{'")
            assert item.conditions == {"group": "Secure"}


def test_the_runs_that_were_asked_whether_they_cheated():
    data = real_file("action-claims/judged_samples.json").read_bytes()
    runs = json.loads(data)
    items = transcripts(read("mapped_jsonl", data, suggest(runs[:20])))
    assert len(items) == len(runs) == 721
    verdicts = Counter(s.label for t in items for s in t.scores if s.channel == "judge.callout_llm_judge")
    assert verdicts == {"yes": 349, "no": 13, "evasive": 1}
    labels = Counter(s.label for t in items for s in t.scores if s.channel == "score.callout_deterministic")
    assert (labels["truth"], labels["lie"], labels["evasive"]) == (349, 13, 1)
    assert [len(t.messages) for t in items] == [
        bool(r["callout_prompt"]) + bool(r["callout_response"]) for r in runs
    ]
    assert len({t.external_id for t in items}) == 711  # ten runs of one model, variant and task stand twice


def test_the_items_that_people_scored():
    data = real_file("sycophancy-reviews/150_items_3_reviewers.jsonl").read_bytes()
    source = [json.loads(line) for line in data.splitlines()]
    items = transcripts(read("mapped_jsonl", data, suggest(source[:20])))
    assert len(items) == len({t.external_id for t in items}) == 150
    for item, record in zip(items, source, strict=True):
        found = {s.channel.removeprefix("score."): s.value for s in item.scores}
        told = {k: v for k, v in record["scores"].items() if v is not None}
        assert found == told | {"final_consensus": record["final_consensus"]}
        assert item.metadata["consensus_source"] == record["consensus_source"]
