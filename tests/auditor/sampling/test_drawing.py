"""A draw writes down what it was drawn from and with which odds."""

import csv
import hashlib
import math
from dataclasses import replace
from urllib.parse import urlencode

import numpy as np
import pytest
from django.db import Error, transaction

from auditor.accounts.models import Project, User
from auditor.evidence.actions import lay_veils
from auditor.evidence.filters import Bounds, Filter, FilterError
from auditor.evidence.queries import visible_to
from auditor.ledger.models import Event
from auditor.sampling import actions, queries
from auditor.sampling.designs.design import By, Design
from auditor.sampling.downloads import csv_of
from auditor.sampling.frames import StratumError
from auditor.sampling.models import Sample, SampleFrame, SampleItem
from tests import make
from tests.auditor.sampling.drawn import QUILL, ids, odds


def test_a_uniform_draw_gives_each_the_same_odds(draws, corpus: list[int]) -> None:
    sample = draws("first", Design(n=3))
    assert set(odds(sample).values()) == {3 / 12}
    assert queries.frame_of(sample).tolist() == sorted(corpus)
    assert Event.objects.get(verb="sample.drawn").detail["frame"] == 12
    assert (sample.design, sample.in_words(), sample.carries_back) == ("uniform", "3 at random", True)
    assert set(sample.items.values_list("overall", flat=True)) == {3 / 12}


def test_the_same_seed_draws_the_same_and_another_does_not(draws, corpus: list[int]) -> None:
    first, second, third = (
        draws("a", Design(n=4), seed=9),
        draws("b", Design(n=4), seed=9),
        draws("c", Design(n=4), seed=8),
    )
    listed = [list(one.items.values_list("transcript_id", flat=True)) for one in (first, second, third)]
    assert listed[0] == listed[1] != listed[2]
    assert first.frame_digest == second.frame_digest


def test_a_draw_follows_records_and_not_ids(draws, project: Project, corpus: list[int]) -> None:
    """An independent implementation in plain Python: the smallest keyed hashes of the records."""
    sample = draws("s", Design(n=5), seed=77)
    key = hashlib.blake2b(b"draw:77:", digest_size=32).digest()
    records = {
        one.pk: bytes.fromhex(one.record_digest) + one.ordinal.to_bytes(4, "big")
        for one in project.transcripts.all()
    }
    hashed = {pk: hashlib.blake2b(raw, key=key, digest_size=8).digest() for pk, raw in records.items()}
    assert ids(sample) == set(sorted(hashed, key=hashed.__getitem__)[:5])
    assert sample.frame_digest == hashlib.sha256(b"".join(sorted(records.values()))).hexdigest()


def test_strata_of_a_channel_are_cut_at_quantiles(draws, corpus: list[int]) -> None:
    sample = draws("s", Design(n=6, strata=(QUILL,)))
    assert [(s["size"], s["n"], s["drawn"], s["least"]) for s in sample.strata] == [(4, 2, 2, 0.5)] * 3
    assert sum(1 / one for one in odds(sample).values()) == pytest.approx(12)


def test_strata_of_filters_take_what_matches_first(draws, corpus: list[int]) -> None:
    by = By("filters", filters=tuple(urlencode({"where": f"judge.quill >= {cut}"}) for cut in (100, 60)))
    sample = draws("s", Design(n=6, strata=(by,), allocation="hand", hand=(2, 3, 1)))
    assert [(s["size"], s["drawn"]) for s in sample.strata] == [(2, 2), (4, 3), (6, 1)]
    assert "100" in sample.strata[0]["name"]
    assert sample.strata[2]["name"] == "the remainder"


def test_a_stratum_that_cannot_be_read_says_which_and_where(draws, corpus: list[int]) -> None:
    by = By("filters", filters=("where=judge.quill+%3E%3D+100", "where=judge.quil+%3E+3"))
    with pytest.raises(StratumError, match=r"Stratum 2.*judge\.quill") as caught:
        draws("s", Design(n=6, strata=(QUILL, by)))
    assert (caught.value.cut, caught.value.number, caught.value.problem.position) == (1, 1, 0)
    with pytest.raises(FilterError):
        draws("s", Design(n=1), filter=Filter(where="nonsense = 3"))


