"""A draw writes down what it was drawn from and with which odds."""

import math

import numpy as np
import pytest
from django.db import Error, transaction
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.evidence.actions import lay_veils
from auditor.evidence.filters import Bounds, Filter
from auditor.ledger.models import Event
from auditor.sampling import actions, queries
from auditor.sampling.models import Sample, SampleItem
from tests import make
from tests.people import signed_in


@pytest.fixture
def corpus(project: Project) -> list[int]:
    """Twelve transcripts; the judge gives 0, 10, … 110 to them in order."""
    judge = make.channel(project)
    made = [make.transcript(project) for _ in range(12)]
    for number, transcript in enumerate(made):
        make.reading(judge, transcript, 10.0 * number)
    return [transcript.pk for transcript in made]


def test_a_uniform_draw_gives_each_the_same_odds(project: Project, mia: User, corpus: list[int]) -> None:
    sample = actions.draw_sample(project=project, name="first", design="uniform", n=3, seed=5, actor=mia)
    assert set(sample.items.values_list("probability", flat=True)) == {3 / 12}
    assert queries.frame_of(sample).tolist() == sorted(corpus)
    assert Event.objects.get(verb="sample.drawn").detail["frame"] == 12


def test_the_same_seed_draws_the_same(project: Project, mia: User, corpus: list[int]) -> None:
    draws = [
        actions.draw_sample(project=project, name=name, design="uniform", n=4, seed=9, actor=mia)
        for name in ("a", "b")
    ]
    first, second = ([item.transcript_id for item in sample.items.all()] for sample in draws)
    assert first == second
    assert draws[0].frame_digest == draws[1].frame_digest


def test_strata_of_a_channel_are_cut_at_quantiles(project: Project, mia: User, corpus: list[int]) -> None:
    judge = make.channel(project)
    sample = actions.draw_sample(
        project=project, name="s", design="stratified", n=6, seed=1, actor=mia, channels=[judge], bins=3
    )
    assert [(s["size"], s["drawn"]) for s in sample.strata] == [(4, 2)] * 3
    weights = sum(1 / item.probability for item in sample.items.all())
    assert weights == pytest.approx(12)


def test_disagreement_is_the_spread_of_channels(project: Project, mia: User) -> None:
    quill, sable = make.channel(project), make.channel(project, "judge.sable")
    for gap in (0, 0, 0, 80, 90, 100):
        transcript = make.transcript(project)
        make.reading(quill, transcript, 0.0)
        make.reading(sable, transcript, float(gap))
    sample = actions.draw_sample(
        project=project,
        name="s",
        design="stratified_by_spread",
        n=2,
        seed=1,
        actor=mia,
        channels=[quill, sable],
        bins=2,
    )
    assert [s["size"] for s in sample.strata] == [3, 3]
    assert sample.strata[1]["hi"] == 50.0  # the standard deviation of 0 and 100


def test_transcripts_without_a_value_are_a_stratum(project: Project, mia: User, corpus: list[int]) -> None:
    make.transcript(project)
    sample = actions.draw_sample(
        project=project,
        name="s",
        design="stratified",
        n=5,
        seed=1,
        actor=mia,
        channels=[make.channel(project)],
        bins=2,
    )
    assert sample.strata[-1]["name"] == "no value"
    assert sum(s["size"] for s in sample.strata) == 13


def test_a_filter_makes_the_frame(project: Project, mia: User, corpus: list[int]) -> None:
    chosen = Filter(channels=(Bounds(key="judge.quill", lo=90.0),))
    sample = actions.draw_sample(
        project=project, name="s", design="uniform", n=50, seed=1, actor=mia, filter=chosen
    )
    assert sorted(queries.frame_of(sample)) == corpus[9:]
    assert set(sample.items.values_list("probability", flat=True)) == {1.0}
    assert Filter.from_json(sample.filter) == chosen


def test_a_veiled_manager_draws_without_what_they_may_not_know(
    project: Project, mia: User, corpus: list[int]
) -> None:
    lay_veils(person_ids=[mia.pk], transcript_ids=corpus[:2], round_key="round:1", scopes=["machine"])
    by_judge = actions.draw_sample(
        project=project,
        name="s",
        design="stratified",
        n=5,
        seed=1,
        actor=mia,
        channels=[make.channel(project)],
    )
    assert (by_judge.frame_size, by_judge.left_out) == (10, 2)
    blind = actions.draw_sample(project=project, name="t", design="uniform", n=5, seed=1, actor=mia)
    assert (blind.frame_size, blind.left_out) == (12, 0)


