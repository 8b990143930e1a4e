"""Whom a report is for, and what makes it out of date."""

import pytest
from django.urls import reverse

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role, User
from auditor.evidence.actions import NewReading, write_readings
from auditor.evidence.models import Channel, WorthBasis
from auditor.evidence.queries import visible_to
from auditor.evidence.worth import told_of
from auditor.ledger.models import Event
from labeling.queues.actions import close_round
from labeling.queues.models import Round
from labeling.validity.actions import open_report
from labeling.validity.contrasts import NoContrast
from labeling.validity.models import ValidityReport
from labeling.validity.references import reference_of
from labeling.validity.report_queries import shown_report
from labeling.validity.tasks import compute_report
from tests import make
from tests.auditor.intake.test_undo import take_back
from tests.labeling.validity import scene
from tests.labeling.validity.scene import RULED, computed, key_of, line, ruled, speak, transcripts_of
from tests.people import signed_in
from tests.programs import program

pytestmark = pytest.mark.usefixtures("few_resamples")


def test_nobody_who_still_labels_is_told(project: Project, ana: User, bo: User, mia: User, ada: User) -> None:
    made = ruled(project, RULED[:120], [ana, bo], mia, closed=False)
    judge = make.channel(project, "judge.quill", name="Quill", lo=0, hi=100)
    speak(judge, transcripts_of(made), [50.0] * 60 + [60.0] * 60, ["canary"] * 120)
    row = computed(project, key_of(made), mia)
    urls = [
        reverse("validity:channels", args=[project.slug]),
        reverse("validity:channel", args=[project.slug, judge.pk]),
    ]
    for person, told in ((mia, True), (ada, True), (ana, False), (bo, False)):
        client = signed_in(person)
        for address in urls:
            html = client.get(address).content.decode()
            assert ("Not while you label" in html) is not told
            assert ("AUROC</th>" in html or "ROC curve" in html) is told
            assert ("canary" in html) is (told and address == urls[1])
        files = [reverse("validity:csv", args=[project.slug]), reverse("validity:forest", args=[project.slug]),
                 reverse("validity:channel_csv", args=[project.slug, judge.pk])]  # fmt: skip
        assert {client.get(one).status_code for one in files} == {200 if told else 404}
        assert bool(told_of(visible_to(person), [judge.pk], project.pk)) is told
        assert program(person, project).asks("/validity").status_code == (200 if told else 404)
    # a member who is blind may not compute from it either: it would rest on nothing
    with pytest.raises(NoContrast):
        open_report(
            project=project,
            reference=reference_of(project.pk, key_of(made)),
            actor=ana,
            contrast="label.D~label.D",
        )
    assert row.rounds == [made.pk]


@pytest.mark.parametrize("kind", ["meta", "channel"])
def test_labels_that_were_taken_back_make_a_report_out_of_date(
    project: Project, mia: User, kind: str
) -> None:
    """Labels that came with the data, or as the readings of a channel, go with the import that brought them."""
    judge, labels = make.channel(project, "judge.quill", name="Quill"), make.channel(project, "human.lie")
    batches = []
    for _ in range(2):
        some = scene.stored(project, 50, metadata=lambda at: {"lie": "yes" if at % 2 else "no"})
        batches.append(some[0].batch)
        for channel, words in ((judge, [""] * 50), (labels, ["yes" if at % 2 else "no" for at in range(50)])):
            new = [
                NewReading(channel, one.pk, None if word else float(at % 7), word)
                for at, (one, word) in enumerate(zip(some, words, strict=True))
            ]
            write_readings(readings=new, source=f"batch:{batches[-1].pk}")
    reference = "meta:lie" if kind == "meta" else f"channel:{labels.pk}"
    row = computed(project, reference, mia)
    assert row.basis["n_transcripts"] == 100
    shown = shown_report(reference_of(project.pk, reference), mia)
    assert shown is not None
    assert not shown.outdated
    take_back(batches[1])
    shown = shown_report(reference_of(project.pk, reference), mia)
    assert shown is not None
    assert (shown.row, shown.outdated) == (row, True)
    again = computed(project, reference, mia)
    assert again.basis["n_transcripts"] == 50


@pytest.fixture
def blind(project: Project, judge: Channel, mia: User, cy: User) -> Round:
    """A round under way, with rulings, in which a manager labels; what channels said there is hidden from them."""
    accounts.add_member(project=project, user=cy, role=Role.MANAGER, actor=mia)
    made = ruled(project, RULED[:60], [cy], mia, closed=False, name="Blind")
    speak(judge, transcripts_of(made), scene.scores_for(RULED[:60], 3))
    return made


def units(row: ValidityReport, channel: Channel) -> int:
    auroc = line(row, channel)["auroc"]
    return int(auroc["n_positive"] + auroc["n_negative"])


