"""The labels that stand on an item, and what they agree on; plain values, no database.

A reviewer's standing label is their newest that was not late: the final one, or in a round where
evidence stays hidden the blind one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from labeling.codebooks.parts import Codebook


class Given(Protocol):
    """What is read of a committed label; rows of the annotations slice have it."""

    @property
    def reviewer_id(self) -> int: ...
    @property
    def stage(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def late(self) -> bool: ...
    @property
    def label(self) -> str: ...
    @property
    def grade(self) -> str: ...
    @property
    def answers(self) -> Any: ...


Label = TypeVar("Label", bound=Given)


def standing(revisions: Iterable[Label], stages: Sequence[str]) -> list[Label]:
    """Each reviewer's standing label, by reviewer; of `stages` the first that they reached counts."""
    ranks = {stage: -place for place, stage in enumerate(stages)}
    found: dict[int, tuple[tuple[int, int], Label]] = {}
    for revision in revisions:
        place = ranks.get(revision.stage)
        if place is None or revision.late:
            continue
        rank, reviewer = (place, revision.number), revision.reviewer_id
        before = found.get(reviewer)
        if before is None or rank > before[0]:
            found[reviewer] = (rank, revision)
    return [found[reviewer][1] for reviewer in sorted(found)]


def agree(labels: Sequence[Given]) -> bool:
    """Whether all of them name one code."""
    return len({label.label for label in labels}) == 1


def basis(labels: Sequence[Label], codebook: Codebook) -> Label:
    """The label that all can stand behind: of the code most of them name, the lowest grade.

    Of codes named equally often the least severe counts; of equal labels the first.
    """
    votes = Counter(label.label for label in labels)
    code = min(votes, key=lambda code: (-votes[code], codebook.by_code[code].severity, code))
    sharing = [label for label in labels if label.label == code]
    return min(sharing, key=lambda label: codebook.ladder[label.grade])


def shared_answers(labels: Sequence[Given]) -> dict[str, Any]:
    """The answers that all of them gave alike."""
    first, *others = (label.answers for label in labels)
    return {
        key: answer
        for key, answer in first.items()
        if all(key in other and other[key] == answer for other in others)
    }


def mixture(labels: Sequence[Label], chosen: Mapping[str, Label]) -> dict[str, Any]:
    """What all answered alike, and for each question of `chosen` what that one answered."""
    answers = shared_answers(labels) if labels else {}
    for key, label in chosen.items():
        answers.pop(key, None)
        if key in label.answers:
            answers[key] = label.answers[key]
    return answers