@pytest.mark.parametrize(
    ("design", "keys", "reason"),
    [
        ("stratified", (), "Choose"),
        ("stratified_by_spread", ("judge.quill",), "at least two"),
        ("uniform", ("judge.quill",), "no channel"),
        ("top_k", (), "Choose a design"),
    ],
)
def test_a_draw_that_makes_no_sense_is_refused(
    project: Project, mia: User, corpus: list[int], design: str, keys: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(actions.CannotDraw, match=reason):
        actions.draw_sample(
            project=project,
            name="s",
            design=design,
            n=2,
            seed=1,
            actor=mia,
            channels=[make.channel(project, k) for k in keys],
        )
    assert not Sample.objects.exists()


def test_nothing_to_draw_from_is_said(project: Project, mia: User) -> None:
    with pytest.raises(actions.CannotDraw, match="nothing to draw"):
        actions.draw_sample(project=project, name="s", design="uniform", n=2, seed=1, actor=mia)


def test_a_sample_stands_as_drawn(project: Project, mia: User, corpus: list[int]) -> None:
    actions.draw_sample(project=project, name="s", design="uniform", n=2, seed=1, actor=mia)
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        SampleItem.objects.update(probability=1.0)


def test_weighted_counts_come_back_to_the_frame(project: Project, mia: User, corpus: list[int]) -> None:
    """Horvitz-Thompson over many seeds: the mean estimate of how many score 60 or more is the truth, 6."""
    judge = make.channel(project)
    values = dict(zip(corpus, (10.0 * n for n in range(12)), strict=True))
    estimates = []
    for seed in range(60):
        sample = actions.draw_sample(
            project=project,
            name=str(seed),
            design="stratified",
            n=5,
            seed=seed,
            actor=mia,
            channels=[judge],
            bins=2,
        )
        estimates.append(sum(1 / i.probability for i in sample.items.all() if values[i.transcript_id] >= 60))
    error = np.std(estimates) / math.sqrt(len(estimates))
    assert np.mean(estimates) == pytest.approx(6, abs=4 * error + 1e-9)


def test_the_pages(project: Project, mia: User, vic: User, cy: User, ana: User, corpus: list[int]) -> None:
    browser = signed_in(mia)
    new = reverse("sampling:new", args=[project.slug])
    assert "12" in browser.get(new).content.decode()
    drawn = browser.post(
        new,
        {"name": "By judge", "n": 4, "design": "stratified", "channels": [make.channel(project).pk], "bins": 2,
         "allocation": "equal", "seed": 3},
    )  # fmt: skip
    assert drawn.status_code == 302, drawn.content.decode()
    sample = Sample.objects.get()
    page = reverse("sampling:sample", args=[project.slug, sample.pk])
    assert "0.3333" in browser.get(page).content.decode()
    assert signed_in(vic).get(page).status_code == 200
    assert signed_in(cy).get(page).status_code == 404
    assert signed_in(vic).get(new).status_code == 404
    again = browser.post(
        new, {"name": "By judge", "n": 4, "design": "uniform", "bins": 2, "allocation": "equal", "seed": 3}
    )
    assert again.status_code == 422
    assert "sample of that name" in again.content.decode()


def test_the_odds_of_a_veiled_item_are_not_shown(
    project: Project, mia: User, ana: User, corpus: list[int]
) -> None:
    sample = actions.draw_sample(
        project=project,
        name="s",
        design="stratified",
        n=5,
        seed=1,
        actor=mia,
        channels=[make.channel(project)],
        bins=3,
    )
    item = sample.items.first()
    assert item is not None
    lay_veils(
        person_ids=[ana.pk], transcript_ids=[item.transcript_id], round_key="round:1", scopes=["machine"]
    )
    page = signed_in(ana).get(reverse("sampling:sample", args=[project.slug, sample.pk])).content.decode()
    assert page.count("after your blind label") == 1
