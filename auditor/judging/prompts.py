"""What was sent, or would be, written out for people."""

from collections.abc import Iterable
from dataclasses import dataclass

from auditor.judging.asking import Question
from auditor.judging.models import JudgeVersion
from auditor.judging.rubric import parse_rubric

LONGEST = 200_000  # characters of one turn that a page shows


@dataclass(frozen=True)
class Shown:
    """One turn of a prompt."""

    role: str
    text: str
    cut: int  # characters that a page does not show


@dataclass(frozen=True)
class Sheet:
    """One call's prompt."""

    title: str
    turns: tuple[Shown, ...]
    prompt_tokens: int
    characters: int


def sheets(questions: Iterable[Question], version: JudgeVersion) -> list[Sheet]:
    """Each call with its turns; a title says what it asks about and which part it shows."""
    asks = parse_rubric(version.rubric).asks
    listed = list(questions)
    several = any(one.chunk for one in listed)
    made = []
    for one in listed:
        named = ", ".join(dimension.name for dimension in asks[one.ask].dimensions)
        title = named if len(asks) > 1 else "All dimensions" if len(asks[0].dimensions) > 1 else named
        made.append(
            Sheet(
                f"{title}, part {one.chunk + 1}" if several else title,
                tuple(shown(turn["role"], turn["content"]) for turn in one.turns),
                one.prompt_tokens,
                one.characters,
            )
        )
    return made


def shown(role: str, text: str) -> Shown:
    """A turn as far as a page shows it."""
    return Shown(role, text[:LONGEST], max(0, len(text) - LONGEST))
