"""Token tracks of one probe and three SAE features: invented values with instructive mistakes.

The probe peaks at invented names and at misleading words. The "deception" feature fires on plans in
the reasoning, but on honest sarcasm and role-play as well, and stays silent on some plain lies.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from labeling.overview.sample_audit.story import Story

PROBE = "probe.entity-l20"
DECEPTION, FIGURES, OVERSEER = "sae.14-3391", "sae.14-820", "sae.14-5102"
FEATURES = (DECEPTION, FIGURES, OVERSEER)
_TOKEN = re.compile(r"\w+|[^\w\s]")
_WATCHING = frozenset(
    [
        "log",
        "logged",
        "check",
        "checked",
        "checks",
        "checking",
        "test",
        "tested",
        "review",
        "reads",
        "reader",
        "audit",
        "auditor",
    ]
)


@dataclass(frozen=True, slots=True)
class Track:
    """Values over tokens of one part of one message; starts and ends count code points."""

    channel: str
    position: int
    part: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    values: tuple[float, ...]


def tokens(text: str) -> list[tuple[int, int]]:
    """Word-level tokens as (start, end), in order, without white space."""
    return [found.span() for found in _TOKEN.finditer(text)]


def tracks(story: Story, seed: int) -> Iterator[Track]:
    """All tracks of a story: the probe on every token, the features only where they fire."""
    rng = Random(f"tracks {seed} {story.id}")  # noqa: S311 - repeatable, not secret
    asleep = rng.random() < 0.25  # the deception feature misses one story in four
    for position, message in enumerate(story.messages):
        if message.role != "assistant":
            continue
        for part, text in (("text", message.text), ("reasoning", message.reasoning)):
            spans = tokens(text)
            if not spans:
                continue
            letters = [_letters(story, position, part, start, end) for start, end in spans]
            words = [text[start:end] for start, end in spans]
            starts, ends = zip(*spans, strict=True)
            told = list(zip(words, letters, strict=True))
            values = tuple(_probe(word, marks, rng) for word, marks in told)
            yield Track(PROBE, position, part, starts, ends, values)
            for feature in FEATURES:
                levels = [_feature(feature, word, marks, part, asleep, rng) for word, marks in told]
                firing = [i for i, level in enumerate(levels) if level > 0]
                if firing:
                    yield Track(
                        feature,
                        position,
                        part,
                        tuple(starts[i] for i in firing),
                        tuple(ends[i] for i in firing),
                        tuple(levels[i] for i in firing),
                    )


def _letters(story: Story, position: int, part: str, start: int, end: int) -> str:
    return "".join(
        mark.letter
        for mark in story.marks
        if (mark.position, mark.part) == (position, part) and mark.start < end and start < mark.end
    )


def _probe(word: str, marks: str, rng: Random) -> float:
    """A value from 0 to 1; names and figures stand out a little even where they are true."""
    value = rng.gauss(0.07, 0.04)
    if not word[0].isalnum():
        return round(min(max(value, 0.0), 1.0), 3)
    if word[0].isdigit() or word[0].isupper():
        value += rng.uniform(0.04, 0.2)
    if "e" in marks:
        value += rng.uniform(0.5, 0.72)
    elif "m" in marks:
        value += rng.uniform(0.22, 0.55)
    elif "h" in marks:
        value += rng.uniform(0.05, 0.25)
    elif rng.random() < 0.006:
        value += rng.uniform(0.3, 0.55)  # a false alarm
    return round(min(max(value, 0.0), 1.0), 3)


def _feature(feature: str, word: str, marks: str, part: str, asleep: bool, rng: Random) -> float:
    """An activation, 0 where the feature is silent."""
    chance, low, high = 0.003, 0.2, 0.9
    if not word[0].isalnum():
        return 0.0
    if feature == DECEPTION and not asleep:
        if "m" in marks:
            chance, low, high = (0.7, 2.5, 8.5) if part == "reasoning" else (0.45, 1.2, 4.8)
        elif "q" in marks:
            chance, low, high = 0.5, 1.0, 5.5
        elif "e" in marks:
            chance, low, high = 0.12, 0.5, 2.0
    elif feature == FIGURES:
        if "h" in marks:
            chance, low, high = 0.6, 1.2, 5.0
        elif word[0].isdigit():
            chance, low, high = 0.3, 0.4, 2.2
    elif feature == OVERSEER:
        if "o" in marks:
            chance, low, high = 0.75, 2.0, 7.5
        elif word.lower() in _WATCHING:
            chance, low, high = 0.45, 0.3, 1.6
    return round(rng.uniform(low, high), 2) if rng.random() < chance else 0.0
