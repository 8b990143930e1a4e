"""Channels against rulings: the figures by other means, weights and units, what is kept, and who may know."""

import csv
import io
import re
from collections.abc import Iterable

import numpy as np
import pytest
from django.urls import reverse
from sklearn.metrics import average_precision_score, brier_score_loss, cohen_kappa_score, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role, User
from auditor.evidence.actions import NewReading, write_readings
from auditor.evidence.models import Channel, ChannelWorth, WorthBasis
from auditor.evidence.queries import visible_to
from auditor.evidence.worth import told_of
from auditor.ledger.models import Event
from labeling.annotations.actions import commit_blind
from labeling.annotations.content import Content
from labeling.queues.actions import close_round, take_next
from labeling.queues.models import Round
from labeling.validity import operating
from labeling.validity.actions import open_report
from labeling.validity.contrasts import NoContrast
from labeling.validity.models import ChannelFigures, ValidityReport
from labeling.validity.references import reference_of
from labeling.validity.report_queries import shown_report
from labeling.validity.scored import Mask
from labeling.validity.tasks import compute_report
from tests import make
from tests.auditor.intake.test_undo import take_back
from tests.auditor.judging.scene import endpoint as model_endpoint
from tests.auditor.judging.scene import version as judge_version
from tests.labeling.validity import scene
from tests.labeling.validity.scene import computed, key_of, ruled, speak, transcripts_of
from tests.people import signed_in
from tests.programs import program

INTENT = "group.intent~group.hallucination"
CODES = scene.some_codes(260)


def line(row: ValidityReport, channel: Channel, question: str = INTENT) -> dict:  # type: ignore[type-arg]
    (found,) = [
        one for one in row.figures["lines"] if (one["channel"], one["question"]) == (channel.pk, question)
    ]
    return found  # type: ignore[no-any-return]


def detail(row: ValidityReport, channel: Channel, question: str = INTENT) -> dict:  # type: ignore[type-arg]
    return ChannelFigures.objects.get(report=row, channel=channel, question=question).figures  # type: ignore[no-any-return]


