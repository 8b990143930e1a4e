"""The list of cases: each row says what its reviewers disagree on, without saying who they are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from labeling.adjudication.comparison import hue_of, in_order
from labeling.adjudication.models import Case, Ruling
from labeling.adjudication.queries import rulings_of, standing_labels
from labeling.codebooks.queries import definition_of


@dataclass(frozen=True)
class Entry:
    """One row."""

    case: Case
    hues: tuple[str, ...]  # one for each reviewer, in the case's own order
    split: str  # "2 Strategic deception, 1 Ignorance"
    confidence: str  # "4, 2, 3"
    ruling: Ruling | None
    ruled: str  # the ruling in words
    ruled_hue: str


def entries_of(cases: Sequence[Case]) -> list[Entry]:
    """The rows of these cases, in two queries."""
    items = [case.item for case in cases]
    labels = standing_labels(items)
    rulings = {
        ruling.item_id: ruling
        for ruling in rulings_of([item.pk for item in items]).select_related("adjudicator")
    }
    entries = []
    for case in cases:
        codebook = definition_of(case.item.round.codebook_version)
        given = in_order(case, labels[case.item_id])
        counted = Counter(one.label for one in given)
        ruling = rulings.get(case.item_id)
        entries.append(
            Entry(
                case=case,
                hues=tuple(hue_of(codebook, one.label) for one in given),
                split=", ".join(f"{n} {codebook.by_code[code].words}" for code, n in counted.most_common()),
                confidence=", ".join(str(one.confidence or "–") for one in given),
                ruling=ruling,
                ruled=codebook.by_code[ruling.label].words if ruling else "",
                ruled_hue=hue_of(codebook, ruling.label) if ruling else "",
            )
        )
    return entries
