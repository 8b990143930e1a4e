"""Values of whole transcripts: the same in any company, in flat memory, and refused where there is none."""

import gc
import resource
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from auditor.evidence.blockformat import BlockValues, pack_block, read_payload
from auditor.interp.hookpoints import Place, UnknownHook
from auditor.interp.torchlab import capture
from auditor.interp.torchlab.batches import WINDOW, batched
from auditor.interp.torchlab.capture import Seen
from auditor.interp.torchlab.collect import activations
from auditor.interp.torchlab.dictionaries import DictionaryUse, Encoder
from auditor.interp.torchlab.probes import ProbeHead, ProbeUse
from auditor.interp.torchlab.subject import Read
from tests.interp.tiny_models import CONTEXT, FAMILIES, WIDTH
from tests.interp.torchlab.conftest import talk
from tests.interp.torchlab.test_hooks import seen as seen_at

WORDS = [
    "Was",
    "it",
    "a",
    "slip",
    "or",
    "a",
    "plan",
    "?",
    "Nobody",
    "can",
    "find",
    "that",
    "reference",
    "數",
    "😀",
    "and",
    "I",
    "did",
    "not",
    "look",
]
D_SAE = 80


@pytest.fixture(scope="module")
def reads(subjects: dict[str, Any]) -> dict[str, list[tuple[int, Read]]]:
    draw = np.random.default_rng(7)
    texts = [[" ".join(draw.choice(WORDS, n)) for n in draw.integers(1, 30, 2)] for _ in range(40)]
    return {
        family: [(n, subject.read(talk(*pair))) for n, pair in enumerate(texts)]
        for family, subject in subjects.items()
    }


def encoder(kind: str = "standard", place: str = "blocks.1.hook_resid_post", **more: Any) -> Encoder:
    from auditor.interp.sae_config import needed, read_configuration

    torch.manual_seed(5)
    written = {
        "architecture": kind,
        "d_in": WIDTH,
        "d_sae": D_SAE,
        "apply_b_dec_to_input": False,
        "hook_name": place,
        **more,
    }
    known = read_configuration(written)
    return Encoder(known, {name: torch.randn(shape) * 0.4 for name, shape in needed(known).items()})


def instruments() -> list[capture.Instrument]:
    head = ProbeHead(np.linspace(-1, 1, WIDTH), 0.25)
    return [
        ProbeUse("early", head, Place(0)), ProbeUse("late", head, Place(2)), ProbeUse("end", head, Place(2, "final_norm")),
        DictionaryUse("watched", encoder("jumprelu"), ("w.3", "w.70"), (3, 70)),
        DictionaryUse("full", encoder(), ("f.3", "f.9"), (3, 9), top=6),
        DictionaryUse("topk", encoder("topk", "blocks.2.hook_mlp_out", k=5), ("t.1",), (1,), top=8),
    ]  # fmt: skip


def run(subject: Any, some: list[tuple[int, Read]], **more: Any) -> dict[int, Seen]:
    return dict(capture.run(subject, some, instruments(), **more))


@pytest.mark.parametrize("family", FAMILIES)
def test_values_are_those_of_the_model_read_alone(
    family: str, subjects: dict[str, Any], reads: dict[str, Any]
) -> None:
    subject, some = subjects[family], reads[family]
    together, alone = run(subject, some, batch_tokens=900), run(subject, some, batch_tokens=1)
    assert set(together) == set(alone) == set(range(len(some)))
    for key, read in some:
        for name, values in together[key].values.items():
            assert values.shape == (len(read),)
            assert values.dtype == np.float32
            assert values == pytest.approx(alone[key].values[name], abs=2e-4), name
        for name, top in together[key].tops.items():
            assert top.value == pytest.approx(alone[key].tops[name].value, abs=2e-4)


