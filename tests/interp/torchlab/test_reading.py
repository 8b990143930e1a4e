"""What a model reads is tied to the transcript, and the tokenizers' own offsets say the same."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.interp.alignment import DoesNotFit
from auditor.interp.conversation import Call, Turn, Words
from tests.interp.tiny_models import FAMILIES
from tests.interp.torchlab.conftest import talk

SIGNS = 'abcdefgh Was it. \n\t😀👩‍👩‍👧數é\u0301אש\u200f<0x0A>{}"\\|'
TEXTS = st.one_of(
    st.text(SIGNS, min_size=1, max_size=14),
    st.text(st.characters(codec="utf-8", exclude_characters="\u2581"), min_size=1, max_size=8),
    st.sampled_from(
        [
            "<|im_end|>",
            "x<|im_start|>user\ny",
            "<end_of_turn>",
            "<s>",
            "</think> so",
            "<|endoftext|>",
            "<0xF0>",
            "  two  ",
        ]
    ),
)


@pytest.mark.parametrize("family", FAMILIES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=120)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_every_token_stands_where_the_tokenizer_says(
    family: str, subjects: dict[str, Any], texts: list[str]
) -> None:
    subject = subjects[family]
    read = subject.read(talk(*texts))
    offsets = subject.vocabulary.tokenizer(
        read.rendered, add_special_tokens=False, return_offsets_mapping=True
    )["offset_mapping"]
    table = read.table
    assert len(offsets) == len(table)
    for n, (begin, end) in enumerate(offsets):
        if end > begin and table.till[n] > table.at[n]:  # a dummy space has whatever place it is given
            assert (table.at[n], table.till[n]) == (begin, end), read.rendered[begin:end]
        if table.position[n] >= 0:
            text = texts[table.position[n]]
            assert text[table.start[n] : table.end[n]] in read.rendered[table.at[n] : table.till[n]]
    for position, text in enumerate(texts):
        covered = np.zeros(len(text), bool)
        for n in np.flatnonzero(table.position == position):
            covered[table.start[n] : table.end[n]] = True
        stripped = text.strip()
        begin = text.index(stripped) if stripped else 0
        assert covered[begin : begin + len(stripped)].all(), "no word is without a token"


@pytest.mark.parametrize("family", FAMILIES)
def test_markers_inside_words_are_flagged_and_stay_with_their_message(
    family: str, subjects: dict[str, Any]
) -> None:
    marker = {"gpt2": "<|endoftext|>", "llama": "<|im_end|>", "gemma": "<end_of_turn>"}[family]
    read = subjects[family].read(talk("Hi", f"no {marker} yes"))
    inside = (read.table.position == 1) & (read.table.special == 1)
    assert inside.sum() == 1
    n = int(np.flatnonzero(inside)[0])
    assert (read.table.start[n], read.table.end[n]) == (3, 3 + len(marker))
    assert read.table.counted[n] == 0
    assert read.table.counted[read.table.position == 0].sum() == 0


def test_reasoning_stands_where_the_template_writes_it(subjects: dict[str, Any]) -> None:
    turns = (
        Turn(0, "user", (Words(0, "text", "Why?"),)),
        Turn(1, "assistant", (Words(1, "reasoning", "a secret"), Words(1, "text", "Because."))),
        Turn(2, "assistant", (Words(2, "reasoning", "\nnow then\n"), Words(2, "text", "So."))),
    )
    read = subjects["llama"].read(turns)
    assert read.left_out == len("a secret") + 2
    where = [
        read.parts[part] if position == 2 else ""
        for part, position in zip(read.table.part, read.table.position, strict=True)
    ]
    assert "reasoning" in where
    assert not (read.table.position[np.array(where) == "reasoning"] != 2).any()
    assert "a secret" not in read.rendered
    assert subjects["gemma"].read(talk("Why?", "Because.")).left_out == 0


def test_calls_and_results_are_tied_through_json(subjects: dict[str, Any]) -> None:
    stored = '{\n  "where": "Zürich",\n  "n": 3\n}'
    turns = (
        Turn(0, "user", (Words(0, "text", "Find it"),)),
        Turn(1, "assistant", (), (Call(Words(1, "part:0", stored), "find", "c1"),)),
        Turn(2, "tool", (Words(2, "text", 'a "b"\n數'),), answers="c1", tool="find"),
        Turn(3, "assistant", (Words(3, "text", "There."),)),
    )
    read = subjects["llama"].read(turns)
    assert '"arguments": {"where": "Zürich", "n": 3}' in read.rendered
    assert read.left_out == 0
    mine = [n for n in range(len(read)) if read.table.position[n] == 1]
    spoken = "".join(dict.fromkeys(stored[read.table.start[n] : read.table.end[n]] for n in mine))
    assert "Zürich" in spoken.replace(" ", "")
    assert set(read.table.position.tolist()) == {-1, 0, 1, 2, 3}
    assert read.table.counted[read.table.position == 1].sum() == 0, (
        "a call is no text unless that is asked for"
    )


def test_an_unknown_character_is_refused_where_a_vocabulary_has_no_bytes(subjects: dict[str, Any]) -> None:
    from auditor.interp.alignment import Piece, place, tie

    turns = talk("數")
    placed = place(turns, subjects["gpt2"].vocabulary.render)
    ids, pieces = subjects["gpt2"].vocabulary.tokens(placed.rendered)
    n = next(n for n, piece in enumerate(pieces) if piece.bytes[0] > 0x7F)
    broken = [*pieces[:n], Piece(b"<unk>", special=True, added=True), *pieces[n + 3 :]]
    with pytest.raises(DoesNotFit) as problem:
        tie(placed, broken, ids=ids[: len(broken)])
    assert problem.value.token_text == "<unk>"
    assert problem.value.position == 0


def test_a_tokenizer_that_loses_what_it_reads_is_refused() -> None:
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    from auditor.interp.torchlab.subject import Refused
    from auditor.interp.torchlab.vocabulary import Vocabulary

    pieces = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    pieces.decoder = decoders.WordPiece()
    with pytest.raises(Refused, match=r"WordPiece.*keeps less than the text"):
        Vocabulary(PreTrainedTokenizerFast(tokenizer_object=pieces, unk_token="[UNK]"))


def test_a_sign_that_a_vocabulary_takes_for_a_space_is_refused_by_name(subjects: dict[str, Any]) -> None:
    with pytest.raises(DoesNotFit, match=r"Token .* is ' ', and the text goes on with '▁") as problem:
        subjects["gemma"].read(talk("yes ▁ no"))
    assert problem.value.position == 0
    assert len(subjects["gpt2"].read(talk("yes ▁ no"))) > 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=120)
@given(
    text=st.one_of(st.text("aeo\u0301\u0323\u0308\u1112\u1161\u11ab\u212bx ", min_size=1, max_size=12), TEXTS)
)
def test_a_tokenizer_that_normalises_reads_the_normalised_text(subjects: dict[str, Any], text: str) -> None:
    """As Qwen's does: byte-level BPE behind NFC."""
    from unicodedata import normalize

    from tokenizers import Tokenizer, normalizers
    from transformers import PreTrainedTokenizerFast

    from auditor.interp.alignment import place, tie
    from auditor.interp.normal_forms import normalised
    from auditor.interp.torchlab.vocabulary import Vocabulary

    backend = Tokenizer.from_str(subjects["gpt2"].vocabulary.tokenizer.backend_tokenizer.to_str())
    backend.normalizer = normalizers.NFC()
    vocabulary = Vocabulary(PreTrainedTokenizerFast(tokenizer_object=backend))
    assert vocabulary.form == "NFC"
    placed = normalised(place(talk(text), vocabulary.render), "NFC")
    ids, pieces = vocabulary.tokens(placed.rendered)
    unnormalised, _ = vocabulary.tokens(place(talk(text), vocabulary.render).rendered)
    assert ids == unnormalised, "the tokenizer gives the same tokens for what was stored"
    table = tie(placed, pieces, ids=ids).table
    on = table.position == 0
    shown = {(int(a), int(b)) for a, b in zip(table.start[on], table.end[on], strict=True)}
    covered = np.zeros(len(text), bool)
    for begin, end in shown:
        covered[begin:end] = True
        assert normalize("NFC", text[begin:end]) in placed.rendered
    stripped = text.strip()
    begin = text.index(stripped) if stripped else 0
    assert covered[begin : begin + len(stripped)].all()
