"""Where a label comes from: worked by hand, with the edges where there is none."""

import pytest

from labeling.datasets.sources import ALL, SOURCES, Said, exclusion_words, likeliest, majority, soft


def test_more_than_half_is_a_majority() -> None:
    found = majority(["D", "H", "D"])
    assert found is not None
    assert (found.label, found.how, found.of) == ("D", "2 of 3", 3)
    assert found.share == pytest.approx(2 / 3)


@pytest.mark.parametrize("labels", [[], ["D", "H"], ["D", "D", "H", "U"], ["D", "H", "U"]])
def test_half_is_none(labels: list[str]) -> None:
    assert majority(labels) is None


def test_soft_labels_are_shares_of_the_reviewers() -> None:
    assert soft(["H", "D", "H", "U"]) == [
        {"label": "H", "n": 2, "share": 0.5},
        {"label": "D", "n": 1, "share": 0.25},
        {"label": "U", "n": 1, "share": 0.25},
    ]
    assert soft([]) == []


def test_the_model_believes_whom_the_others_bear_out() -> None:
    """Reviewers 1 and 2 agree on thirty items; 3 contradicts them on a third. Where 3 stands against 1 alone, 1 wins."""
    said = []
    for item in range(30):
        truth = "D" if item % 2 else "H"
        wrong = "H" if truth == "D" else "D"
        said += [Said(item, 1, truth), Said(item, 2, truth), Said(item, 3, wrong if item % 3 == 0 else truth)]
    said += [Said(99, 1, "D"), Said(99, 3, "H")]
    found = likeliest(said, ["D", "H"])
    assert found[99].label == "D"
    assert found[99].share > 0.9
    assert (found[99].how, found[99].of) == ("posterior", 2)
    assert all(found[item].label == ("D" if item % 2 else "H") for item in range(30))


def test_where_the_model_cannot_tell_there_is_no_label() -> None:
    assert likeliest([Said(1, 1, "D"), Said(1, 2, "H")], ["D", "H"]) == {}
    assert likeliest([], ["D"]) == {}


def test_every_source_says_why_an_item_has_none() -> None:
    assert all(exclusion_words(source, 2) for source in SOURCES)
    assert exclusion_words(ALL, 1) == {"few_labels": "fewer than 1 label"}