def test_a_manager_who_still_labels_measures_for_themselves_alone(
    project: Project, round: Round, judge: Channel, blind: Round, mia: User, cy: User, vic: User
) -> None:
    before = computed(project, key_of(round), mia)
    worth = WorthBasis.objects.get(superseded_at=None)
    hers = computed(project, key_of(round), cy)
    assert (before.basis["narrowed"], hers.basis["narrowed"]) == (False, True)
    assert units(hers, judge) < units(before, judge)
    assert WorthBasis.objects.get(superseded_at=None) == worth
    assert Event.objects.filter(verb="validity.computed").latest("pk").detail["worth"] is None
    reference = reference_of(project.pk, key_of(round))
    for person, row in ((mia, before), (vic, before), (cy, hers)):
        shown = shown_report(reference, person)
        assert shown is not None
        assert (shown.row, shown.outdated) == (row, False)
    page = reverse("validity:channel", args=[project.slug, judge.pk])
    assert "Whoever asked for this still labels" in signed_in(cy).get(page).content.decode()
    assert "Whoever asked for this still labels" not in signed_in(vic).get(page).content.decode()
    close_round(round=blind, actor=mia)
    again = computed(project, key_of(round), cy)
    assert not again.basis["narrowed"]
    assert WorthBasis.objects.get(superseded_at=None).detail["report"] == again.pk


def test_where_nobody_else_has_measured_it_is_better_than_nothing(
    project: Project, round: Round, judge: Channel, blind: Round, mia: User, cy: User, vic: User
) -> None:
    hers = computed(project, key_of(round), cy)
    assert WorthBasis.objects.get(superseded_at=None).detail["narrowed"]
    shown = shown_report(reference_of(project.pk, key_of(round)), vic)
    assert shown is not None
    assert (shown.row, shown.outdated) == (hers, True)  # of fewer labels than there are
    whole = computed(project, key_of(round), mia)
    assert WorthBasis.objects.get(superseded_at=None).detail["report"] == whole.pk


def test_one_asked_for_by_who_is_blind_does_not_stand_for_others(
    project: Project, round: Round, blind: Round, mia: User, cy: User
) -> None:
    reference = reference_of(project.pk, key_of(round))
    hers = open_report(project=project, reference=reference, actor=cy)
    assert open_report(project=project, reference=reference, actor=cy) == hers
    whole = open_report(project=project, reference=reference, actor=mia)
    assert whole != hers
    assert open_report(project=project, reference=reference, actor=cy) == whole


def test_newer_labels_and_readings_make_a_report_out_of_date(
    project: Project, round: Round, judge: Channel, mia: User
) -> None:
    row = computed(project, key_of(round), mia)
    address = reverse("validity:channels", args=[project.slug])
    client = signed_in(mia)
    assert "Out of date" not in client.get(address).content.decode()
    make.reading(judge, transcripts_of(round)[0], 3.0)
    html = client.get(address).content.decode()
    assert "Out of date" in html
    assert f"{line(row, judge)['auroc']['value']:.2f}" in html  # it stays what it was
    computed(project, key_of(round), mia)
    assert "Out of date" not in client.get(address).content.decode()
    scene.rule_on(round.items.order_by("order")[0], "H")
    assert "Out of date" in client.get(address).content.decode()


def test_readings_that_were_taken_back_make_a_report_out_of_date(
    project: Project, round: Round, judge: Channel, mia: User
) -> None:
    ruled, other = transcripts_of(round)[0], make.transcript(project)
    apart, read = make.batch(project), make.batch(project)
    for batch, transcript in ((apart, other), (read, ruled)):
        new = NewReading(judge, transcript.pk, 3.0)
        write_readings(readings=[new], source=f"batch:{batch.pk}")
    row = computed(project, key_of(round), mia)
    address = reverse("validity:channels", args=[project.slug])
    client = signed_in(mia)
    take_back(apart)  # it said nothing of what was ruled on
    assert "Out of date" not in client.get(address).content.decode()
    take_back(read)
    html = client.get(address).content.decode()
    assert "Out of date" in html
    assert f"{line(row, judge)['auroc']['value']:.2f}" in html  # it stays what it was
    again = computed(project, key_of(round), mia)
    assert "Out of date" not in client.get(address).content.decode()
    assert again.digest != row.digest
    assert again.newest_reading <= row.newest_reading


def test_a_contrast_that_was_asked_for_is_computed_and_kept(
    project: Project, round: Round, judge: Channel, mia: User, vic: User
) -> None:
    client = signed_in(mia)
    address = reverse("validity:compute", args=[project.slug])
    assert signed_in(vic).post(address).status_code in (403, 404)
    asked = client.post(
        address, {"reference": key_of(round), "positive": ["label.D"], "negative": ["label.K", "label.U"]}
    )
    assert asked.status_code == 302
    row = ValidityReport.objects.get()
    assert open_report(project=project, reference=reference_of(project.pk, key_of(round)), actor=mia) == row
    assert row.run_id is not None
    compute_report(row.run_id)
    compute_report(row.run_id)  # safe to ring for twice
    row.refresh_from_db()
    assert Event.objects.filter(verb="validity.computed").count() == 1
    assert line(row, judge, "label.D~label.K+U")["auroc"]["value"] == line(row, judge)["auroc"]["value"]
    assert "label.D~label.K+U" in computed(project, key_of(round), mia).contrasts
    bad = client.post(address, {"reference": key_of(round), "contrast": "label.D~label.D"}, follow=True)
    assert "Both sides name the same label" in bad.content.decode()
    assert client.post(address, {"reference": "codebook:999"}).status_code == 404