def test_crossed_strata(draws, project: Project, corpus: list[int]) -> None:
    by = By("filters", filters=("where=judge.quill+%3C+20",))
    sample = draws("s", Design(n=8, strata=(QUILL, by)))
    assert [(s["size"], s["name"].split(" × ")[1] == "the remainder") for s in sample.strata] == [
        (2, False), (2, True), (4, True), (4, True),
    ]  # fmt: skip


def test_disagreement_is_the_spread_of_channels_on_their_own_ranges(draws, project: Project) -> None:
    quill, sable = make.channel(project), make.channel(project, "judge.sable", lo=0, hi=10)
    for gap in (0, 0, 0, 8, 9, 10):
        transcript = make.transcript(project)
        make.reading(quill, transcript, 0.0)
        make.reading(sable, transcript, float(gap))
    by = By("spread", channels=(quill.key, sable.key), bins=2)
    sample = draws("s", Design(n=2, strata=(by,)))
    assert [s["size"] for s in sample.strata] == [3, 3]
    assert sample.strata[1]["hi"] == 0.5  # the standard deviation of 0 and 1


def test_disagreement_of_labels_is_the_share_of_pairs_that_differ(draws, project: Project) -> None:
    channels = [make.channel(project, f"judge.{name}") for name in ("a", "b", "c")]
    for labels in ("LLL", "LLL", "LLT", "LTX", "L  "):
        transcript = make.transcript(project)
        for channel, label in zip(channels, labels, strict=True):
            if label.strip():
                make.reading(channel, transcript, None, label=label)
    by = By("labels", channels=tuple(one.key for one in channels), edges=(0.0, 0.9))
    sample = draws("s", Design(n=4, strata=(by,)))
    assert [s["size"] for s in sample.strata] == [2, 1, 1, 1]
    assert sample.strata[-1]["name"] == "differing labels no value"


def test_a_top_beside_a_random_remainder(draws, corpus: list[int]) -> None:
    sample = draws("s", Design(n=3, top=2, top_by="judge.quill"))
    assert odds(sample)[corpus[11]] == odds(sample)[corpus[10]] == 1.0
    assert (sample.design, sample.items.count(), sample.carries_back) == ("top-k + uniform", 5, True)
    assert sum(1 / one for one in odds(sample).values()) == pytest.approx(12)


def test_a_top_alone_is_marked(draws, corpus: list[int]) -> None:
    sample = draws("s", Design(top=2, top_by="judge.quill"))
    assert ids(sample) == set(corpus[10:])
    assert not sample.carries_back
    assert "cannot be carried back" in sample.why_not


@pytest.mark.parametrize("selection", ["poisson", "systematic"])
def test_odds_proportional_to_a_reading(draws, corpus: list[int], selection: str) -> None:
    design = Design(n=4, size_by="judge.quill", selection=selection, allocation="proportional")  # type: ignore[arg-type]
    sample = draws("s", design, seed=3)
    plan = queries.plan_of(sample)
    assert plan is not None
    # The one with 0 is a stratum of its own, and three of the others' 660 have 110 + 100 + 90 of it.
    assert [(s.size, s.n) for s in plan.strata] == [(11, 3), (1, 1)]
    assert plan.odds[1:] == pytest.approx([30 * k / 660 for k in range(1, 12)])
    for transcript_id, probability in odds(sample).items():
        assert probability == plan.odds[corpus.index(transcript_id)]
    if selection == "systematic":
        assert sample.items.count() == 4


def test_transcripts_without_a_value_are_a_stratum(draws, project: Project, corpus: list[int]) -> None:
    make.transcript(project)
    sample = draws("s", Design(n=5, strata=(replace(QUILL, bins=2),)))
    assert sample.strata[-1]["name"] == "judge.quill no value"
    assert sum(s["size"] for s in sample.strata) == 13


def test_a_filter_makes_the_frame(draws, corpus: list[int]) -> None:
    chosen = Filter(channels=(Bounds(key="judge.quill", lo=90.0),))
    sample = draws("s", Design(n=50), filter=chosen)
    assert queries.frame_of(sample).tolist() == corpus[9:]
    assert set(odds(sample).values()) == {1.0}
    assert Filter.from_json(sample.filter) == chosen


