"""Figures of a round: which labels count, what is stored, and how uncertain each transcript is."""

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.ledger.models import Event
from auditor.sampling.actions import draw_sample
from auditor.sampling.designs.design import By, Design
from labeling.agreement import actions, queries
from labeling.agreement.figures import Line
from labeling.agreement.models import AgreementReport
from labeling.agreement.queries import Scope, scope_of
from labeling.agreement.report import Report, read
from labeling.agreement.tasks import compute_report, queue_report
from labeling.codebooks.actions import adopt_default
from labeling.queues.actions import close_round, open_round
from labeling.queues.models import Item, Round
from tests import make
from tests.labeling.agreement import plain
from tests.labeling.agreement.conftest import BLIND, FINAL, labelled
from tests.people import signed_in


def scope(round: Round) -> Scope:
    return scope_of([round], whole=False)


def figure(report: Report, measure: str, coefficient: str, *, stage: str = "final", cut: str = "all") -> Line:
    (line,) = [
        one for one in report.of(stage=stage, measure=measure, cut=cut) if one.coefficient == coefficient
    ]
    return line


def test_blind_and_final_labels_are_measured_apart(round: Round) -> None:
    report = queries.made_now(scope(round), ["label"])
    assert report.stages == ("blind", "final")
    for stage, said in (("blind", BLIND), ("final", FINAL)):
        found = figure(report, "label", "alpha", stage=stage)
        assert found.value == pytest.approx(float(plain.alpha(said)), abs=1e-9)
        assert found.n == 6
        kappa = figure(report, "label", "Cohen's kappa", stage=stage, cut="pair")
        assert kappa.value == pytest.approx(float(plain.cohen(said)), abs=1e-9)  # type: ignore[arg-type]
        ac1 = figure(report, "label", "Gwet's AC1", stage=stage)
        assert ac1.value == pytest.approx(float(plain.ac1(said, 15)), abs=1e-9)  # the codebook has 15 labels
    assert (report.items, report.compared) == ({"blind": 6, "final": 6}, {"blind": 6, "final": 6})


def test_questions_are_compared_where_both_were_asked(round: Round) -> None:
    report = queries.made_now(scope(round), [])
    # Of the six only D D, D D and K K were asked about their motive by both: goal, goal, none twice each.
    motive = figure(report, "q.motive", "percent")
    assert (motive.value, motive.n) == (1, 3)
    truth = figure(report, "q.truth", "percent")
    assert (truth.value, truth.n) == (pytest.approx(4 / 6), 6)  # U H and H K differ in the truth
    assert figure(report, "grade", "ordinal alpha").reason == "not enough variation: all labels are the same"


def test_the_newest_revision_counts_and_late_ones_do_not(round: Round, ana: User, bo: User) -> None:
    item = round.items.order_by("order")[3]
    make.label(item, ana, "H")  # Ana comes round to Bo's label
    make.label(item, bo, "U", late=True)
    report = queries.made_now(scope(round), [])
    assert figure(report, "label", "percent").value == pytest.approx(5 / 6)


def test_gold_and_training_items_are_not_measured(round: Round) -> None:
    item = round.items.order_by("order")[3]
    for role in ("gold", "training"):
        Item.objects.filter(pk=item.pk).update(role=role, sample_item=None)
        report = queries.made_now(scope(round), [])
        assert figure(report, "label", "percent").n == 5
        assert figure(report, "label", "percent").value == pytest.approx(4 / 5)


def test_a_round_that_stays_blind_has_one_stage(project: Project, ana: User, bo: User) -> None:
    made = labelled(project, ana, bo, policy="blind_only")
    report = queries.made_now(scope(made), [])
    assert report.stages == ("final",)
    assert figure(report, "label", "alpha").value == pytest.approx(float(plain.alpha(FINAL)), abs=1e-9)


def test_equal_labels_give_equal_figures_and_stored_ones_read_back(round: Round, mia: User) -> None:
    first = queries.made_now(scope(round), [measure.key for measure in scope(round).measures])
    row = actions.compute_now(scope=scope(round), actor=mia)
    row.refresh_from_db()
    assert read(row.figures) == first
    assert row.seed == first.seed
    digest = queries.digest_of(scope(round))
    assert row.digest == digest
    stored = queries.stored_report(scope(round), digest)
    assert stored is not None
    assert not stored.outdated
    assert Event.objects.get(verb="agreement.computed").detail["seed"] == first.seed


def test_a_label_more_makes_a_report_out_of_date(round: Round, ana: User, mia: User) -> None:
    actions.compute_now(scope=scope(round), actor=mia)
    item = round.items.order_by("order")[0]
    make.label(item, ana, "K")
    stored = queries.stored_report(scope(round), queries.digest_of(scope(round)))
    assert stored is not None
    assert stored.outdated
    assert figure(stored.report, "label", "percent").value == pytest.approx(4 / 6)  # it stays what it was


@pytest.mark.django_db(transaction=True)
def test_a_large_report_is_a_run_that_may_be_rung_for_twice(round: Round, mia: User) -> None:
    row = actions.open_report(scope=scope(round), actor=mia)
    assert actions.open_report(scope=scope(round), actor=mia) == row
    queue_report(row)
    row.refresh_from_db()
    assert row.computed_at is not None
    assert row.run is not None
    row.run.refresh_from_db()
    assert row.run.status == "done"
    assert row.run_id is not None
    compute_report(row.run_id)
    assert Event.objects.filter(verb="agreement.computed").count() == 1
    assert AgreementReport.objects.count() == 1


