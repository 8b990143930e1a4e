"""Prevalence from rulings to pages, files and calls: what is computed, by whom, and who may see it."""

import csv
import io
import re

import numpy as np
import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.evidence.actions import NewReading, write_readings
from auditor.evidence.filters import Filter
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.sampling.actions import draw_sample
from auditor.sampling.designs.design import Design
from auditor.sampling.models import Sample
from labeling.queues.models import Round
from labeling.validity.prevalence import queries
from labeling.validity.prevalence.gathering import gather
from labeling.validity.prevalence.models import PrevalenceReport
from labeling.validity.prevalence.queries import Asked, CannotAsk, asked_of
from tests import make
from tests.auditor.intake.test_undo import take_back
from tests.labeling.validity.counted import (
    DRAWN,
    SIZE,
    carried,
    computed,
    counted,
    judge,
    number_of,
    opened,
    ruled,
    sample,
    yes,
)  # fmt: skip
from tests.people import signed_in
from tests.programs import program

__all__ = ["counted", "judge", "sample"]


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def test_the_columns_are_those_of_the_frame(project: Project, counted: Round, mia: User) -> None:
    asked = asked_of(counted, "label:D", mia, channel="judge.quill")
    assert (asked.cut, asked.rule, asked.in_words) == (50.0, "at or above 50", asked.in_words)
    found = gather(asked, visible_to(mia))
    given = found.given
    assert given.design is not None
    assert (given.size, len(given.label), found.in_case) == (SIZE, DRAWN, 0)
    assert np.isnan(given.judged).sum() == 2
    assert given.label.tolist() == [float(yes(place)) for place in given.design.drawn.tolist()]
    assert given.judged[:10].tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1, 1]
    by = {cut.key: cut for cut in given.cuts}
    assert set(by) == {"model", "condition:oversight"}
    assert by["model"].codes.tolist() == [number % 2 for number in range(SIZE)]


def test_a_page_shows_the_four_estimates_with_their_frame(
    project: Project, counted: Round, mia: User, vic: User
) -> None:
    row = computed(project, mia, counted, channel="judge.quill")
    assert row.computed_at is not None
    html = (
        signed_in(vic)
        .get(reverse("validity:prevalence_report", args=[project.slug, row.pk]))
        .content.decode()
    )
    text = text_of(html)
    assert "all transcripts , as it stood" in text
    assert ": 60 transcripts" in text
    assert "PPI++" in text
    assert html.count('<s class="rate">') > 1  # the judge alone is struck through
    assert "do not cite" in text
    assert "58 of 60 transcripts have a verdict of" in text
    assert "By model" in text
    assert "By oversight" in text
    assert "without a verdict of the judge" in text
    assert "Out of date" not in text
    assert "Compute again" not in text  # a viewer
    assert "style=" not in html
    listed = text_of(signed_in(vic).get(reverse("validity:prevalence", args=[project.slug])).content.decode())
    assert "at or above 50" in listed
    assert "Compute" not in listed.split("Kept reports")[0]


def test_the_figures_are_those_of_the_rulings(project: Project, counted: Round, mia: User) -> None:
    row = computed(project, mia, counted, channel="judge.quill")
    kept = queries.kept(row)
    assert kept is not None
    drawn = [number_of(item) for item in counted.items.select_related("transcript")]
    labels = kept.report.line("labels")
    assert labels is not None
    assert labels.value == pytest.approx(sum(map(yes, drawn)) / DRAWN)
    powered = kept.report.line("powered")
    assert powered is not None
    assert powered.low is not None
    assert powered.high is not None
    assert powered.low < sum(map(yes, range(SIZE))) / SIZE < powered.high


def test_the_files_name_the_frame_in_each_row(project: Project, counted: Round, mia: User) -> None:
    row = computed(project, mia, counted, channel="judge.quill", cut="50")
    client = signed_in(mia)
    answer = client.get(reverse("validity:prevalence_csv", args=[project.slug, row.pk]))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]
    assert {one["frame"] for one in rows} == {"all transcripts"}
    assert {one["frame_size"] for one in rows} == {"60"}
    assert {one["kind"] for one in rows} == {"rate", "difference", "bounds", "bounds with intervals"}
    drawing = client.get(reverse("validity:prevalence_svg", args=[project.slug, row.pk]))
    assert drawing.headers["Content-Type"].startswith("image/svg+xml")
    body = drawing.content.decode()
    assert body.startswith("<svg")
    assert "n = 40" in body
    assert "60 transcripts" in body


def test_a_new_ruling_or_verdict_makes_it_out_of_date(
    project: Project, counted: Round, judge: Channel, mia: User, ana: User
) -> None:
    row = computed(project, mia, counted, channel="judge.quill")
    address = reverse("validity:prevalence_report", args=[project.slug, row.pk])
    assert "Out of date" not in signed_in(mia).get(address).content.decode()
    make.reading(judge, counted.items.all()[0].transcript, 1.0)
    assert "Out of date" in signed_in(mia).get(address).content.decode()
    again = computed(project, mia, counted, channel="judge.quill")
    kept = queries.kept(again)
    assert kept is not None
    assert not kept.outdated