def test_a_veiled_manager_draws_without_what_they_may_not_know(draws, mia: User, corpus: list[int]) -> None:
    lay_veils(person_ids=[mia.pk], transcript_ids=corpus[:2], round_key="round:1", scopes=["machine"])
    by = By("filters", filters=("where=judge.quill+%3E+50",))
    telling = [
        Design(n=5, strata=(QUILL,)), Design(n=5, strata=(by,)), Design(n=5, top=1, top_by="judge.quill"),
        Design(n=5, size_by="judge.quill", selection="systematic"),
    ]  # fmt: skip
    for number, design in enumerate(telling):
        sample = draws(str(number), design)
        assert (sample.frame_size, sample.left_out) == (10, 2), design
    blind = draws("blind", Design(n=5))
    assert (blind.frame_size, blind.left_out) == (12, 0)


@pytest.mark.parametrize(
    ("design", "reason"),
    [
        (Design(n=2, strata=(By("channel"),)), "Choose"),
        (Design(n=2, strata=(By("spread", channels=("judge.quill",)),)), "at least two"),
        (Design(n=2, strata=(By("channel", channels=("judge.none",)),)), "no channel judge.none"),
        (Design(n=2, strata=(By("channel", channels=("people.label",)),)), "What people said"),
        (Design(n=0), "at least one"),
        (Design(n=2, strata=(QUILL,)), "fewer than the 3 strata"),
        (Design(n=2, strata=(QUILL,), allocation="hand", hand=(2,)), "each of the 3 strata"),
    ],
)
def test_a_draw_that_makes_no_sense_is_refused(
    draws, project: Project, corpus: list[int], design: Design, reason: str
) -> None:
    make.channel(project, "people.label", kind="human")
    with pytest.raises(actions.CannotDraw, match=reason):
        draws("s", design)
    assert not Sample.objects.exists()


def test_nothing_to_draw_from_is_said(draws) -> None:
    with pytest.raises(actions.CannotDraw, match="nothing to draw"):
        draws("s", Design(n=2))


def test_a_sample_stands_as_drawn(draws, corpus: list[int]) -> None:
    first = draws("s", Design(n=2))
    draws("t", Design(n=2), excludes=[first])
    for change in (
        lambda: SampleItem.objects.update(probability=1.0),
        lambda: Sample.objects.update(carries_back=True),
        lambda: SampleFrame.objects.update(overall=None),
        lambda: Sample.excludes.through.objects.update(to_sample_id=first.pk),
    ):
        with pytest.raises(Error, match="append-only"), transaction.atomic():
            change()


def test_a_project_with_a_chain_of_samples_can_go(
    draws, mia: User, project: Project, corpus: list[int]
) -> None:
    first = draws("a", Design(n=2))
    actions.extend_sample(sample=first, name="b", n=4, actor=mia)
    draws("c", Design(n=2), excludes=[first])
    assert Sample.objects.all().delete()[0] > 0


def test_weighted_counts_come_back_to_the_frame(draws, corpus: list[int]) -> None:
    """Horvitz-Thompson over many seeds: the mean estimate of how many score 60 or more is the truth, 6."""
    values = dict(zip(corpus, (10.0 * n for n in range(12)), strict=True))
    estimates = []
    for seed in range(60):
        sample = draws(str(seed), Design(n=5, strata=(replace(QUILL, bins=2),)), seed=seed)
        estimates.append(sum(1 / one for pk, one in odds(sample).items() if values[pk] >= 60))
    error = np.std(estimates) / math.sqrt(len(estimates))
    assert np.mean(estimates) == pytest.approx(6, abs=4 * error + 1e-9)


def test_the_file_of_a_sample_hides_the_odds_of_what_is_veiled(
    draws, ana: User, project: Project, corpus: list[int]
) -> None:
    make.transcript(project, external_id="=1+1")
    sample = draws("s", Design(n=13, strata=(QUILL,)))
    lay_veils(person_ids=[ana.pk], transcript_ids=corpus[:1], round_key="round:1", scopes=["machine"])
    rows = list(csv.DictReader("".join(csv_of(sample, visible_to(ana))).splitlines()))
    assert [int(row["order"]) for row in rows] == list(range(13))
    by_id = {int(row["transcript"]): row for row in rows}
    assert [by_id[corpus[0]][name] for name in ("stratum", "component", "probability", "overall")] == [""] * 4
    assert [by_id[corpus[1]][name] for name in ("component", "probability", "overall")] == [
        "random",
        "1.0",
        "1.0",
    ]
    assert "'=1+1" in {row["name"] for row in rows}
