"""Every token is tied to the words of the transcript it stands on, exactly or not at all.

    placed = place(turns, render)      where each text of the transcript stands in what the model reads; see `placing`
    tied = tie(placed, pieces, ids=ids)   where each token stands, as a `blockformat.TokenTable`

Tokens are tied through their bytes, which joined must be the rendered text's UTF-8, byte for byte. A token's code points are
those that its bytes touch: tokens that split one character share it. Offsets of tokenizers are not asked.

A dummy space that a tokenizer sets before the text, or after a token that stands for its content, is known by being
one byte too many there, and shows nothing of the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.evidence.blockformat import TokenTable
from auditor.interp.conversation import TEXT
from auditor.interp.pieces import SPELLINGS, Piece
from auditor.interp.placing import DoesNotFit, Ints, Placed, lone, place

__all__ = ["Counting", "DoesNotFit", "Piece", "Placed", "Tied", "lone", "place", "tie", "tie_spelled"]

BLANK = b" \t\r\n\v\f"
MOST_PARTS = 255


@dataclass(frozen=True, slots=True)
class Counting:
    """Which tokens count towards the readings: by default the assistant's words."""

    roles: tuple[str, ...] = ("assistant",)
    kinds: tuple[str, ...] = (TEXT,)  # of "text", "reasoning", "part"


ASSISTANT = Counting()


@dataclass(frozen=True)
class Tied:
    """Tokens and where they stand."""

    table: TokenTable
    parts: tuple[str, ...]  # what `table.part` counts into
    left_out: int = 0  # code points of the transcript that the model was not shown


def tie(
    placed: Placed, pieces: Sequence[Piece], *, ids: Sequence[int], counting: Counting = ASSISTANT
) -> Tied:
    """Where each of n tokens stands.

    Args:
        pieces: what the tokens stand for, [n].
        ids: their numbers in the vocabulary, [n].

    Raises:
        DoesNotFit: the tokens' bytes are not the rendered text's; it names the first token that differs.
    """
    at, till = _extents(placed, pieces)
    m = len(placed.rendered)
    # The first code point of each token that is the transcript's; m if there is none.
    owned = np.where(placed.owner >= 0, np.arange(m), m)
    following = np.append(np.minimum.accumulate(owned[::-1])[::-1], m)
    first = following[at]
    on = first < till
    # Up to where code points stay with the same text.
    changes = np.append(np.flatnonzero(np.diff(placed.owner)) + 1, m)
    last = (
        np.minimum(till, changes[np.searchsorted(changes, np.minimum(first, max(m - 1, 0)), side="right")])
        - 1
    )
    safe, until = (np.where(on, place, 0) for place in (first, last))
    owner = np.where(on, placed.owner[safe], -1) if m else np.full(len(pieces), -1)

    names = list(dict.fromkeys(words.part for words in placed.words))
    if len(names) > MOST_PARTS:
        raise DoesNotFit(f"A transcript with more than {MOST_PARTS} parts in one message cannot be tied.")
    # The last entry of each list is for tokens on no words: index -1.
    position = np.array([*(words.position for words in placed.words), -1])
    part = np.array([*(names.index(words.part) for words in placed.words), 0])
    counts = np.array(
        [
            *(
                role in counting.roles and words.kind in counting.kinds
                for words, role in zip(placed.words, placed.roles, strict=True)
            ),
            False,
        ]
    )
    start = np.where(on, placed.start[safe], 0) if m else np.zeros(len(pieces))
    end = np.where(on, placed.end[until], 0) if m else np.zeros(len(pieces))
    special = np.array([piece.special for piece in pieces], dtype=bool)
    table = TokenTable(
        id=np.asarray(ids, np.int32),
        at=at.astype(np.uint32), till=till.astype(np.uint32),
        position=position[owner].astype(np.int32), part=part[owner].astype(np.uint8),
        start=start.astype(np.uint32), end=end.astype(np.uint32),
        special=special.astype(np.uint8),
        counted=(counts[owner] & ~special & (end > start)).astype(np.uint8),
    )  # fmt: skip
    return Tied(table, tuple(names), placed.left_out)


def tie_spelled(placed: Placed, tokens: Sequence[str], *, counting: Counting = ASSISTANT) -> Tied:
    """The same for tokens that are known by their spelling alone, in whichever of `SPELLINGS` fits; numbers are -1.

    Raises:
        DoesNotFit: none fits; the first token that differs is that of the spelling that gets furthest.
    """
    furthest: DoesNotFit | None = None
    for spell in SPELLINGS.values():
        try:
            pieces = [Piece(spell(token)) for token in tokens]
            return tie(placed, pieces, ids=[-1] * len(pieces), counting=counting)
        except DoesNotFit as problem:
            if furthest is None or (problem.token_index or 0) > (furthest.token_index or 0):
                furthest = problem
        except ValueError:
            continue  # not written in that alphabet
    assert furthest is not None  # plain spelling takes any token
    raise furthest


