"""Channels against rulings: the figures by other means, weights and units, and where a worth stands."""

import numpy as np
import pytest
from django.urls import reverse
from sklearn.metrics import average_precision_score, brier_score_loss, cohen_kappa_score, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from auditor.accounts.models import Project, User
from auditor.evidence.actions import NewReading, write_readings
from auditor.evidence.models import Channel, ChannelWorth, WorthBasis
from auditor.evidence.queries import visible_to
from auditor.evidence.worth import told_of
from auditor.ledger.models import Event
from labeling.queues.models import Round
from labeling.validity import operating
from tests import make
from tests.labeling.validity import scene
from tests.labeling.validity.scene import (
    INTENT,
    RULED,
    computed,
    detail,
    figure,
    key_of,
    line,
    ruled,
    speak,
    transcripts_of,
)
from tests.people import signed_in

pytestmark = pytest.mark.usefixtures("few_resamples")


def test_every_figure_by_other_means(project: Project, round: Round, judge: Channel, mia: User) -> None:
    """The whole of one channel on one contrast, recomputed from the rows with other people's code."""
    row = computed(project, key_of(round), mia)
    known = dict(zip([one.pk for one in transcripts_of(round)], RULED, strict=True))
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
        here = np.array([known_at % 2 == of for known_at, code in enumerate(RULED) if code in "DKU"])
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
    a = np.array([at % 2 == 1 for at, code in enumerate(RULED) if code in "DKU"])
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
    assert truth["value"] == pytest.approx(roc_auc_score([code != "H" for code in RULED], everything))


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
        speak(channel, transcripts, (rng.normal(size=260) + (1.2 if at == 7 else 0) * np.array([c == "D" for c in RULED])).tolist())  # fmt: skip
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