def test_values_are_those_of_the_formulas(subjects: dict[str, Any], reads: dict[str, Any]) -> None:
    subject, (key, read) = subjects["llama"], reads["llama"][3]
    found = run(subject, [(key, read)])[key]
    ids = torch.tensor(read.table.id[None].astype(np.int64))
    with torch.inference_mode():
        states = subject.core(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states
    by_hand = states[1][0].double().numpy() @ np.linspace(-1, 1, WIDTH) + 0.25
    assert found.values["early"] == pytest.approx(by_hand, abs=1e-4)
    assert found.values["end"] == pytest.approx(
        states[3][0].double().numpy() @ np.linspace(-1, 1, WIDTH) + 0.25, abs=1e-4
    )
    features = encoder().encode(states[2][0]).numpy()
    assert found.values["f.9"] == pytest.approx(features[:, 9], abs=1e-4)
    assert found.tops["full"].value == pytest.approx(-np.sort(-features, axis=1)[:, :6], abs=1e-4)
    watched = encoder("jumprelu").encode(states[2][0]).numpy()
    assert found.values["w.70"] == pytest.approx(watched[:, 70], abs=1e-4)
    assert "watched" not in found.tops
    assert (found.tops["topk"].value > 0).sum(axis=1).max() <= 5, "of TopK no more than k are active"


def test_what_is_seen_makes_a_block(subjects: dict[str, Any], reads: dict[str, Any]) -> None:
    key, read = reads["gemma"][0]
    found = run(subjects["gemma"], [(key, read)])[key]
    keys = tuple(found.values)
    block = BlockValues(
        read.table, read.parts, keys, np.stack([found.values[k] for k in keys]), found.tops, read.rendered
    )
    again = read_payload(pack_block(block))
    assert again.row("late") == pytest.approx(found.values["late"])
    assert again.rendered == read.rendered


def test_what_is_too_long_is_left_out_with_why_and_the_rest_is_seen(subjects: dict[str, Any]) -> None:
    subject = subjects["gpt2"]
    some = [
        (0, subject.read(talk("short", "yes"))),
        (1, subject.read(talk("a b " * CONTEXT))),
        (2, subject.read(talk("more"))),
    ]
    found = run(subject, some)
    assert found[1].words.startswith("It is 1,")
    assert f"the model reads {CONTEXT} at once" in found[1].words
    assert not found[1].values
    assert not found[0].words
    assert found[2].values["late"].shape == (len(some[2][1]),)


def test_a_value_that_is_not_finite_is_no_value(subjects: dict[str, Any], reads: dict[str, Any]) -> None:
    head = ProbeHead(np.full(WIDTH, 3e38))
    ((_, found),) = capture.run(subjects["llama"], reads["llama"][:1], [ProbeUse("p", head, Place(1))])
    assert "is not finite" in found.words
    assert not found.values


def test_an_instrument_that_does_not_fit_is_refused_at_once(subjects: dict[str, Any]) -> None:
    def refused(instrument: capture.Instrument, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            next(capture.run(subjects["llama"], [], [instrument]), None)

    refused(
        ProbeUse("p", ProbeHead(np.ones(WIDTH + 1)), Place(0)),
        "p does not fit the model: it reads vectors of 33",
    )
    refused(
        ProbeUse("p", ProbeHead(np.ones(WIDTH)), Place(9)), "p does not fit the model. The model has 3 blocks"
    )
    refused(DictionaryUse("d", encoder(), ("a",), (1, 2)), "a key for each feature")
    narrow = encoder(place="blocks.0.attn.hook_z", d_in=WIDTH - 8)
    refused(
        DictionaryUse("d", narrow, ("a",), (1,)),
        "vectors of 24 numbers, and attention heads' outputs .* has 32",
    )
    with pytest.raises(ValueError, match="write to one channel"):
        list(capture.run(subjects["llama"], [], [*instruments(), instruments()[0]]))


def test_batches_are_of_like_length_and_within_bounds(reads: dict[str, Any]) -> None:
    some = reads["llama"] * 4
    groups = list(batched(iter(some), 300))
    assert sorted(key for group in groups for key, _ in group) == sorted(key for key, _ in some)
    for group in groups:
        longest = max(len(read) for _, read in group)
        assert len(group) == 1 or longest * len(group) <= 300
    tokens = sum(len(read) for _, read in some)
    padded = sum(max(len(read) for _, read in group) * len(group) for group in groups)
    assert padded < 1.3 * tokens
    assert list(batched(iter([]), 10)) == []


def test_memory_is_flat_however_many_there_are(subjects: dict[str, Any], reads: dict[str, Any]) -> None:
    """What is held does not grow with what was read: after 40 transcripts and after 600 it is the same."""
    subject, some = subjects["llama"], reads["llama"]

    def endless(n: int) -> Iterator[tuple[int, Read]]:
        for index in range(n):
            yield index, some[index % len(some)][1]

    def peaks(n: int) -> tuple[int, int]:
        gc.collect()
        tracemalloc.start()
        for _ in capture.run(subject, endless(n), instruments(), batch_tokens=500):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    peaks(2 * WINDOW)
    few, resident = peaks(2 * WINDOW)
    many, resident_after = peaks(10 * WINDOW)
    assert many < 1.5 * few
    assert resident_after - resident < 20_000, "kilobytes"


# --- Gathering for training.


def test_activations_are_gathered_over_the_tokens_that_count(
    subjects: dict[str, Any], reads: dict[str, Any]
) -> None:
    subject, some = subjects["gpt2"], reads["gpt2"][:9]
    places = [Place(0), Place(2)]
    means, lasts, every = (
        dict(activations(subject, some, places, rule=rule, batch_tokens=400))
        for rule in ("mean", "last", "tokens")
    )
    for key, read in some:
        ids = torch.tensor(read.table.id[None].astype(np.int64))
        with torch.inference_mode():
            states = subject.core(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states
        counted = read.table.counted.astype(bool)
        rows = states[1][0].numpy()[counted]
        assert every[key].at[Place(0)] == pytest.approx(rows, abs=1e-4)
        assert means[key].at[Place(0)] == pytest.approx(rows.mean(axis=0), abs=1e-4)
        assert lasts[key].at[Place(0)] == pytest.approx(rows[-1], abs=1e-4)
        assert every[key].tokens == counted.sum()
        assert set(means[key].at) == set(places)


def test_nothing_to_gather_is_said(subjects: dict[str, Any]) -> None:
    subject = subjects["gpt2"]
    some = [
        (0, subject.read(talk("only a question"))),
        (1, subject.read(talk("a b " * CONTEXT, "x"))),
        (2, subject.read(talk("q", "a"))),
    ]
    found = dict(activations(subject, some, [Place(0)]))
    assert found[0].words == "No token of it counts."
    assert "tokens long" in found[1].words
    assert found[2].at[Place(0)].shape == (WIDTH,)
    asked = dict(activations(subject, some[:1], [Place(0)], counts=lambda read: read.table.position == 0))
    assert asked[0].tokens > 0
    with pytest.raises(UnknownHook):
        list(activations(subject, some, [Place(40)]))


def test_a_direction_that_separates_is_learned_and_scores_as_it_was_trained(
    subjects: dict[str, Any], tmp_path: Path
) -> None:
    """From words to a probe's file and back: the two ways of computing a transcript's mean score agree."""
    from safetensors.numpy import load_file, save_file

    from auditor.interp.training import auroc, logistic

    subject, draw = subjects["llama"], np.random.default_rng(1)
    topics = (["plan", "ledger", "cleared"], ["數", "😀", "slip"])
    some = [(n, subject.read(talk("q", " ".join(draw.choice(topics[n % 2], 8))))) for n in range(40)]
    gathered = dict(activations(subject, some, [Place(1)]))
    x = np.stack([gathered[n].at[Place(1)] for n in range(40)])
    y = np.arange(40) % 2 == 0
    fitted = logistic(x[:20], y[:20])
    assert (auroc(fitted.scores(x[20:]), y[20:]) or 0) > 0.95
    save_file(fitted.tensors(), tmp_path / "probe.safetensors")
    head = ProbeHead.of(load_file(tmp_path / "probe.safetensors"), standardisation="mean_scale")
    for key, found in capture.run(subject, some, [ProbeUse("p", head, Place(1))]):
        counted = some[key][1].table.counted.astype(bool)
        assert found.values["p"][counted].mean() == pytest.approx(
            fitted.scores(x[key : key + 1])[0], abs=1e-3
        )
    assert seen_at(subject, [Place(1)])[Place(1)].shape[1] == WIDTH