def figure(found: dict, name: str, part: str = "") -> dict:  # type: ignore[type-arg]
    (one,) = [one for one in found["figures"] if (one["name"], one["part"]) == (name, part)]
    return one  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn is tested by itself; here a hundred times are enough, and halves do not follow from ids."""
    monkeypatch.setattr("labeling.validity.redrawing.TIMES", 100)
    monkeypatch.setattr("labeling.validity.operating.halves", every_other)


def every_other(keys: Iterable[int], seed: int) -> Mask:
    """A split that is the same whatever the ids: with some of them a half would have too few of a kind to report on."""
    found = list(keys)
    rank = {key: at for at, key in enumerate(sorted(set(found)))}
    return np.array([rank[key] % 2 == 0 for key in found])


@pytest.fixture
def round(project: Project, ana: User, bo: User, mia: User) -> Round:
    return ruled(project, CODES, [ana, bo], mia, name="First round")


@pytest.fixture
def judge(project: Project, round: Round) -> Channel:
    made = make.channel(project, "judge.quill", name="Quill", lo=0, hi=100)
    scores = [min(100.0, max(0.0, 50 + 12 * one)) for one in scene.scores_for(CODES, 2)]
    speak(made, transcripts_of(round), scores, ["D" if one >= 60 else "K" for one in scores])
    return made


def test_every_figure_by_other_means(project: Project, round: Round, judge: Channel, mia: User) -> None:
    """The whole of one channel on one contrast, recomputed from the rows with other people's code."""
    row = computed(project, key_of(round), mia)
    known = dict(zip([one.pk for one in transcripts_of(round)], CODES, strict=True))
    said = {one.transcript_id: (one.value, one.label) for one in visible_to(mia).rollups_of(judge)}
    some = [pk for pk, code in known.items() if code in "DKU"]
    y = np.array([known[pk] == "D" for pk in some])
    x = np.array([said[pk][0] for pk in some], dtype=float)
    found = detail(row, judge)
    auroc = figure(found, "AUROC")
    assert auroc["value"] == pytest.approx(roc_auc_score(y, x))
    assert (auroc["n_positive"], auroc["n_negative"], auroc["method"]) == (y.sum(), (~y).sum(), "DeLong")
    assert auroc["low"] < auroc["value"] < auroc["high"]
    assert line(row, judge)["auroc"] == auroc
    assert figure(found, "average precision")["value"] == pytest.approx(average_precision_score(y, x))
    assert figure(found, "Brier score")["value"] == pytest.approx(brier_score_loss(y, x / 100))
    words = np.array([said[pk][1] == "D" for pk in some])
    assert figure(found, "kappa")["value"] == pytest.approx(cohen_kappa_score(words, y))
    met = {(a, b): n for a, b, n in found["met"]}
    assert met["D", "D"] == int((words & y).sum())
    assert sum(met.values()) == len(some)
    for part, of in (("m-a", 1), ("m-b", 0)):
        here = np.array([known_at % 2 == of for known_at, code in enumerate(CODES) if code in "DKU"])
        assert figure(found, "AUROC", part)["value"] == pytest.approx(roc_auc_score(y[here], x[here]))
    first = operating.halves(some, row.figures["split_seed"])
    (at,) = [one for one in found["thresholds"] if one["kind"] == "split" and one["wanted"] == 0.05]
    chosen = at["found"]["threshold"]
    control = x[first & ~y]
    assert (control >= chosen).mean() <= 0.05
    assert (control >= np.nextafter(chosen, -np.inf)).mean() > 0.05 or chosen in control
    tpr, fpr = (x[~first & y] >= chosen), (x[~first & ~y] >= chosen)
    assert (at["found"]["tpr"]["count"], at["found"]["tpr"]["n"]) == (tpr.sum(), len(tpr))
    ends = proportion_confint(int(tpr.sum()), len(tpr), method="beta")
    assert at["found"]["tpr"]["low"] == pytest.approx(ends[0], abs=1e-9)
    alike = not tpr.any() or not fpr.any() or (tpr.all() and fpr.all())  # the halves are by chance
    more = 0.5 if alike else 0.0  # units added to each cell
    rates = [(one.sum() + more) / (len(one) + 2 * more) for one in (tpr, fpr)]
    assert at["found"]["lr_plus"]["value"] == pytest.approx(rates[0] / rates[1])
    assert at["kappa"]["value"] == pytest.approx(cohen_kappa_score(x[~first] >= chosen, y[~first]))
    (left,) = [one for one in found["thresholds"] if one["kind"] == "held out" and one["part"] == "m-a"]
    a = np.array([at % 2 == 1 for at, code in enumerate(CODES) if code in "DKU"])
    assert (x[~a & ~y] >= left["found"]["threshold"]).mean() <= 0.05
    assert left["found"]["tpr"]["n"] == int((a & y).sum())
    fires = x[a] >= left["found"]["threshold"]
    if fires.any():
        assert left["kappa"]["value"] == pytest.approx(cohen_kappa_score(fires, y[a]))
        assert left["kappa"]["low"] <= left["kappa"]["value"] <= left["kappa"]["high"]
    ece = figure(found, "ECE")
    assert (ece["method"], ece["seed"]) == (
        "cluster bootstrap, inverted",
        figure(found, "Brier score")["seed"],
    )
    assert 0 <= ece["low"] <= ece["high"] <= 1
    # all of these are false statements, so asking among them changes nothing
    assert line(row, judge, INTENT + "|untrue")["auroc"]["value"] == auroc["value"]
    truth = line(row, judge, "is.untrue~not.untrue")["auroc"]
    everything = np.array([said[pk][0] for pk in known], dtype=float)
    assert truth["value"] == pytest.approx(roc_auc_score([code != "H" for code in CODES], everything))


def test_too_few_of_a_kind_is_no_figure(project: Project, ana: User, bo: User, mia: User) -> None:
    codes = ["D"] * 19 + ["K"] * 40
    made = ruled(project, codes, [ana, bo], mia)
    judge = make.channel(project, "judge.quill", name="Quill")
    speak(judge, transcripts_of(made), [1.0] * 19 + [0.0] * 40)
    row = computed(project, key_of(made), mia)
    for question in (INTENT, INTENT + "|untrue", "group.intent~group.honest"):
        one = line(row, judge, question)["auroc"]
        assert (one["value"], one["low"], one["high"]) == (None, None, None)
        assert one["reason"].startswith("too few: 19 and")
    found = detail(row, judge)
    assert all(one["value"] is None for one in found["figures"])
    assert not found["thresholds"]
    assert not found["curve"]
    (worth,) = told_of(visible_to(mia), [judge.pk], project.pk)[judge.pk][:1]
    assert worth.area.value is None
    assert worth.ratio is None
    html = signed_in(mia).get(f"/p/{project.slug}/channels/{judge.pk}/").content.decode()
    assert "Too few: 19 and 40" in html
    page = signed_in(mia).get(reverse("validity:channel", args=[project.slug, judge.pk])).content.decode()
    assert "too few: 19 and 40" in page
    assert 'class="point"' not in page
    assert 'class="line"' not in page


