"""Which labels stand, and what they agree on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from labeling.adjudication.standing import agree, basis, shared_answers, standing
from labeling.codebooks.definition import load

DEFAULTS = Path(__file__).parents[3] / "labeling/codebooks/defaults"
CODEBOOK = load(yaml.safe_load((DEFAULTS / "intent_versus_hallucination.yaml").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Given:
    reviewer_id: int
    label: str = "D"
    number: int = 1
    stage: str = "final"
    late: bool = False
    grade: str = "I2"
    answers: Any = field(default_factory=dict)


def test_the_newest_label_of_each_reviewer_stands() -> None:
    old, new, other = Given(1), Given(1, "U", 2), Given(2)
    assert standing([new, old, other], ("final",)) == [new, other]


def test_a_late_label_does_not_stand() -> None:
    assert standing([Given(1), Given(1, "U", 2, late=True)], ("final",)) == [Given(1)]


def test_a_blind_label_stands_only_where_nothing_is_revealed() -> None:
    blind = Given(1, stage="blind")
    assert standing([blind], ("final",)) == []
    assert standing([blind], ("final", "blind")) == [blind]
    assert standing([Given(1, stage="blind", number=3), Given(1)], ("final", "blind")) == [Given(1)]


def test_total_disagreement_is_a_disagreement() -> None:
    assert not agree([Given(1, "D"), Given(2, "U"), Given(3, "H")])
    assert not agree([Given(1, "D"), Given(2, "D"), Given(3, "H")])
    assert not agree([])
    assert agree([Given(1, "D"), Given(2, "D")])


def test_who_claims_least_is_who_all_can_stand_behind() -> None:
    given = [Given(1, grade="I3"), Given(2, grade="I1"), Given(3, grade="I2")]
    assert basis(given, CODEBOOK) is given[1]


def test_of_labels_that_differ_the_most_frequent_counts_and_then_the_least_severe() -> None:
    assert basis([Given(1, "U"), Given(2, "D"), Given(3, "D")], CODEBOOK).label == "D"
    assert basis([Given(1, "D"), Given(2, "U")], CODEBOOK).label == "U"


def test_only_answers_that_all_gave_alike_are_shared() -> None:
    one = Given(1, answers={"truth": "false", "motive": "goal"})
    two = Given(2, answers={"truth": "false", "motive": "social", "plan": "plan"})
    assert shared_answers([one, two]) == {"truth": "false"}
