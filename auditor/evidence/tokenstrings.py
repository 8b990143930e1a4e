"""Tokens as a producer spells them, tied to the text they were cut from: exactly, or not at all.

    align(["▁Yes", ",", "▁it"], "Yes, it") -> [(0, 3), (3, 4), (4, 7)]

Spellings that are known: the words themselves; byte-level BPE (Ġ for a space, Ċ for a line's end, other bytes as other
letters); SentencePiece (▁ for a space, <0xE2> for a byte, and a space before everything that the text need not have);
and decoded pieces of a character as U+FFFD, as far as the text leaves no doubt which bytes they were. All tokens of a
text have one spelling. Offsets are code points; pieces of one character share its place.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_TOKENS = 200_000
LOST = "\ufffd"
SHOWN = 40  # characters of a token in a message
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
Spans = list[tuple[int, int]]


class DoesNotFit(ValueError):
    """The first token that does not stand where the one before it ends; `index` says which, from 0."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def align(tokens: Sequence[str], text: str) -> Spans:
    """Where each token stands, in code points of `text`.

    Raises:
        DoesNotFit: by no spelling do the tokens give exactly this text; it speaks of the spelling that got furthest.
    """
    furthest: DoesNotFit | None = None
    for spelled in SPELLINGS:
        try:
            return _aligned(spelled(tokens), tokens, text)
        except _NotSpelledSo:
            continue
        except DoesNotFit as problem:
            if furthest is None or problem.index > furthest.index:
                furthest = problem
    assert furthest is not None  # the plain spelling takes any tokens
    raise furthest


class _NotSpelledSo(ValueError):
    """A token cannot be of this spelling."""


@dataclass(frozen=True)
class _Spelled:
    """The bytes of each token; None where they are lost. `prefix`: a leading space may be the tokenizer's own."""

    pieces: Sequence[bytes | None]
    prefix: bool = False


def _plain(tokens: Sequence[str]) -> _Spelled:
    return _Spelled([None if LOST in token else token.encode("utf-8", "surrogatepass") for token in tokens])


def _byte_level(tokens: Sequence[str]) -> _Spelled:
    try:
        return _Spelled([bytes(_LETTERS[letter] for letter in token) for token in tokens])
    except KeyError as problem:
        raise _NotSpelledSo from problem


def _sentencepiece(tokens: Sequence[str]) -> _Spelled:
    if not any("▁" in token or _BYTE.fullmatch(token) for token in tokens):
        raise _NotSpelledSo
    pieces = []
    for token in tokens:
        byte = _BYTE.fullmatch(token)
        pieces.append(
            bytes([int(byte[1], 16)]) if byte else token.replace("▁", " ").encode("utf-8", "surrogatepass")
        )
    return _Spelled(pieces, prefix=True)


def _letters() -> dict[str, int]:
    """GPT-2's letters for bytes: printable ones stand for themselves, the others follow from U+0100 on."""
    themselves = {*range(33, 127), *range(161, 173), *range(174, 256)}
    found, beyond = {}, 256
    for byte in range(256):
        if byte in themselves:
            found[chr(byte)] = byte
        else:
            found[chr(beyond)] = byte
            beyond += 1
    return found


_LETTERS = _letters()
SPELLINGS: tuple[Callable[[Sequence[str]], _Spelled], ...] = (_plain, _byte_level, _sentencepiece)


def _aligned(spelled: _Spelled, tokens: Sequence[str], text: str) -> Spans:
    data = text.encode("utf-8", "surrogatepass")
    points = _points(text)
    bounds: list[tuple[int, int]] = []  # bytes
    at = index = 0
    while index < len(tokens):
        piece = spelled.pieces[index]
        if piece is None:
            run, at = _lost(index, at, tokens, spelled, text, data, points)
            bounds += run
            index += len(run)
            continue
        if spelled.prefix and index == 0 and piece.startswith(b" ") and not data.startswith(piece):
            piece = piece[1:]
        if not data.startswith(piece, at):
            raise DoesNotFit(index, _words(index, tokens[index], text, points[min(at, len(data))]))
        bounds.append((at, at + len(piece)))
        at += len(piece)
        index += 1
    if at != len(data):
        left = len(text) - points[at]
        raise DoesNotFit(
            len(tokens),
            f"the tokens end {left:,} characters before the text does, at {_near(text, points[at])}",
        )
    return [_span(start, end, points) for start, end in bounds]