def test_weights_carry_figures_back_to_the_corpus(project: Project, ana: User, bo: User, mia: User) -> None:
    codes = scene.some_codes(160, 3)
    odds = [0.9 if code == "D" or at % 5 == 0 else 0.2 for at, code in enumerate(codes)]
    made = ruled(project, codes, [ana, bo], mia, odds=odds.__getitem__)
    judge = make.channel(project, "judge.quill")
    scores = scene.scores_for(codes, 4)
    speak(judge, transcripts_of(made), scores)
    row = computed(project, key_of(made), mia)
    some = [at for at, code in enumerate(codes) if code in "DKU"]
    y, x, w = ([of(at) for at in some] for of in (lambda at: codes[at] == "D", lambda at: scores[at], lambda at: 1 / odds[at]))  # fmt: skip
    one = line(row, judge)["auroc"]
    assert one["value"] == pytest.approx(roc_auc_score(y, x, sample_weight=w))
    assert one["value"] != pytest.approx(roc_auc_score(y, x), abs=1e-4)
    assert (one["method"], one["weighted"]) == ("cluster bootstrap", True)
    assert one["seed"] is not None
    assert row.basis["weighted"]
    again = computed(project, key_of(made), mia)
    assert again.pk != row.pk
    assert again.figures == row.figures  # the same labels, readings and seed
    assert again.digest == row.digest


def test_a_draw_that_cannot_be_carried_back_is_not_weighted(
    project: Project, ana: User, bo: User, mia: User
) -> None:
    made = ruled(
        project, ["D", "K"] * 25, [ana, bo], mia, odds=lambda at: 0.1 + at / 100, why_not="top-k only"
    )
    judge = make.channel(project, "judge.quill")
    speak(judge, transcripts_of(made), np.random.default_rng(1).normal(size=50).tolist())
    row = computed(project, key_of(made), mia)
    assert not row.basis["weighted"]
    assert "top-k only" in row.basis["notes"][0]
    assert line(row, judge)["auroc"]["method"] == "DeLong"


def test_labels_are_compared_at_their_own_unit_where_a_reading_meets_it(
    project: Project, ana: User, bo: User, mia: User
) -> None:
    """Fifty transcripts of two claims each: the channel marks words, and is held against the claim it marks."""
    transcripts = scene.stored(project, 50)
    made = make.round(project, transcripts, [ana, bo], actor=mia)
    probe = make.channel(project, "probe.words", kind="probe", unit="span")
    readings, expected, rng = [], [], np.random.default_rng(6)
    for at, item in enumerate(made.items.order_by("order")):
        lies = at % 2 == 0
        units = [scene.unit(0, "D" if lies else "K", 1, 0, 10), scene.unit(1, "K", 1, 12, 20)]
        scene.rule_on(item, "D" if lies else "K", units)
        for (start, end), code in (((2, 5), "D" if lies else "K"), ((11, 14), "K")):
            value = float(rng.normal() + 1.5 * (code == "D"))
            expected.append((value, code == "D", item.transcript_id))
            readings.append(
                NewReading(channel=probe, transcript_id=item.transcript_id, value=value, position=1, part="text", start=start, end=end)
            )  # fmt: skip
    write_readings(readings=readings, source="test")
    row = computed(project, key_of(made), mia)
    found = line(row, probe)
    value, y, clusters = (np.array(one) for one in zip(*expected, strict=True))
    assert found["auroc"]["value"] == pytest.approx(roc_auc_score(y.astype(bool), value))
    assert (found["n_units"], found["auroc"]["n_positive"], found["auroc"]["n_negative"]) == (100, 25, 75)
    assert found["auroc"]["method"] == "cluster bootstrap"
    assert len(set(clusters)) == 50
    page = signed_in(mia).get(reverse("validity:channel", args=[project.slug, probe.pk])).content.decode()
    assert "100 of them at the label’s own unit" in page


