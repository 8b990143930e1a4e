"""What a judge was not shown, for people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.judging.rendering import Unread

MOST_PLACES = 12  # messages that are named for one reason


@dataclass(frozen=True)
class LeftOut:
    """All stretches that were left out for one reason."""

    why: str
    n: int
    characters: int
    messages: tuple[int, ...]  # their numbers, from 1; the first of them
    more: int  # messages that are not named


def left_out(stretches: Iterable[Unread | Mapping[str, Any]]) -> list[LeftOut]:
    """By reason, the largest first."""
    by_reason: dict[str, list[tuple[int, int]]] = {}
    for one in stretches:
        kept = one if isinstance(one, Mapping) else _plain(one)
        by_reason.setdefault(str(kept["why"]), []).append(
            (int(kept["position"]), int(kept["end"]) - int(kept["start"]))
        )
    made = [_of(why, places) for why, places in by_reason.items()]
    return sorted(made, key=lambda one: (-one.characters, one.why))


def _of(why: str, places: Sequence[tuple[int, int]]) -> LeftOut:
    numbers = sorted({position + 1 for position, _ in places})
    return LeftOut(
        why,
        len(places),
        sum(size for _, size in places),
        tuple(numbers[:MOST_PLACES]),
        len(numbers[MOST_PLACES:]),
    )


def _plain(one: Unread) -> dict[str, Any]:
    return {"position": one.position, "start": one.start, "end": one.end, "why": one.why}