def _extents(placed: Placed, pieces: Sequence[Piece]) -> tuple[Ints, Ints]:
    """The code points that each token touches, as [n] starts and exclusive ends."""
    data = placed.rendered.encode()
    walk = _Walk(placed, data, pieces)
    lengths = np.fromiter((len(piece.bytes) for piece in pieces), np.int64, len(pieces))
    ends = np.cumsum(lengths)
    begins = ends - lengths
    if b"".join(piece.bytes for piece in pieces) != data:
        begins, ends = walk.extents()
    # Which code point each byte belongs to; one more for the end.
    codes: npt.NDArray[np.uint8] = np.frombuffer(data, np.uint8)
    point = np.append(np.cumsum((codes & 0xC0) != 0x80) - 1, len(placed.rendered))
    at = point[begins]
    return at, np.where(ends > begins, point[np.maximum(ends, 1) - 1] + 1, at)


class _Walk:
    """Through text and tokens together, where they are not simply the same bytes."""

    def __init__(self, placed: Placed, data: bytes, pieces: Sequence[Piece]) -> None:
        self.placed, self.data, self.pieces = placed, data, pieces

    def extents(self) -> tuple[Ints, Ints]:
        """The bytes of each token."""
        begins, ends, at, index = [], [], 0, 0
        while index < len(self.pieces):
            if self.pieces[index].added:
                till = self._past_added(index, at)
                if till is None:
                    raise self._misfit(index, at)
                begins.append(at)
                ends.append(till)
                at, index = till, index + 1
                continue
            after = next(
                (n for n in range(index, len(self.pieces)) if self.pieces[n].added), len(self.pieces)
            )
            dummy = self._dummy(index, after, at)
            for n in range(index, after):
                length = len(self.pieces[n].bytes) - (dummy if n == index else 0)
                begins.append(at)
                at += length
                ends.append(at)
            index = after
        if at != len(self.data):
            raise self._misfit(len(self.pieces), at)
        return np.array(begins, np.int64), np.array(ends, np.int64)

    def _dummy(self, index: int, after: int, at: int) -> int:
        """How many bytes of the stretch's first token are a dummy space: 0 or 1."""
        joined = b"".join(piece.bytes for piece in self.pieces[index:after])
        for dummy in (0, 1) if self.pieces[index].bytes.startswith(b" ") else (0,):
            if self.data.startswith(joined[dummy:], at):
                till = at + len(joined) - dummy
                if (
                    till == len(self.data)
                    if after == len(self.pieces)
                    else self._past_added(after, till) is not None
                ):
                    return dummy
        # Neither: the first token that differs under the reading that gets further.
        dummy = int(joined.startswith(b" ") and self.data[at : at + 1] != b" ")
        here = at - dummy
        for n in range(index, after):
            piece = self.pieces[n].bytes[dummy if n == index else 0 :]
            here += dummy if n == index else 0
            if not self.data.startswith(piece, here):
                raise self._misfit(n, here)
            here += len(piece)
        raise self._misfit(after, here)

    def _past_added(self, index: int, at: int) -> int | None:
        """Where the text goes on after a token that stands for its content; None if it is not there."""
        piece = self.pieces[index]
        if piece.takes_left:
            while (
                self.data[at : at + 1]
                and self.data[at] in BLANK
                and not self.data.startswith(piece.bytes, at)
            ):
                at += 1
        if not self.data.startswith(piece.bytes, at):
            return None
        at += len(piece.bytes)
        if piece.takes_right:
            while self.data[at : at + 1] and self.data[at] in BLANK:
                at += 1
        return at

    def _misfit(self, index: int, at: int) -> DoesNotFit:
        point = min(len(self.data[:at].decode(errors="ignore")), max(len(self.placed.rendered) - 1, 0))
        owner = int(self.placed.owner[point]) if len(self.placed.rendered) else -1
        position = self.placed.words[owner].position if owner >= 0 else None
        there = self.data[at : at + 24].decode(errors="replace")
        if index < len(self.pieces):
            text = self.pieces[index].shown
            words = f"Token {index} is {text!r}, and the text goes on with {there!r}."
        else:
            text = ""
            words = f"The tokens end after {index}, and the text goes on with {there!r}."
        return DoesNotFit(words, token_index=index, token_text=text, position=position)
