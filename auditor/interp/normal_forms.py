"""Texts whose tokenizer normalises them first (NFC and its kin): what the model reads, and which stored words that shows.

A text is cut where normalising can be done apart: before every sign that joins nothing before it. A stretch that normalising
changes is shown as a whole by each sign that comes of it, since none of them is any one of those stored.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from auditor.interp.placing import Placed

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
JOINS_FROM = 0x300  # no sign before this one joins what stands before it


def normalised(placed: Placed, form: Form) -> Placed:
    """The same texts in what is left when the rendered text is normalised; itself where nothing changes.

    A stretch that belongs partly to the template and partly to a text, or to two texts, goes to the first text in it.
    """
    if unicodedata.is_normalized(form, placed.rendered):
        return placed
    pieces: list[str] = []
    owner: list[int] = []
    start: list[int] = []
    end: list[int] = []
    for begin, till in _stretches(placed.rendered, form):
        before = placed.rendered[begin:till]
        after = unicodedata.normalize(form, before)
        pieces.append(after)
        if after == before:
            owner += placed.owner[begin:till].tolist()
            start += placed.start[begin:till].tolist()
            end += placed.end[begin:till].tolist()
            continue
        owners = placed.owner[begin:till]
        first = int(owners[owners >= 0][0]) if (owners >= 0).any() else -1
        mine = np.flatnonzero(owners == first) + begin
        owner += [first] * len(after)
        start += [int(placed.start[mine].min()) if first >= 0 else 0] * len(after)
        end += [int(placed.end[mine].max()) if first >= 0 else 0] * len(after)
    return replace(
        placed, rendered="".join(pieces), owner=np.array(owner, np.int64), start=np.array(start, np.int64),
        end=np.array(end, np.int64),
    )  # fmt: skip


def _stretches(text: str, form: Form) -> Iterator[tuple[int, int]]:
    """Code points [begin, till) that can be normalised apart; most are one long."""
    begin = 0
    for at in range(1, len(text)):
        if ord(text[at]) < JOINS_FROM or not _joins(text[begin:at], text[at], form):
            yield begin, at
            begin = at
    if text:
        yield begin, len(text)


def _joins(before: str, sign: str, form: Form) -> bool:
    if unicodedata.combining(sign) or unicodedata.combining(unicodedata.normalize(form, sign)[0]):
        return True
    apart = unicodedata.normalize(form, before) + unicodedata.normalize(form, sign)
    return unicodedata.normalize(form, before + sign) != apart
