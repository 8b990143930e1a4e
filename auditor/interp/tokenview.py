"""A rendered text cut at its tokens, for a page: each piece with what stands on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STRIPES = 4  # alternating shades, so that neighbours are told apart


@dataclass(frozen=True)
class Piece:
    """A stretch of the text: the tokens that share it, or none."""

    text: str
    tokens: tuple[int, ...] = ()  # their places, from 1
    says: str = ""  # for people
    special: bool = False
    counted: bool = False
    stripe: int = 0


def pieces_of(example: Mapping[str, Any]) -> list[Piece]:
    """The example of a checked model, `{"rendered", "tokens": [[at, till, id, position, special, counted], ...]}`.

    Tokens that overlap, since they split one character, stand on one piece together.
    """
    text: str = example.get("rendered", "")
    found: list[Piece] = []
    group: list[tuple[int, list[int]]] = []
    begin = end = 0

    def close() -> None:
        if group:
            found.append(_piece(text[begin:end], group, len(found) % STRIPES))
            group.clear()

    for number, row in enumerate(example.get("tokens", []), start=1):
        at, till = row[0], row[1]
        if group and at < end:
            end = max(end, till)
        else:
            close()
            if at > end:
                found.append(Piece(text[end:at]))
            begin, end = at, till
        group.append((number, row))
    close()
    if end < len(text):
        found.append(Piece(text[end:]))
    return found


def _piece(text: str, group: list[tuple[int, list[int]]], stripe: int) -> Piece:
    numbers = tuple(number for number, _ in group)
    first = group[0][1]
    position, special, counted = first[3], bool(first[4]), any(row[5] for _, row in group)
    ids = ", ".join(str(row[2]) for _, row in group)
    which = (
        f"Token {numbers[0]}"
        if len(numbers) == 1
        else f"Tokens {numbers[0]} to {numbers[-1]}, which share it"
    )
    where = "special" if special else f"message {position + 1}" if position >= 0 else "the template's own"
    says = f"{which}: {_shown(text)}; number {ids}; {where}" + (
        "; counts towards readings" if counted else ""
    )
    return Piece(text, numbers, says, special, counted, stripe)


def _shown(text: str) -> str:
    return "“" + text.replace("\n", "⏎").replace(" ", "␣") + "”"