def test_how_uncertain_a_transcript_is_becomes_a_reading_that_is_superseded(
    project: Project, mia: User, ana: User, bo: User
) -> None:
    said = [("D", "D")] * 5 + [("H", "H")] * 5 + [("D", "H"), ("H", "D")]
    made = labelled(project, ana, bo, blind=said, final=said, policy="blind_only")
    actions.compute_now(scope=scope(made), actor=mia)
    channel = Channel.objects.get(key="people.uncertainty")
    assert channel.kind == "human"
    ids = [item.transcript_id for item in made.items.order_by("order")]
    readings = visible_to(mia).readings(ids).filter(channel=channel)
    bits = {one.transcript_id: one.value or 0.0 for one in readings}
    assert set(bits) == set(ids)
    assert min(bits[pk] for pk in ids[10:]) > 0.5 > 0.1 > max(bits[pk] for pk in ids[:10])
    order = signed_in(mia).get(
        reverse("browse:list", args=[project.slug]), {"sort": "-ch.people.uncertainty"}
    )
    names = [item.transcript.name for item in made.items.order_by("order")]
    page = order.content.decode()
    assert page.index(names[10]) < page.index(names[0])  # by uncertainty is by channel
    for item in made.items.order_by("order")[10:]:
        make.label(item, ana, "H")
        make.label(item, bo, "H")
    actions.compute_now(scope=scope(made), actor=mia)
    again = {one.transcript_id: one.value or 0.0 for one in readings.all()}
    assert max(again.values()) < 0.1


def test_uncertainty_is_veiled_like_any_label(project: Project, round: Round, mia: User, ana: User) -> None:
    actions.compute_now(scope=scope(round), actor=mia)
    item = round.items.order_by("order")[3]
    channel = Channel.objects.get(key="people.uncertainty")
    assert visible_to(ana).readings([item.transcript_id]).filter(channel=channel).exists()
    make.round(project, [item.transcript], [ana])
    assert not visible_to(ana).readings([item.transcript_id]).filter(channel=channel).exists()


def test_labels_are_cut_by_the_strata_of_their_sample(
    project: Project, ana: User, bo: User, mia: User
) -> None:
    judge = make.channel(project)
    for value in (1.0, 2.0, 3.0, 10.0, 20.0, 30.0):
        make.reading(judge, make.transcript(project), value)
    by = By("channel", channels=("judge.quill",), bins=2)
    sample = draw_sample(project=project, name="Cut", design=Design(n=6, strata=(by,)), seed=1, actor=mia)
    made = open_round(
        project=project, name="Cut", sample=sample, members=[ana, bo], overlap=2, actor=mia,
        codebook_version=adopt_default(project=project, actor=mia), policy="blind_only",
    )  # fmt: skip
    for item in made.items.all():
        for reviewer in (ana, bo):
            make.label(item, reviewer, "H" if reviewer == ana or item.order else "K")
    report = queries.made_now(scope(made), ["label"])
    parts = {
        one.part: (one.n, one.value)
        for one in report.of(stage="final", measure="label", cut="stratum")
        if one.coefficient == "percent"
    }
    assert set(parts) == {one["name"] for one in sample.strata}
    assert sorted(n for n, _ in parts.values()) == [3, 3]
    assert sorted(value or 0 for _, value in parts.values()) == [pytest.approx(2 / 3), 1]


def test_rounds_by_one_codebook_are_measured_together(
    project: Project, round: Round, ana: User, ada: User, mia: User
) -> None:
    second = labelled(project, ana, ada, name="Second round")
    close_round(round=second, actor=mia)
    together = scope_of([round, second], whole=True)
    report = queries.made_now(together, ["label"])
    assert report.compared["final"] == 12
    assert figure(report, "label", "alpha").value == pytest.approx(
        float(plain.alpha([*FINAL, *FINAL])), abs=1e-9
    )
    assert {one.part for one in report.of(stage="final", measure="label", cut="pair")} == {
        f"{a.pk}.{b.pk}" for a, b in (sorted((ana, person), key=lambda p: p.pk) for person in (round.members.exclude(user=ana).get().user, ada))
    }  # fmt: skip
    row = actions.compute_now(scope=together, actor=mia)
    assert queries.scope_of_report(row).rounds == together.rounds


def test_words_that_reviewers_marked_are_compared(project: Project, ana: User, bo: User) -> None:
    made = make.round(project, [make.transcript(project)], [ana, bo])
    item = made.items.get()
    quote = "Yes, it cleared"
    make.label(item, ana, "D", spans=[("misleads", 1, 0, 15, quote)])
    make.label(item, bo, "D", spans=[("misleads", 1, 0, 12, quote[:12])])
    report = queries.made_now(scope(made), [])
    f1 = figure(report, "span.misleads", "matched F1")
    assert (f1.value, f1.low, f1.reason) == (1, None, "every resample gives the same figure")
    # n characters by 2: inside 15 + 12 of 2n values, unlike the 3 that one marked, each two ordered pairs.
    n = item.transcript.n_chars
    expected = 1 - (2 * n - 1) * 6 / (2 * 27 * (2 * n - 27))
    assert figure(report, "span.misleads", "character alpha").value == pytest.approx(expected, abs=1e-9)
    assert figure(report, "span.truth", "matched F1").reason == "nobody marked such words"


def test_it_takes_a_fixed_number_of_queries(
    project: Project, round: Round, ana: User, bo: User, django_assert_num_queries: object
) -> None:
    for _ in range(2):
        fresh = scope(Round.objects.select_related("sample", "codebook_version__codebook").get(pk=round.pk))
        with django_assert_num_queries(5):  # type: ignore[operator]  # digest, labels and spans of two stages
            queries.made_now(fresh, ["label"])
        for item in round.items.all():
            make.label(item, ana, "K")
