"""Cards: nothing that bears on a score may be left to guessing."""

from typing import Any

import numpy as np
import pytest

from auditor.evidence.blockformat import TokenTable
from auditor.interp.card import Card, CardProblem

GIVEN: dict[str, Any] = {
    "kind": "logistic",
    "model": "meta-llama/Llama-3.3-70B-Instruct",
    "revision": "6f6073b",
    "layer": 22,
    "hook": "resid_post",
    "convention": "resid_post",
    "polarity": "high is deceptive",
    "standardisation": "mean_scale",
    "token_rule": "assistant",
    "aggregation": "mean",
    "training": {"text": "Pairs of instructed honest and dishonest answers.", "digest": "0" * 64},
}


@pytest.mark.parametrize("field", GIVEN)
def test_every_field_must_be_there_and_the_error_names_it(field: str) -> None:
    with pytest.raises(CardProblem) as caught:
        Card.from_json({name: value for name, value in GIVEN.items() if name != field})
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("layer", True, "whole number"),
        ("layer", -1, "whole number"),
        ("layer", 22.0, "whole number"),
        ("convention", "hidden", "resid_post, hidden_states"),
        ("polarity", "1", "in words"),
        ("polarity", "+", "in words"),
        ("polarity", ["x"], "must be a text"),
        ("aggregation", "median", "mean, max, rolling_max"),
        ("standardisation", {}, "must be one of"),
        ("training", {"text": "x", "digest": "abc"}, "64 hexadecimal digits"),
        ("training", {"text": " ", "digest": "unknown"}, "what the probe was trained on"),
        ("training", {"text": "x", "digest": "unknown", "url": "y"}, "no field url"),
        ("hook", "logits", "must be one of"),
        ("hook", "blocks.23.hook_resid_post", "names block 23"),
        ("window", 4, "only rolling_max"),
        ("output", "logit", "linear, probability"),
        ("revision", "  ", "empty"),
        ("colour", "red", "no such field"),
        ("format", "auditor.probe.9", "only auditor.probe.1"),
        ("model", "x\0y", "zero bytes"),
        ("thresholds", [{"value": 1.0, "n": 3, "fired": 0}], "names the control set"),
        ("thresholds", [{"value": 1.0, "control": "alpaca", "n": 0, "fired": 0}], "at least 1"),
        ("thresholds", [{"value": 1.0, "control": "alpaca", "n": 3, "fired": 4}], "how many of the n"),
        ("thresholds", [{"value": float("nan"), "control": "a", "n": 3, "fired": 1}], "finite"),
        ("thresholds", [{"value": 1.0, "control": "a", "n": 3, "fired": 1, "wanted": 2}], "from 0 to 1"),
        ("thresholds", [4], "must be an object"),
    ],
)
def test_what_is_refused_says_why(field: str, value: Any, words: str) -> None:
    with pytest.raises(CardProblem, match=words):
        Card.from_json(GIVEN | {field: value})


def test_a_card_that_is_no_object() -> None:
    with pytest.raises(CardProblem, match="JSON object"):
        Card.from_json([GIVEN])


def test_a_window_belongs_to_rolling_max() -> None:
    with pytest.raises(CardProblem, match="window: it is missing"):
        Card.from_json(GIVEN | {"aggregation": "rolling_max"})
    card = Card.from_json(GIVEN | {"aggregation": "rolling_max", "window": 16})
    assert card.window == 16
    assert card.anchored
    assert "16 counted tokens in a row" in dict(card.in_words())["Value of a transcript"]


def test_both_conventions_name_one_place() -> None:
    after = Card.from_json(GIVEN)
    states = Card.from_json(GIVEN | {"convention": "hidden_states", "layer": 23})
    assert after.block == states.block == 22
    assert after.full_hook == states.full_hook == "blocks.22.hook_resid_post"
    embedding = Card.from_json(GIVEN | {"convention": "hidden_states", "layer": 0})
    assert embedding.block is None
    assert embedding.full_hook == "blocks.0.hook_resid_pre"
    with pytest.raises(CardProblem, match="residual stream alone"):
        Card.from_json(GIVEN | {"convention": "hidden_states", "hook": "mlp_out"})


def test_the_model_must_have_the_layer() -> None:
    assert Card.from_json(GIVEN).problem_with(80) == ""
    assert "0 to 21" in Card.from_json(GIVEN).problem_with(22)
    last = Card.from_json(GIVEN | {"convention": "hidden_states", "layer": 80})
    assert "final norm" in last.problem_with(80)
    assert last.problem_with(81) == ""


def test_there_and_back() -> None:
    card = Card.from_json(
        GIVEN
        | {
            "aggregation": "rolling_max", "window": 3, "output": "probability", "licence": "MIT", "name": "Deception",
            "thresholds": [{"value": 0.5, "control": "alpaca", "n": 9994, "fired": 99, "wanted": 0.01}],
        }
    )  # fmt: skip
    assert Card.from_json(card.to_json()) == card
    assert dict(card.in_words())["Licence"] == "MIT"


def _table() -> TokenTable:
    """A user's word, the assistant's reasoning, two words of its text, and a special token at the end."""
    return TokenTable(
        id=np.arange(6, dtype=np.int32),
        at=np.array([0, 2, 4, 6, 8, 10], np.uint32),
        till=np.array([2, 4, 6, 8, 10, 12], np.uint32),
        position=np.array([-1, 0, 1, 1, 1, -1], np.int32),
        part=np.array([0, 0, 1, 0, 0, 0], np.uint8),
        start=np.array([0, 0, 0, 0, 2, 0], np.uint32),
        end=np.array([0, 2, 2, 2, 4, 0], np.uint32),
        special=np.array([1, 0, 0, 0, 0, 1], np.uint8),
        counted=np.array([0, 0, 1, 1, 1, 0], np.uint8),
    )


@pytest.mark.parametrize(
    ("rule", "which"),
    [("assistant", [2, 3, 4]), ("assistant_text", [3, 4]), ("all", [1, 2, 3, 4]), ("last", [4])],
)
def test_which_tokens_a_rule_counts(rule: str, which: list[int]) -> None:
    counted = Card.from_json(GIVEN | {"token_rule": rule}).counts(_table(), ("text", "reasoning"))
    assert np.flatnonzero(counted).tolist() == which


def test_a_transcript_without_the_assistant_has_no_value() -> None:
    table = _table()
    table.counted[:] = 0
    for rule in ("assistant", "assistant_text", "last"):
        card = Card.from_json(GIVEN | {"token_rule": rule})
        counted = card.counts(table, ("text", "reasoning"))
        assert card.aggregate(np.ones(6), counted) is None
        assert card.peak(np.ones(6), counted) is None
