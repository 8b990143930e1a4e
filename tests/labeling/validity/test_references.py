"""What channels are held against besides rulings, control packs that choose thresholds, runs that end early."""

from datetime import timedelta

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from sklearn.metrics import roc_auc_score

from auditor.accounts.models import Project, User
from auditor.evidence.actions import lay_veils
from auditor.evidence.models import Channel, WorthBasis
from auditor.evidence.queries import visible_to
from auditor.evidence.worth import told_of
from auditor.interp.models import ControlScore, Threshold
from auditor.interp.packs import PACKS, PLAIN
from auditor.interp.rates import rate_of, threshold_at
from auditor.runs.actions import cancel_run
from auditor.runs.models import Run
from labeling.validity import actions
from labeling.validity.figures import Given
from labeling.validity.gathering import LOOK_ALIKES, gather
from labeling.validity.models import ChannelFigures
from labeling.validity.references import NoReference, offered, reference_of, value_at
from labeling.validity.tasks import compute_report
from tests import make
from tests.auditor.interp import scene as interp
from tests.labeling.validity import scene
from tests.labeling.validity.scene import computed, key_of, ruled, speak, stored, transcripts_of
from tests.people import signed_in

LIED = "value.true~value.false"
N = 60


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn is tested by itself; here a hundred times are enough."""
    monkeypatch.setattr("labeling.validity.redrawing.TIMES", 100)


@pytest.fixture
def judge(project: Project) -> Channel:
    """Sixty transcripts of which every second lies by the data, and a judge that half knows it."""
    transcripts = stored(
        project, N, metadata=lambda at: {"truth": {"lied": at % 2 == 0}, "row": at}, conditions=lambda at: {"kind": "ab"[at % 2]}
    )  # fmt: skip
    made = make.channel(project, "judge.quill", name="Quill")
    speak(made, transcripts, (np.random.default_rng(1).normal(size=N) + (np.arange(N) % 2 == 0)).tolist())
    return made


def test_a_field_of_the_data_is_a_reference_and_never_called_adjudicated(
    project: Project, judge: Channel, mia: User, vic: User
) -> None:
    keys = [one.key for one in offered(project.memberships.get(user=mia))]
    assert "meta:truth.lied" in keys
    assert "condition:kind" in keys
    assert "meta:row" not in keys  # a number for each transcript is no label
    row = computed(project, "meta:truth.lied", mia)
    (line,) = row.figures["lines"]
    said = dict(visible_to(mia).rollups_of(judge).values_list("transcript_id", "value"))
    x = [said[pk] for pk in sorted(said)]
    assert line["question"] == LIED
    assert line["auroc"]["value"] == pytest.approx(roc_auc_score(np.arange(N) % 2 == 0, x))
    html = (
        signed_in(vic)
        .get(reverse("validity:channels", args=[project.slug]), {"reference": "meta:truth.lied"})
        .content.decode()
    )
    assert "which nobody here has checked" in html
    assert "60 transcripts by truth.lied, a field of the metadata" in html
    basis = WorthBasis.objects.get()
    assert not basis.adjudicated
    assert computed(project, "condition:kind", mia).figures["lines"][0]["question"] == "value.b~value.a"
    assert WorthBasis.objects.filter(superseded_at=None).count() == 2  # one for each reference


def test_while_anything_is_veiled_the_report_is_withheld_and_the_worth_is_not(
    project: Project, judge: Channel, mia: User, ana: User
) -> None:
    row = computed(project, "meta:truth.lied", mia)
    address = reverse("validity:channel", args=[project.slug, judge.pk])
    assert "ROC curve" in signed_in(ana).get(address, {"reference": row.reference}).content.decode()
    hidden = project.transcripts.order_by("pk")[0]
    lay_veils(person_ids=[ana.pk], transcript_ids=[hidden.pk], round_key="r", scopes=["machine"])
    html = signed_in(ana).get(address, {"reference": row.reference}).content.decode()
    assert "Not while you label" in html
    assert "ROC curve" not in html
    assert told_of(visible_to(ana), [judge.pk], project.pk)[judge.pk]
    # what is veiled to whoever asks is left out of it
    assert len(gather(reference_of(project.pk, "meta:truth.lied"), ana).rows) == N - 1
    assert len(gather(reference_of(project.pk, "meta:truth.lied"), mia).rows) == N


def test_a_channels_words_are_a_reference_and_it_does_not_measure_itself(
    project: Project, judge: Channel, mia: User
) -> None:
    key = make.channel(project, "score.key", kind="score", name="The key")
    transcripts = list(project.transcripts.order_by("pk"))
    speak(key, transcripts, [None] * N, ["lie" if at % 2 == 0 else "honest" for at in range(N)])
    row = computed(project, f"channel:{key.pk}", mia)
    assert {one["channel"] for one in row.figures["lines"]} == {judge.pk}
    assert row.figures["lines"][0]["question"] == "value.lie~value.honest"
    assert (
        row.figures["lines"][0]["auroc"]["value"]
        == computed(project, "meta:truth.lied", mia).figures["lines"][0]["auroc"]["value"]
    )


def test_what_is_no_reference_is_refused_with_the_reason(project: Project, judge: Channel, mia: User) -> None:
    client = signed_in(mia)
    for key in ("meta:", "codebook:9", "channel:9", "nothing", "codebook:x", "channel:" + "9" * 30):
        with pytest.raises(NoReference):
            reference_of(project.pk, key)
        assert (
            client.get(reverse("validity:channels", args=[project.slug]), {"reference": key}).status_code
            == 404
        )
    row = computed(project, "meta:row", mia)  # sixty values
    assert row.computed_at is None
    assert row.run is not None
    assert row.run.status == "failed"
    html = client.get(
        reverse("validity:channels", args=[project.slug]), {"reference": "meta:row"}
    ).content.decode()
    assert "60 different things" in html
    assert not WorthBasis.objects.exists()
    people = make.channel(project, "people.x", kind="human")
    assert client.get(reverse("validity:channel", args=[project.slug, people.pk])).status_code == 404


def test_values_of_fields() -> None:
    found = {"a": {"b": True, "c": " x ", "d": 3, "e": None, "f": [1], "g": 2.5, "h": ""}}
    said = {name: value_at(found, f"a.{name}") for name in "bcdefgh"}
    assert said == {"b": "true", "c": "x", "d": "3", "e": None, "f": None, "g": None, "h": None}
    assert value_at(found, "a.b.c") is None
    assert value_at([], "a") is None


def test_a_run_that_is_cancelled_keeps_nothing(project: Project, judge: Channel, mia: User) -> None:
    row = actions.open_report(
        project=project, reference=reference_of(project.pk, "meta:truth.lied"), actor=mia
    )
    assert row.run is not None
    cancel_run(run=row.run, actor=mia)
    compute_report(row.run.pk)
    row.refresh_from_db()
    assert row.computed_at is None
    other = actions.open_report(
        project=project, reference=reference_of(project.pk, "meta:truth.lied"), actor=mia
    )
    assert other.pk != row.pk
    assert other.run is not None
    Run.objects.filter(pk=other.run.pk).update(beat_at=timezone.now() - timedelta(hours=1))
    compute_report(other.run.pk)
    other.refresh_from_db()
    assert other.computed_at is not None


def test_control_packs_choose_a_threshold_on_honest_texts(
    project: Project, ana: User, bo: User, mia: User
) -> None:
    codes = scene.some_codes(240)
    made = ruled(project, codes, [ana, bo], mia)
    probe = interp.probe(project, mia)
    scores = scene.scores_for(codes, 3)
    speak(probe.channel, transcripts_of(made), scores)
    rng = np.random.default_rng(4)
    packs = {PLAIN: rng.normal(size=44).tolist(), "sarcasm": (rng.normal(size=22) + 1).tolist(), "recital": (rng.normal(size=22) + 2).tolist()}  # fmt: skip
    subject = interp.subject(project, mia)
    for pack, values in packs.items():
        ControlScore.objects.create(
            channel=probe.channel, subject=subject, pack=pack, pack_digest=PACKS[pack].digest,
            scores=[{"id": str(at), "value": value} for at, value in enumerate(values)],
        )  # fmt: skip
    Threshold.objects.create(
        channel=probe.channel, value=1.5, control="plain answers", n=44, fired=3, wanted=0.05
    )
    row = computed(project, key_of(made), mia)
    question = "group.intent~group.hallucination"
    found = ChannelFigures.objects.get(report=row, channel=probe.channel, question=question).figures
    at = {
        (one["kind"], one["control"], one["wanted"]): one["found"]
        for one in found["thresholds"]
        if not one["part"]
    }
    plain = at["control", f"control pack: {PACKS[PLAIN].name.lower()}", 0.05]
    assert plain["threshold"] == threshold_at(packs[PLAIN], 0.05)
    assert plain["n_control"] == 44
    pooled = at["control", f"control pack: {LOOK_ALIKES}", 0.05]
    assert pooled["threshold"] == threshold_at(packs["recital"] + packs["sarcasm"], 0.05)
    assert (pooled["n_control"], pooled["tpr"]["n"]) == (
        44,
        codes.count("D"),
    )  # all units report: none of them chose
    lies = np.array([score for score, code in zip(scores, codes, strict=True) if code == "D"])
    assert pooled["tpr"]["count"] == int((lies >= pooled["threshold"]).sum())
    assert pooled["threshold"] > plain["threshold"]  # honest texts that look like deception
    own = at["given", "plain answers", 0.05]
    assert (own["threshold"], own["on_control"]["count"], own["on_control"]["n"]) == (1.5, 3, 44)
    assert own["on_control"]["low"] == pytest.approx(rate_of(3, 44).low)
    line = next(one for one in row.figures["lines"] if one["question"] == question)
    assert line["at"]["control"] == "plain answers"  # the one that came with the channel stands for it
    assert Given("x", 1.0).n == 0
    page = signed_in(mia).get(reverse("interp:probe", args=[project.slug, probe.pk])).content.decode()
    assert f"AUROC <b>{line['auroc']['value']:.2f}</b>" in page
    assert "From 1.5 on" in page or "From 1.50 on" in page
