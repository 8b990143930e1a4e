"""A chunk arrives as it was sent, and what is cut short is no chunk."""

import io

import pytest

from auditor.corpus.chunks import Chunk, chunks
from auditor.corpus.records import (
    ParsedMessage,
    ParsedQuote,
    ParsedScore,
    ParsedTranscript,
    Piece,
    Place,
    Rejection,
)
from auditor.intake.frames import Broken, Problem, received, send_chunk, send_end, send_problem

PICTURE = {"kind": "image", "media_type": "image/png", "payload": b"\x89PNG\x00\xff\xfe"}
SCORE = ParsedScore(
    "judge.a", "judge", 0.25, quotes=(ParsedQuote("Übel", position=0),), detail={"seed": 2**70, "n": [None, 1.5]}
)  # fmt: skip


def made() -> Chunk:
    item = ParsedTranscript(
        digest="0f" * 32, place=Place(1, member="a\nb", pieces=(Piece(0, 4),)), warnings=("odd",),
        messages=(ParsedMessage("user", "a\tb\\\u2028", parts=(PICTURE,)), ParsedMessage("assistant", "")),
        scores=(SCORE, ParsedScore("judge.a", "judge", None, position=9)), metadata={"n": 2**70},
    )  # fmt: skip
    (chunk,) = chunks(
        [item, Rejection(Place(2, line=7), "why \ud800?".encode(errors="replace").decode())], lambda: 99
    )
    return chunk


def test_a_chunk_arrives_as_it_was_sent() -> None:
    pipe = io.BytesIO()
    send_chunk(pipe, made())
    send_chunk(pipe, Chunk([], []))
    send_end(pipe)
    pipe.seek(0)
    assert list(received(pipe)) == [made(), Chunk([], [])]
    assert made().records[0].carried[0].data == PICTURE["payload"]
    assert [problem for _, problem in made().records[0].scores] == ["", "the transcript has no message 9"]


@pytest.mark.parametrize("left", [0, 3, 8, 20, -1])
def test_frames_that_end_early_are_noticed(left: int) -> None:
    pipe = io.BytesIO()
    send_chunk(pipe, made())
    with pytest.raises(Broken):
        list(received(io.BytesIO(pipe.getvalue()[:left])))
    with pytest.raises(Broken):
        list(received(io.BytesIO(pipe.getvalue())))  # whole, but nobody said that it was the end


def test_a_problem_is_told_in_words() -> None:
    pipe = io.BytesIO()
    send_problem(pipe, "OSError: gone")
    pipe.seek(0)
    with pytest.raises(Problem, match="OSError: gone"):
        list(received(pipe))