def _lost(
    index: int,
    at: int,
    tokens: Sequence[str],
    spelled: _Spelled,
    text: str,
    data: bytes,
    points: Sequence[int],
) -> tuple[list[tuple[int, int]], int]:
    """The bytes of a run of tokens that hold U+FFFD, and where the next token begins.

    A run stands for one character, whose pieces all have its place; or for as many bytes as it has tokens.
    """
    literal = tokens[index].encode("utf-8", "surrogatepass")
    if data.startswith(literal, at):  # the text itself has such a sign
        return [(at, at + len(literal))], at + len(literal)
    end = index
    while end < len(tokens) and spelled.pieces[end] is None:
        end += 1
    run = tokens[index:end]
    lead = run[0][: run[0].index(LOST)].encode()
    trail = run[-1][run[-1].rindex(LOST) + 1 :].encode()
    inside = "".join(run)[len(run[0][: run[0].index(LOST)]) :]
    if not data.startswith(lead, at) or inside[: len(inside) - len(trail.decode())].strip(LOST):
        raise DoesNotFit(index, _words(index, tokens[index], text, points[at]))
    begin, n = at + len(lead), len(run)
    follows = trail + (b"" if end == len(tokens) else spelled.pieces[end] or b"")
    fitting = [
        stop
        for stop in _ends(begin, data, most=4 * n)
        if data.startswith(follows, stop) and (end < len(tokens) or stop + len(trail) == len(data))
        and (_characters(begin, stop, points) == 1 or stop - begin == n)
    ]  # fmt: skip
    if len(fitting) != 1:
        raise DoesNotFit(
            index,
            f"token {index} ({_shown(tokens[index])}) and those after it are pieces of characters whose bytes are lost; "
            f"which words they stand on at {_near(text, points[at])} cannot be told",
        )
    stop = fitting[0]
    if _characters(begin, stop, points) == 1:
        bounds = [(begin, stop)] * n
    else:
        bounds = [(begin + i, begin + i + 1) for i in range(n)]
    bounds[0] = (at, bounds[0][1])
    bounds[-1] = (bounds[-1][0], bounds[-1][1] + len(trail))
    return bounds, stop + len(trail)


def _ends(begin: int, data: bytes, *, most: int) -> list[int]:
    """Where a character ends, after `begin` and at most `most` bytes on."""
    upto = range(begin + 1, min(begin + most, len(data)) + 1)
    return [stop for stop in upto if stop == len(data) or data[stop] & 0xC0 != 0x80]


def _characters(begin: int, stop: int, points: Sequence[int]) -> int:
    return points[stop] - points[begin]


def _points(text: str) -> list[int]:
    """For each byte the number of the character that it belongs to; one more for the end."""
    found: list[int] = []
    for number, character in enumerate(text):
        found += [number] * len(character.encode("utf-8", "surrogatepass"))
    found.append(len(text))
    return found


def _span(start: int, end: int, points: Sequence[int]) -> tuple[int, int]:
    """Code points of some bytes: every character that they touch."""
    if end <= start:
        return points[start], points[start]
    return points[start], points[end - 1] + 1


def _words(index: int, token: str, text: str, at: int) -> str:
    if at >= len(text):
        return f"token {index} ({_shown(token)}) comes after the end of the text"
    return f"token {index} ({_shown(token)}) does not fit: the text goes on with {_near(text, at)}"


def _near(text: str, at: int) -> str:
    return f"{text[at : at + 20]!r} at {at:,}"


def _shown(token: str) -> str:
    return repr(token[:SHOWN])
