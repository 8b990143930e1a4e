"""Prevalence from rulings to pages, files and calls: what is computed, by whom, and who may see it."""

import csv
import io
import re

import numpy as np
import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedTranscript, Place
from auditor.corpus.writer import write
from auditor.evidence.actions import NewReading, write_readings
from auditor.evidence.filters import Filter
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.sampling.actions import draw_sample
from auditor.sampling.designs.design import Design
from auditor.sampling.models import Sample
from labeling.adjudication.actions import settle
from labeling.codebooks.actions import adopt_default
from labeling.queues.actions import close_round, open_round
from labeling.queues.models import Item, Round
from labeling.validity.prevalence import queries
from labeling.validity.prevalence.gathering import gather
from labeling.validity.prevalence.models import PrevalenceReport
from labeling.validity.prevalence.queries import Asked, CannotAsk, asked_of
from labeling.validity.tasks import compute_prevalence
from tests import make
from tests.people import signed_in
from tests.programs import program

SIZE, DRAWN = 60, 40


def yes(number: int) -> bool:
    """Every fourth transcript is a lie."""
    return number % 4 == 0


@pytest.fixture
def judge(project: Project) -> Channel:
    return make.channel(project, lo=0.0, hi=100.0)


@pytest.fixture
def sample(project: Project, judge: Channel, mia: User) -> Sample:
    """40 of 60 transcripts of two models; the judge is wrong about one in ten and silent on two."""
    batch = make.batch(project)
    parsed = [
        ParsedTranscript(
            digest=f"{number:064x}", place=Place(record=number + 1, line=number + 1), messages=make.CHAT,
            external_id=f"t{number:03}", model=f"m-{number % 2}", conditions={"oversight": "on" if number % 3 else "off"},
        )
        for number in range(SIZE)
    ]  # fmt: skip
    ids = [pk for part in write(batch, parsed, file=batch.files.get()) for _, pk in part.pairs]
    said = [
        NewReading(channel=judge, transcript_id=pk, value=80.0 if yes(number) != (number % 10 == 9) else 20.0)
        for number, pk in enumerate(ids[: SIZE - 2])
    ]
    write_readings(readings=said, source="test")
    return draw_sample(project=project, name="Forty", design=Design(n=DRAWN), seed=5, actor=mia)


@pytest.fixture
def round(project: Project, sample: Sample, ana: User, mia: User) -> Round:
    made = opened(project, sample, ana, mia, "First round")
    for item in made.items.all():
        ruled(item, ana)
    close_round(round=made, actor=mia)
    return made


def opened(project: Project, sample: Sample, reviewer: User, actor: User, name: str, **more: object) -> Round:
    return open_round(
        project=project, name=name, sample=sample, codebook_version=adopt_default(project=project, actor=actor),
        members=[reviewer], overlap=1, actor=actor, **more,
    )  # fmt: skip


def ruled(item: Item, reviewer: User) -> None:
    """The reviewer says what is so, and nobody objects."""
    make.label(item, reviewer, "D" if yes(int(item.transcript.external_id[1:])) else "H")
    settle(item=item)


def computed(project: Project, mia: User, round: Round, **asked: str) -> PrevalenceReport:
    """A report by the page's own form."""
    said = {"round": round.pk, "target": "group:intent", **asked}
    answer = signed_in(mia).post(reverse("validity:prevalence_compute", args=[project.slug]), said)
    assert answer.status_code == 302
    return carried(PrevalenceReport.objects.latest("pk"))


def carried(row: PrevalenceReport) -> PrevalenceReport:
    """As a worker leaves it."""
    assert row.run_id is not None
    compute_prevalence(row.run_id)
    row.refresh_from_db()
    return row


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def test_the_columns_are_those_of_the_frame(project: Project, round: Round, mia: User) -> None:
    asked = asked_of(round, "label:D", mia, channel="judge.quill")
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
    project: Project, round: Round, mia: User, vic: User
) -> None:
    row = computed(project, mia, round, channel="judge.quill")
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


def test_the_figures_are_those_of_the_rulings(project: Project, round: Round, mia: User) -> None:
    row = computed(project, mia, round, channel="judge.quill")
    kept = queries.kept(row)
    assert kept is not None
    drawn = [int(item.transcript.external_id[1:]) for item in round.items.select_related("transcript")]
    labels = kept.report.line("labels")
    assert labels is not None
    assert labels.value == pytest.approx(sum(map(yes, drawn)) / DRAWN)
    powered = kept.report.line("powered")
    assert powered is not None
    assert powered.low is not None
    assert powered.high is not None
    assert powered.low < sum(map(yes, range(SIZE))) / SIZE < powered.high


def test_the_files_name_the_frame_in_each_row(project: Project, round: Round, mia: User) -> None:
    row = computed(project, mia, round, channel="judge.quill", cut="50")
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
    project: Project, round: Round, judge: Channel, mia: User, ana: User
) -> None:
    row = computed(project, mia, round, channel="judge.quill")
    address = reverse("validity:prevalence_report", args=[project.slug, row.pk])
    assert "Out of date" not in signed_in(mia).get(address).content.decode()
    make.reading(judge, round.items.all()[0].transcript, 1.0)
    assert "Out of date" in signed_in(mia).get(address).content.decode()
    again = computed(project, mia, round, channel="judge.quill")
    kept = queries.kept(again)
    assert kept is not None
    assert not kept.outdated


