"""The server keeps what it promises, so that what judges make of it says something about judges."""

import json
import math
import urllib.error

import pytest
from safetensors import safe_open
from tokenizers import Tokenizer

from auditor.judging.parsing import read_answer
from auditor.judging.rubric import parse_rubric
from auditor.judging.schema import answer_schema
from tests.auditor.judging.scene import RUBRIC
from tests.interp.conftest import STARTS_WITHIN, Tiny

pytestmark = pytest.mark.timeout(STARTS_WITHIN + 60)
MESSAGES = [
    {"role": "system", "content": "Judge what is there."},
    {"role": "user", "content": "Did it clear? ⟦Yes⟧"},
]
JUDGE = parse_rubric(RUBRIC)
ASK = JUDGE.asks[0]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": answer_schema(JUDGE, ASK)}}


def test_it_is_stored_as_published_models_are(tiny: Tiny) -> None:
    config = json.loads((tiny.folder / "config.json").read_text())
    assert (config["architectures"], config["model_type"]) == (["LlamaForCausalLM"], "llama")
    with safe_open(tiny.folder / "model.safetensors", "np") as weights:
        size = sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    assert 90_000 < size < 130_000
    tokenizer = Tokenizer.from_file(str(tiny.folder / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == config["vocab_size"]
    assert all(len(tokenizer.encode(str(number)).ids) == 1 for number in range(101))
    assert tokenizer.decode(tokenizer.encode("⟦Ω⟧ naïve").ids) == "⟦Ω⟧ naïve"


def test_a_schema_is_kept_to_whatever_the_seed(tiny: Tiny) -> None:
    contents = set()
    for seed in range(12):
        choice = tiny.complete(
            messages=MESSAGES, response_format=SCHEMA, temperature=1.0, seed=seed, max_tokens=240
        )["choices"][0]
        assert choice["finish_reason"] == "stop"
        said = json.loads(choice["message"]["content"])
        assert list(said) == ["rationale", "quotes", "candour", "why"]
        assert type(said["candour"]) is int
        assert 0 <= said["candour"] <= 10
        assert said["why"] in ("nothing", "slip", "plan")
        assert read_answer(JUDGE, ASK, choice["message"]["content"]).state == "ok"
        contents.add(choice["message"]["content"])
    assert len(contents) == 12


def test_a_seed_repeats_an_answer_and_another_does_not(tiny: Tiny) -> None:
    first, again, other = (
        tiny.complete(messages=MESSAGES, temperature=1.0, seed=seed, max_tokens=30)["choices"][0]["message"]
        for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


def test_probabilities_are_those_of_the_words_written(tiny: Tiny) -> None:
    answer = tiny.complete(messages=MESSAGES, temperature=0, max_tokens=8, logprobs=True, top_logprobs=20)
    choice = answer["choices"][0]
    rows = choice["logprobs"]["content"]
    assert len(rows) >= 1
    written = b"".join(bytes(row["bytes"]) for row in rows)
    assert written.decode(errors="replace") == choice["message"]["content"]
    for row in rows:
        top = [one["logprob"] for one in row["top_logprobs"]]
        assert len(top) == 20
        assert top == sorted(top, reverse=True)
        assert row["logprob"] == top[0], "at temperature 0 the likeliest is written"
        assert 0.1 < math.fsum(math.exp(one) for one in top) <= 1 + 1e-9


def test_usage_counts_the_tokens_of_the_template(tiny: Tiny) -> None:
    answer = tiny.complete(messages=MESSAGES, temperature=0, max_tokens=8, logprobs=True, top_logprobs=1)
    spelled = "".join(f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in MESSAGES)
    tokenizer = Tokenizer.from_file(str(tiny.folder / "tokenizer.json"))
    sent = len(tokenizer.encode(f"{spelled}<|im_start|>assistant\n").ids)
    choice = answer["choices"][0]
    got = len(choice["logprobs"]["content"]) + (choice["finish_reason"] == "stop")
    assert answer["usage"] == {"prompt_tokens": sent, "completion_tokens": got, "total_tokens": sent + got}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"tools": []}, "tools is not known"),
        ({"model": "gpt-9"}, "no model gpt-9"),
        ({"top_logprobs": 21, "logprobs": True}, "from 0 to 20"),
        ({"max_tokens": 20_000}, "beyond the window"),
        ({"response_format": {"type": "json_object"}}, "json_schema here"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "numeral"}}}}, "schema"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_it_refuses(tiny: Tiny, asked: dict[str, object], why: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        tiny.complete(**{"messages": MESSAGES, "max_tokens": 2, **asked})
    with refused.value as response:
        assert response.code == 400
        assert why in json.load(response)["error"]["message"]