def test_verdicts_that_were_taken_back_make_it_out_of_date(
    project: Project, counted: Round, judge: Channel, mia: User
) -> None:
    other, batch = make.channel(project, "judge.other"), make.batch(project)
    apart = make.batch(project)
    for source, channel in ((batch, judge), (apart, other)):
        new = NewReading(channel, counted.items.all()[0].transcript_id, 1.0)
        write_readings(readings=[new], source=f"batch:{source.pk}")
    with_judge, alone = (
        computed(project, mia, counted, channel="judge.quill"),
        computed(project, mia, counted),
    )
    take_back(apart)
    for row in (with_judge, alone):
        kept = queries.kept(row)
        assert kept is not None
        assert not kept.outdated
    take_back(batch)
    address = reverse("validity:prevalence_report", args=[project.slug, with_judge.pk])
    assert "Out of date" in signed_in(mia).get(address).content.decode()
    kept = queries.kept(alone)
    assert kept is not None
    assert not kept.outdated  # no judge was asked
    again = queries.kept(computed(project, mia, counted, channel="judge.quill"))
    assert again is not None
    assert not again.outdated


def test_who_still_labels_sees_nothing_of_it(
    project: Project, counted: Round, mia: User, ana: User, bo: User
) -> None:
    """Not even where the round under way holds a transcript of the frame that was not drawn before."""
    row = computed(project, mia, counted, channel="judge.quill")
    drawn = set(counted.items.values_list("transcript_id", flat=True))
    other = next(one for one in project.transcripts.order_by("pk") if one.pk not in drawn)
    make.round(project, [other], [bo], name="Again")
    address = reverse("validity:prevalence_report", args=[project.slug, row.pk])
    assert "Not while you label" in signed_in(bo).get(address).content.decode()
    assert "PPI++" in signed_in(ana).get(address).content.decode()
    for name in ("csv", "svg"):
        file = reverse(f"validity:prevalence_{name}", args=[project.slug, row.pk])
        assert signed_in(bo).get(file).status_code == 404
        assert signed_in(ana).get(file).status_code == 200
    alone = computed(project, mia, counted)  # of labels alone he may know: they are those of a closed round
    shown = signed_in(bo).get(reverse("validity:prevalence_report", args=[project.slug, alone.pk]))
    assert "Four estimates" in shown.content.decode()


def test_a_round_that_is_not_finished_is_provisional(
    project: Project, sample: Sample, ana: User, mia: User
) -> None:
    open_ = opened(project, sample, ana, mia, "Under way", policy="open")
    ruled(open_.items.all()[:30])
    row = computed(project, mia, open_)
    text = text_of(
        signed_in(mia)
        .get(reverse("validity:prevalence_report", args=[project.slug, row.pk]))
        .content.decode()
    )
    assert "10 of 40 drawn transcripts have no ruling yet" in text
    assert "drawn, but without a ruling yet" in text


def test_by_the_order_of_a_channel_nothing_is_estimated_before_the_end(
    project: Project, sample: Sample, judge: Channel, ana: User, mia: User
) -> None:
    made = opened(
        project, sample, ana, mia, "By score", policy="open", order="channel_down", order_channel=judge
    )
    ruled(made.items.all()[:30])
    early = queries.kept(computed(project, mia, made))
    assert early is not None
    assert early.report.default is None
    assert "order of a channel" in early.report.lines[0].reason
    assert {one.what for one in early.report.bounds} == {"rulings"}
    ruled(made.items.all()[30:])
    late = queries.kept(computed(project, mia, made))
    assert late is not None
    assert late.report.default is not None


def test_part_of_a_sample_or_a_top_carries_nothing_back(
    project: Project, sample: Sample, ana: User, mia: User
) -> None:
    some = list(sample.items.values_list("transcript_id", flat=True))[:10]
    partly = opened(project, sample, ana, mia, "Some", only=some, policy="open")
    found = queries.kept(computed(project, mia, partly))
    assert found is not None
    assert "takes only 10 of the 40" in found.report.lines[0].reason
    top = draw_sample(
        project=project, name="Top", design=Design(top=5, top_by="judge.quill"), seed=1, actor=mia
    )
    worst = opened(project, top, ana, mia, "Worst", policy="open")
    row = computed(project, mia, worst)
    text = text_of(
        signed_in(mia)
        .get(reverse("validity:prevalence_report", args=[project.slug, row.pk]))
        .content.decode()
    )
    assert "Only the top was taken" in text
    listed = signed_in(mia).get(reverse("validity:prevalence", args=[project.slug]), {"round": worst.pk})
    assert "Nothing can be carried back" in listed.content.decode()


