"""Where a record's label comes from: a ruling, most of its reviewers, a model of them, or nowhere.

adjudicated   what the item's ruling says; nothing without one
majority      what more than half of its reviewers say
dawid_skene   what a model of the reviewers' habits holds likeliest, with the probability
all           no winner: every label stands beside the others
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from labeling.agreement.dawid_skene import PERSON, dawid_skene
from labeling.agreement.ratings import table_of

ADJUDICATED, MAJORITY, DAWID_SKENE, ALL = "adjudicated", "majority", "dawid_skene", "all"
SOURCES = {
    ADJUDICATED: "Adjudicated: what the rulings say",
    MAJORITY: "Majority: what more than half of an item's reviewers say",
    DAWID_SKENE: "Dawid–Skene: what a model of all reviewers' habits holds likeliest",
    ALL: "All labels: every reviewer's, without a winner",
}
DIGITS = 6  # of a probability: the last bits of a fit depend on the machine


@dataclass(frozen=True)
class Winner:
    """The label of one item, and how it came."""

    label: str
    how: str  # "2 of 3", "posterior"
    share: float  # of the reviewers, or the probability by the model
    of: int  # reviewers


@dataclass(frozen=True)
class Said:
    """One reviewer's standing label of one item."""

    item: int
    reviewer: int
    label: str


def soft(labels: Sequence[str]) -> list[dict[str, object]]:
    """Each label that somebody gave, with how many gave it and their share; the commonest first."""
    n = len(labels)
    counts = Counter(labels)
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    return [{"label": label, "n": counts[label], "share": counts[label] / n} for label in ranked]


def majority(labels: Sequence[str]) -> Winner | None:
    """The label of more than half; None where there is none."""
    if not labels:
        return None
    (label, n), *_ = Counter(labels).most_common(1)
    if 2 * n <= len(labels):
        return None
    return Winner(label, f"{n} of {len(labels)}", n / len(labels), len(labels))


def likeliest(said: Sequence[Said], codes: Sequence[str]) -> dict[int, Winner]:
    """For each item the label that the model of Dawid and Skene holds likeliest; items that it cannot tell have none.

    Args:
        said: standing labels of all items together, since habits are learnt from all of them.
        codes: the codebook's, which get the first places; others follow.
    """
    if not said:
        return {}
    order: list[Hashable] = list(codes)
    cells = sorted((one.item, one.reviewer, one.label) for one in said)
    ratings, values, items, reviewers = table_of(cells, order)
    fitted = dawid_skene(ratings, [PERSON] * len(reviewers))
    counts = (ratings.codes >= 0).sum(axis=1)
    found: dict[int, Winner] = {}
    for row, item in enumerate(items):
        odds = fitted.posterior[row].round(DIGITS)
        best = int(odds.argmax())
        if (odds == odds[best]).sum() == 1:
            found[item] = Winner(str(values[best]), "posterior", float(odds[best]), int(counts[row]))
    return found


def exclusion_words(source: str, least: int) -> Mapping[str, str]:
    """Why an item has no label by this source, in words, by reason."""
    words = {
        "open_case": "reviewers disagree and nobody has ruled yet",
        "below_overlap": "not all labels are there yet",
        "few_labels": f"fewer than {least} {'label' if least == 1 else 'labels'}",
        "no_majority": "no label has more than half of the reviewers",
        "undecided": "the model holds several labels equally likely",
    }
    wanted = {
        ADJUDICATED: ("open_case", "below_overlap"),
        MAJORITY: ("few_labels", "no_majority"),
        DAWID_SKENE: ("few_labels", "undecided"),
        ALL: ("few_labels",),
    }
    return {reason: words[reason] for reason in wanted[source]}
