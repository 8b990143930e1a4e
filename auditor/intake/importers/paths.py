r"""Dotted paths into a record: `judges.gpt-5.score`, `messages.0.content`, `judges.*.score`.

A number steps into a list. `\.` is a dot within a key, `\*` a star, `\\` a backslash. At most one
step may be `*`: it stands for every key of an object, or every place in a list.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

STAR: Final = object()
MISSING: Final = object()
_STEP = re.compile(r"(?:[^.\\]|\\.)*")
_ESCAPED = re.compile(r"\\(.)")
Steps = tuple[Any, ...]  # of str and STAR


def split_path(path: str) -> Steps:
    """The steps of a path.

    Raises:
        ValueError: empty, an empty step, a trailing backslash, or a second star.
    """
    steps: list[Any] = []
    position = 0
    while True:
        found = _STEP.match(path, position)
        raw = found[0] if found else ""
        if not raw:
            raise ValueError(f"{path!r} has an empty step" if path else "is empty")
        steps.append(STAR if raw == "*" else _ESCAPED.sub(r"\1", raw))
        position += len(raw)
        if position == len(path):
            break
        if path[position] != ".":
            raise ValueError(f"{path!r} ends in a lone backslash")
        position += 1
    if sum(step is STAR for step in steps) > 1:
        raise ValueError(f"{path!r} has more than one *")
    return tuple(steps)


def join_path(steps: Sequence[str]) -> str:
    """The path that `split_path` splits into these keys."""
    return ".".join(re.sub(r"([\\.])", r"\\\1", step) if step != "*" else r"\*" for step in steps)


def has_star(steps: Steps) -> bool:
    """Whether one step stands for many."""
    return any(step is STAR for step in steps)


def at_star(steps: Steps, key: str) -> Steps:
    """The same path with `key` where the star was."""
    return tuple(key if step is STAR else step for step in steps)


def look_up(value: Any, steps: Steps) -> Any:
    """What stands at a path without a star, or MISSING."""
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and len(step) < 10 and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def star_keys(value: Any, steps: Steps) -> Iterator[str]:
    """The keys that the star of a path stands for in this record."""
    inside = look_up(value, steps[: steps.index(STAR)])
    if isinstance(inside, dict):
        yield from inside
    elif isinstance(inside, list):
        yield from map(str, range(len(inside)))


def without(value: Any, removed: Sequence[Steps]) -> Any:
    """A copy of a JSON value without what stands at the given paths; objects left empty go too.

    Elements of lists stay where they are, so that places keep their meaning.
    """
    if () in removed:
        return MISSING
    if not removed or not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        inner = [steps[1:] for steps in removed if steps[0] is STAR or steps[0] == key]
        left = without(item, inner)
        if left is not MISSING and not (inner and left == {} and item != {}):
            kept[key] = left
    return kept
