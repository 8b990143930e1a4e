"""Which released items train a probe, which test it, and which cannot."""

import pytest

from labeling.datasets.probing import CannotProbe, Contrast, Released, examples

KNOWN = ("D", "S", "H", "U", "K")


def rows(n: int = 25) -> list[Released]:
    """Labels in turn, two models, two conditions."""
    return [
        Released(
            transcript_id=at, record=f"r{at}:0", label=KNOWN[at % len(KNOWN)], model=("m-7b", "m-70b")[at % 7 == 0],
            conditions={"watched": ("yes", "no")[at % 2]},
        )
        for at in range(n * len(KNOWN))
    ]  # fmt: skip


def contrast(held_out: str = "") -> Contrast:
    return Contrast.of(["D", "S"], ["H"], known=KNOWN, held_out=held_out)


def test_labels_of_neither_side_teach_nothing() -> None:
    found = examples(rows(), contrast())
    assert [one["label"] for one in found[:6]] == [1, 1, 0, 1, 1, 0]
    assert [one["transcript"] for one in found[:6]] == [0, 1, 2, 5, 6, 7]
    assert len(found) == 75
    assert not any(one["held"] for one in found)


@pytest.mark.parametrize(
    ("held_out", "held"), [("watched=yes", range(0, 200, 2)), ("model=m-70b", range(0, 200, 7))]
)
def test_a_model_or_a_condition_is_held_out(held_out: str, held: range) -> None:
    found = examples(rows(40), contrast(held_out))
    assert {one["transcript"] for one in found if one["held"]} == {at for at in held if at % 5 in (0, 1, 2)}


@pytest.mark.parametrize(
    ("positive", "negative", "held_out", "reason"),
    [
        ([], ["H"], "", "counts as the behaviour"),
        (["D"], [], "", "counts as its absence"),
        (["D", "H"], ["H"], "", "H cannot be on both sides"),
        (["Z"], ["H"], "", "labelled Z"),
        (["D"], ["H"], "watched", "a name and a value"),
        (["D"], ["H"], "=yes", "a name and a value"),
    ],
)
def test_what_cannot_be_asked(positive: list[str], negative: list[str], held_out: str, reason: str) -> None:
    with pytest.raises(CannotProbe) as problem:
        Contrast.of(positive, negative, known=KNOWN, held_out=held_out)
    assert reason in str(problem.value)


def test_too_few_of_a_kind_are_refused_with_their_number() -> None:
    with pytest.raises(CannotProbe, match="Only 19 items show its absence"):
        examples(rows(19), contrast())
    with pytest.raises(CannotProbe, match="Only 10 items show its absence"):
        examples(rows(20), contrast("watched=yes"))
    with pytest.raises(CannotProbe, match="No item has watched=maybe"):
        examples(rows(30), contrast("watched=maybe"))