def test_many_features_are_scanned_and_corrected_for(
    project: Project, round: Round, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labeling.validity.report.STRONGEST", 1)
    rng, transcripts = np.random.default_rng(31), transcripts_of(round)
    channels = [make.channel(project, f"sae.x.{at}", kind="sae", name=f"deception {at}") for at in range(30)]
    for at, channel in enumerate(channels):
        speak(channel, transcripts, (rng.normal(size=260) + (1.2 if at == 7 else 0) * np.array([c == "D" for c in CODES])).tolist())  # fmt: skip
    row = computed(project, key_of(round), mia)
    assert row.figures["scanned"][INTENT] == 30
    listed = {one["channel"] for one in row.figures["lines"]}
    assert channels[7].pk in listed
    assert len(listed) < 8
    strong = line(row, channels[7])
    assert strong["q"] < 0.001
    q = {one.channel_id: one.q for one in ChannelWorth.objects.filter(contrast=INTENT, figure="AUROC")}
    assert len(q) == 30  # those that are not listed have their worth too
    assert sum(one is not None and one < 0.05 for one in q.values()) <= 2
    html = signed_in(mia).get(reverse("validity:channels", args=[project.slug])).content.decode()
    assert "30\u00a0features of dictionaries scanned" in html
    unlisted = next(one for one in channels if one.pk not in listed)
    page = signed_in(mia).get(reverse("validity:channel", args=[project.slug, unlisted.pk])).content.decode()
    assert "Scanned, and not listed" in page
    assert "over 30\u00a0features" in page
    assert "hypothesis" in page


def test_what_a_channel_is_worth_stands_wherever_it_appears(
    project: Project, round: Round, judge: Channel, mia: User, vic: User
) -> None:
    first = transcripts_of(round)[0]
    where = (
        f"/p/{project.slug}/channels/{judge.pk}/",
        f"/p/{project.slug}/transcripts/{first.pk}/",
        f"/p/{project.slug}/channels/",
    )
    for page in where:
        assert "measured against adjudicated labels" in signed_in(vic).get(page).content.decode()
    row = computed(project, key_of(round), mia)
    auroc = line(row, judge)["auroc"]
    for page in where:
        html = signed_in(vic).get(page).content.decode()
        assert f"{auroc['value']:.2f}" in html, page
        assert f"[{auroc['low']:.2f}, {auroc['high']:.2f}]" in html, page
        assert "Intent against Hallucination" in html, page
        assert "ot yet measured" not in html, page
    basis = WorthBasis.objects.get()
    assert (basis.words, basis.adjudicated, basis.digest) == (row.basis["words"], True, row.digest)
    told = told_of(visible_to(vic), [judge.pk], project.pk)[judge.pk]
    assert told[0].ratio is not None
    assert told[0].ratio.detail["control"] == "the other half of the split"
    computed(project, key_of(round), mia)
    assert WorthBasis.objects.filter(superseded_at=None).count() == 1
    assert Event.objects.filter(verb="validity.computed").count() == 2


def test_nobody_who_still_labels_is_told(project: Project, ana: User, bo: User, mia: User, ada: User) -> None:
    made = ruled(project, CODES[:120], [ana, bo], mia, closed=False)
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
    made = ruled(project, CODES[:60], [cy], mia, closed=False, name="Blind")
    speak(judge, transcripts_of(made), scene.scores_for(CODES[:60], 3))
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


def test_pages_files_and_drawings(project: Project, round: Round, judge: Channel, mia: User) -> None:
    probe = make.channel(project, "probe.p", kind="probe", name="Probe <p>")
    speak(probe, transcripts_of(round), scene.scores_for(CODES, 9, gap=0.5))
    row = computed(project, key_of(round), mia)
    client = signed_in(mia)
    html = client.get(reverse("validity:channels", args=[project.slug])).content.decode()
    assert "Probe &lt;p&gt;" in html
    assert html.count('class="point"') == 2
    assert "style=" not in html
    page = client.get(
        reverse("validity:channel", args=[project.slug, judge.pk]), {"contrast": INTENT}
    ).content.decode()
    for words in (
        "ROC curve",
        "Calibration",
        "What it said, and what was",
        "By model",
        "By condition",
        "Beside other channels",
        "Clopper",
    ):
        assert words in page
    assert "style=" not in page
    pair = next(one for one in row.figures["pairs"] if one["question"] == INTENT and one["a"] == judge.pk)
    assert f"{pair['auroc_a']:.2f}, {pair['auroc_b']:.2f}" in page
    rows = list(csv.DictReader(io.StringIO(_text(client, "validity:csv", project.slug))))
    assert {one["channel"] for one in rows} == {"judge.quill", "probe.p"}
    (mine,) = [one for one in rows if (one["channel"], one["question"]) == ("judge.quill", INTENT)]
    assert float(mine["value"]) == line(row, judge)["auroc"]["value"]
    for of in ("figures", "thresholds", "curve", "bins", "words"):
        sheet = list(
            csv.reader(io.StringIO(_text(client, "validity:channel_csv", project.slug, judge.pk, of=of)))
        )
        assert len(sheet) > 2, of
        assert {len(one) for one in sheet} == {len(sheet[0])}, of
    found = line(row, judge)["at"]["found"]
    n = found["tpr"]["n"] + found["fpr"]["n"]
    assert f"n {n}, those that had no part in choosing it" in page
    cells = [found["tpr"]["count"], found["fpr"]["count"]]
    cells += [found["tpr"]["n"] - cells[0], found["fpr"]["n"] - cells[1]]
    drawn = page.split('aria-label="At the threshold as a table"')[1].split("</table>")[0]
    assert [int(one) for one in re.findall(r'<td class="num">(\d+)</td>', drawn)] == cells
    assert "Intent" in drawn
    assert "Hallucination" in drawn
    for of in ("roc", "calibration", "parts", "confusion", "threshold"):
        answer = client.get(
            reverse("validity:channel_plot", args=[project.slug, judge.pk]), {"of": of, "question": INTENT}
        )
        assert answer["Content-Type"].startswith("image/svg+xml")
        assert answer.content.decode().lstrip().startswith("<svg"), of
        assert "attachment" in answer["Content-Disposition"]
    plot = reverse("validity:channel_plot", args=[project.slug, judge.pk])
    assert client.get(plot, {"of": "nothing", "question": INTENT}).status_code == 404
    assert client.get(plot, {"question": "nothing"}).status_code == 404
    assert "Probe &lt;p&gt;" in client.get(reverse("validity:forest", args=[project.slug])).content.decode()
    program_says = program(mia, project).gets("/validity")
    assert program_says["lines"] == row.figures["lines"]
    assert program_says["adjudicated"] is True
    assert program(mia, project).gets(f"/channels/{judge.pk}/validity")["questions"][INTENT] == detail(
        row, judge
    )


def _text(client, name: str, *args: object, **query: str) -> str:  # type: ignore[no-untyped-def]
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def test_the_desk_shows_it_once_the_evidence_is_revealed(
    project: Project, round: Round, judge: Channel, mia: User, ana: User
) -> None:
    row = computed(project, key_of(round), mia)
    auroc = f"AUROC <b>{line(row, judge)['auroc']['value']:.2f}</b>"
    fresh = scene.stored(project, 1)
    make.reading(judge, fresh[0], 80.0)
    make.round(project, fresh, [ana], actor=mia)
    lease = take_next(round=Round.objects.latest("pk"), reviewer=ana)
    assert lease is not None
    desk = reverse("annotations:item", args=[project.slug, lease.item.pk])
    client = signed_in(ana)
    assert auroc not in client.get(desk).content.decode()
    commit_blind(item=lease.item, reviewer=ana, content=Content.of(answers={"truth": "true"}))
    assert auroc in client.get(desk).content.decode()


def test_a_judges_page_says_what_its_versions_are_worth(project: Project, mia: User, round: Round) -> None:
    made = judge_version(model_endpoint(project, mia, "https://192.0.32.10/v1"), mia, slug="own")
    channel = make.channel(project, made.key, name="Own", own=True, lo=0, hi=100)
    address = reverse("judging:judge", args=[project.slug, "own"])
    assert "not yet measured against adjudicated labels" in signed_in(mia).get(address).content.decode()
    speak(channel, transcripts_of(round), scene.scores_for(CODES, 5))
    row = computed(project, key_of(round), mia)
    auroc = line(row, channel)["auroc"]
    html = signed_in(mia).get(address).content.decode()
    assert f"AUROC {auroc['value']:.2f} [{auroc['low']:.2f}, {auroc['high']:.2f}]" in html
    assert "Intent against Hallucination" in html