def test_with_the_draws_it_excluded_a_round_speaks_for_the_whole(
    project: Project, sample: Sample, counted: Round, ana: User, mia: User
) -> None:
    rest = draw_sample(
        project=project,
        name="More",
        design=Design(n=10),
        seed=6,
        actor=mia,
        filter=Filter(),
        excludes=[sample],
    )
    later = opened(project, rest, ana, mia, "Second round", policy="open")
    ruled(later.items.all())
    own = queries.kept(computed(project, mia, later))
    assert own is not None
    assert (own.report.size, own.report.drawn) == (20, 10)
    both = computed(project, mia, later, together="1")
    kept = queries.kept(both)
    assert kept is not None
    assert (kept.report.size, kept.report.drawn, kept.report.labelled) == (60, 50, 50)
    drawn = [number_of(item) for one in (counted, later) for item in one.items.select_related("transcript")]
    labels = kept.report.line("labels")
    assert labels is not None
    assert labels.value == pytest.approx(sum(map(yes, drawn)) / 50)
    html = (
        signed_in(mia)
        .get(reverse("validity:prevalence_report", args=[project.slug, both.pk]))
        .content.decode()
    )
    assert "by the draws Forty and More together" in text_of(html)


def test_what_makes_no_sense_is_said(
    project: Project, counted: Round, judge: Channel, mia: User, ana: User
) -> None:
    for problem, asked in (
        ("label or a group", {"target": "label:nonsense"}),
        ("not people's", {"channel": "nobody"}),
        ("must be a number", {"channel": "judge.quill", "cut": "high"}),
        ("must be a finite", {"channel": "judge.quill", "cut": "inf"}),
        ("excluded no earlier draw", {"together": True}),
    ):
        with pytest.raises(CannotAsk, match=problem):
            asked_of(counted, str(asked.pop("target", "group:intent")), mia, **asked)  # type: ignore[arg-type]
    plain = make.channel(project, "score.free", kind="score")
    with pytest.raises(CannotAsk, match="give a cut"):
        asked_of(counted, "group:intent", mia, channel=plain.key)
    make.reading(plain, counted.items.all()[0].transcript, None, label="intent")
    named = asked_of(counted, "group:intent", mia, channel=plain.key)
    assert (named.yes, named.cut) == (("intent",), None)
    client = signed_in(mia)
    compute = reverse("validity:prevalence_compute", args=[project.slug])
    answer = client.post(compute, {"round": counted.pk, "target": "label:nonsense"}, follow=True)
    assert "Choose a label or a group" in answer.content.decode()
    assert client.post(compute, {"round": "x"}, follow=True).status_code == 200
    assert signed_in(ana).post(compute, {"round": counted.pk, "target": "group:intent"}).status_code == 404
    assert not PrevalenceReport.objects.exists()


def test_low_values_and_labels_can_say_yes(
    project: Project, counted: Round, judge: Channel, mia: User
) -> None:
    low = gather(Asked(counted, "group:intent", judge, 50.0, True), visible_to(mia)).given.judged
    high = gather(Asked(counted, "group:intent", judge, 50.0), visible_to(mia)).given.judged
    assert low is not None
    assert high is not None
    assert np.nansum(low) == 58 - np.nansum(high)
    by_label = gather(
        Asked(counted, "group:intent", judge, None, False, ("x",)), visible_to(mia)
    ).given.judged
    assert np.isnan(by_label).all()  # this judge has values and no labels


def test_programs_ask_and_read(project: Project, counted: Round, mia: User, ana: User, bo: User) -> None:
    robot = program(mia, project)
    body = {"target": "group:intent", "channel": "judge.quill", "cut": 50}
    opened_ = robot.does(f"/rounds/{counted.pk}/prevalence", body)
    assert opened_["state"] == "queued"
    assert robot.asks(f"/prevalence/{opened_['id']}").status_code == 409
    carried(PrevalenceReport.objects.get(pk=opened_["id"]))
    said = robot.gets(f"/prevalence/{opened_['id']}")
    assert (said["cite"], said["frame"]["size"], said["frame"]["filter"]) == (
        "powered",
        60,
        "all transcripts",
    )
    assert said["report"]["says_yes"] == "at or above 50"
    assert {one["estimator"] for one in said["lines"]} >= {"powered", "labels", "corrected", "judge"}
    assert [one["id"] for one in robot.gets(f"/rounds/{counted.pk}/prevalence")] == [opened_["id"]]
    assert robot.sends(f"/rounds/{counted.pk}/prevalence", {"target": "x"}).status_code == 422
    assert program(ana, project).sends(f"/rounds/{counted.pk}/prevalence", body).status_code == 403
    make.round(project, [counted.items.all()[0].transcript], [bo], name="Again")
    assert program(bo, project).asks(f"/prevalence/{opened_['id']}").status_code == 404
    assert program(bo, project).gets(f"/rounds/{counted.pk}/prevalence") == []


def test_without_rounds_the_page_says_what_to_do(project: Project, mia: User) -> None:
    html = signed_in(mia).get(reverse("validity:prevalence", args=[project.slug])).content.decode()
    assert "Nothing to count yet" in html