def test_who_still_labels_sees_nothing_of_it(
    project: Project, round: Round, mia: User, ana: User, bo: User
) -> None:
    """Not even where the round under way holds a transcript of the frame that was not drawn before."""
    row = computed(project, mia, round, channel="judge.quill")
    drawn = set(round.items.values_list("transcript_id", flat=True))
    other = next(one for one in project.transcripts.order_by("pk") if one.pk not in drawn)
    make.round(project, [other], [bo], name="Again")
    address = reverse("validity:prevalence_report", args=[project.slug, row.pk])
    assert "Not while you label" in signed_in(bo).get(address).content.decode()
    assert "PPI++" in signed_in(ana).get(address).content.decode()
    for name in ("csv", "svg"):
        file = reverse(f"validity:prevalence_{name}", args=[project.slug, row.pk])
        assert signed_in(bo).get(file).status_code == 404
        assert signed_in(ana).get(file).status_code == 200
    alone = computed(project, mia, round)  # of labels alone he may know: they are those of a closed round
    shown = signed_in(bo).get(reverse("validity:prevalence_report", args=[project.slug, alone.pk]))
    assert "Four estimates" in shown.content.decode()


def test_a_round_that_is_not_finished_is_provisional(
    project: Project, sample: Sample, ana: User, mia: User
) -> None:
    open_ = opened(project, sample, ana, mia, "Under way", policy="open")
    for item in list(open_.items.all())[:30]:
        ruled(item, ana)
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
    for item in list(made.items.all())[:30]:
        ruled(item, ana)
    early = queries.kept(computed(project, mia, made))
    assert early is not None
    assert early.report.default is None
    assert "order of a channel" in early.report.lines[0].reason
    assert {one.what for one in early.report.bounds} == {"rulings"}
    for item in list(made.items.all())[30:]:
        ruled(item, ana)
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
    project: Project, sample: Sample, round: Round, ana: User, mia: User
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
    for item in later.items.all():
        ruled(item, ana)
    own = queries.kept(computed(project, mia, later))
    assert own is not None
    assert (own.report.size, own.report.drawn) == (20, 10)
    both = computed(project, mia, later, together="1")
    kept = queries.kept(both)
    assert kept is not None
    assert (kept.report.size, kept.report.drawn, kept.report.labelled) == (60, 50, 50)
    drawn = [
        int(item.transcript.external_id[1:])
        for one in (round, later)
        for item in one.items.select_related("transcript")
    ]
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
    project: Project, round: Round, judge: Channel, mia: User, ana: User
) -> None:
    for problem, asked in (
        ("label or a group", {"target": "label:nonsense"}),
        ("not people's", {"channel": "nobody"}),
        ("must be a number", {"channel": "judge.quill", "cut": "high"}),
        ("must be a finite", {"channel": "judge.quill", "cut": "inf"}),
        ("excluded no earlier draw", {"together": True}),
    ):
        with pytest.raises(CannotAsk, match=problem):
            asked_of(round, str(asked.pop("target", "group:intent")), mia, **asked)  # type: ignore[arg-type]
    plain = make.channel(project, "score.free", kind="score")
    with pytest.raises(CannotAsk, match="give a cut"):
        asked_of(round, "group:intent", mia, channel=plain.key)
    make.reading(plain, round.items.all()[0].transcript, None, label="intent")
    named = asked_of(round, "group:intent", mia, channel=plain.key)
    assert (named.yes, named.cut) == (("intent",), None)
    client = signed_in(mia)
    compute = reverse("validity:prevalence_compute", args=[project.slug])
    answer = client.post(compute, {"round": round.pk, "target": "label:nonsense"}, follow=True)
    assert "Choose a label or a group" in answer.content.decode()
    assert client.post(compute, {"round": "x"}, follow=True).status_code == 200
    assert signed_in(ana).post(compute, {"round": round.pk, "target": "group:intent"}).status_code == 404
    assert not PrevalenceReport.objects.exists()


def test_low_values_and_labels_can_say_yes(project: Project, round: Round, judge: Channel, mia: User) -> None:
    low = gather(Asked(round, "group:intent", judge, 50.0, True), visible_to(mia)).given.judged
    high = gather(Asked(round, "group:intent", judge, 50.0), visible_to(mia)).given.judged
    assert low is not None
    assert high is not None
    assert np.nansum(low) == 58 - np.nansum(high)
    by_label = gather(Asked(round, "group:intent", judge, None, False, ("x",)), visible_to(mia)).given.judged
    assert np.isnan(by_label).all()  # this judge has values and no labels


def test_programs_ask_and_read(project: Project, round: Round, mia: User, ana: User, bo: User) -> None:
    robot = program(mia, project)
    body = {"target": "group:intent", "channel": "judge.quill", "cut": 50}
    opened_ = robot.does(f"/rounds/{round.pk}/prevalence", body)
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
    assert [one["id"] for one in robot.gets(f"/rounds/{round.pk}/prevalence")] == [opened_["id"]]
    assert robot.sends(f"/rounds/{round.pk}/prevalence", {"target": "x"}).status_code == 422
    assert program(ana, project).sends(f"/rounds/{round.pk}/prevalence", body).status_code == 403
    make.round(project, [round.items.all()[0].transcript], [bo], name="Again")
    assert program(bo, project).asks(f"/prevalence/{opened_['id']}").status_code == 404
    assert program(bo, project).gets(f"/rounds/{round.pk}/prevalence") == []


def test_without_rounds_the_page_says_what_to_do(project: Project, mia: User) -> None:
    html = signed_in(mia).get(reverse("validity:prevalence", args=[project.slug])).content.decode()
    assert "Nothing to count yet" in html
