"""Draws that extend or leave out earlier ones, with the odds of both."""

from dataclasses import replace

import numpy as np
import pytest

from auditor.accounts.models import Project, User
from auditor.evidence.filters import Filter
from auditor.sampling import actions, queries
from auditor.sampling.designs.design import Design
from auditor.sampling.models import Sample, SampleItem
from tests import make
from tests.auditor.sampling.drawn import QUILL, ids, odds, overall


@pytest.mark.parametrize(
    "design",
    [
        Design(n=3),
        Design(n=4, strata=(QUILL,)),
        Design(n=3, strata=(replace(QUILL, bins=2),), allocation="proportional", top=2, top_by="judge.quill"),
        Design(n=3, size_by="judge.quill", selection="poisson"),
    ],
)
def test_an_extension_holds_the_earlier_draw(
    draws, mia: User, project: Project, corpus: list[int], design: Design
) -> None:
    first = draws("s", design, seed=4)
    make.transcript(project)  # after the frame was taken: not in it
    larger = actions.extend_sample(sample=first, name="t", n=design.n + 4, actor=mia)
    assert ids(larger) >= ids(first)
    assert (larger.extends, larger.frame_digest, larger.frame_at) == (
        first,
        first.frame_digest,
        first.frame_at,
    )
    whole = draws("u", replace(design, n=design.n + 4), seed=4, filter=Filter(where="has judge.quill"))
    assert odds(whole) == pytest.approx(odds(larger))  # as if it had been drawn at once


def test_numbers_by_hand_are_extended_by_hand(draws, mia: User, corpus: list[int]) -> None:
    first = draws("s", Design(n=3, strata=(QUILL,), allocation="hand", hand=(1, 1, 1)))
    larger = actions.extend_sample(sample=first, name="t", hand=(2, 4, 1), actor=mia)
    assert ids(larger) > ids(first)
    assert [s["drawn"] for s in larger.strata] == [2, 4, 1]
    with pytest.raises(actions.CannotDraw, match="fewer than before"):
        actions.extend_sample(sample=first, name="u", hand=(0, 4, 4), actor=mia)


def test_what_cannot_be_extended_says_why(draws, mia: User, project: Project, corpus: list[int]) -> None:
    systematic = draws("s", Design(n=3, size_by="judge.quill", selection="systematic"))
    with pytest.raises(actions.CannotDraw, match="systematic draw cannot be extended"):
        actions.extend_sample(sample=systematic, name="t", n=9, actor=mia)
    top = draws("top", Design(top=3, top_by="judge.quill"))
    with pytest.raises(actions.CannotDraw, match="nothing at random"):
        actions.extend_sample(sample=top, name="t", n=9, actor=mia)
    with pytest.raises(actions.CannotDraw, match="Ask for more"):
        actions.extend_sample(sample=draws("u", Design(n=12)), name="t", n=40, actor=mia)
    bare = make.sample(project, list(project.transcripts.all()[:2]))
    with pytest.raises(actions.CannotDraw, match="does not hold"):
        actions.extend_sample(sample=bare, name="t", n=9, actor=mia)
    small = draws("small", Design(n=2))
    gone = project.transcripts.exclude(
        pk__in=SampleItem.objects.filter(sample=small).values("transcript_id")
    ).first()
    assert gone is not None
    SampleItem.objects.filter(transcript=gone).delete()
    gone.delete()
    with pytest.raises(actions.CannotDraw, match="taken back since"):
        actions.extend_sample(sample=small, name="t", n=9, actor=mia)


def test_a_later_draw_leaves_out_what_earlier_ones_took(draws, corpus: list[int]) -> None:
    first = draws("a", Design(n=4), seed=1)
    second = draws("b", Design(n=4), seed=1, excludes=[first])
    assert not ids(first) & ids(second)
    assert second.frame_size == 8
    assert odds(second) == dict.fromkeys(ids(second), 0.5)
    assert overall(second) == pytest.approx(dict.fromkeys(ids(second), 4 / 12 + 8 / 12 / 2))
    found = queries.union_of(second)
    assert found is not None
    assert found[0].tolist() == sorted(corpus)
    assert found[1] == pytest.approx([2 / 3] * 12)
    third = draws("c", Design(n=4, strata=()), seed=1, excludes=[second, first])
    assert set(third.items.values_list("probability", "overall")) == {(1.0, 1.0)}
    with pytest.raises(actions.CannotDraw, match="taken every"):
        draws("d", Design(n=1), excludes=[first, second, third])


def test_an_extension_of_a_draw_that_excludes(draws, mia: User, corpus: list[int]) -> None:
    first = draws("a", Design(n=4))
    second = draws("b", Design(n=2), excludes=[first])
    larger = actions.extend_sample(sample=second, name="c", n=6, actor=mia)
    assert ids(larger) > ids(second)
    assert not ids(larger) & ids(first)
    assert odds(larger) == dict.fromkeys(ids(larger), 6 / 8)
    assert overall(larger) == pytest.approx(dict.fromkeys(ids(larger), 4 / 12 + 8 / 12 * 6 / 8))
    assert list(larger.excludes.all()) == [first]
    # Excluding both the smaller and the larger is excluding the larger.
    rest = draws("d", Design(n=2), excludes=[first, second, larger])
    assert list(rest.excludes.order_by("pk")) == [first, larger]
    assert set(rest.items.values_list("overall", flat=True)) == {1.0}


def test_overall_odds_that_are_not_exact_are_left_out_and_said(draws, corpus: list[int]) -> None:
    first = draws("a", Design(n=4, size_by="judge.quill", selection="poisson"))
    second = draws("b", Design(n=2), excludes=[first])
    assert set(second.items.values_list("overall", flat=True)) == {None}
    assert "left to chance" in second.overall_note
    narrower = draws(
        "c", Design(n=1), excludes=[draws("d", Design(n=2))], filter=Filter(where="judge.quill >= 30")
    )
    assert "another frame" in narrower.overall_note
    several = draws("e", Design(n=1), excludes=[first, Sample.objects.get(name="d")])
    assert "several" in several.overall_note
    assert queries.union_of(several) is None


@pytest.mark.slow
def test_numbers_that_chose_do_not_choose_again(draws, corpus: list[int]) -> None:
    """Strata first, all second, one seed: reusing the numbers would favour strata drawn thinly."""
    hits = np.zeros(12)
    rounds = 150
    for seed in range(rounds):
        first = draws(
            f"a{seed}",
            Design(n=5, strata=(replace(QUILL, bins=2),), allocation="hand", hand=(1, 4)),
            seed=seed,
        )
        second = draws(f"b{seed}", Design(n=3), seed=seed, excludes=[first])
        for one in ids(first) | ids(second):
            hits[corpus.index(one)] += 1
    expected = np.array([1 / 6 + 5 / 6 * 3 / 7] * 6 + [4 / 6 + 2 / 6 * 3 / 7] * 6)
    assert (np.abs(hits / rounds - expected) < 4 * np.sqrt(expected * (1 - expected) / rounds)).all()
