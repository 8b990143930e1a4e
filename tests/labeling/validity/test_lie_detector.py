"""857 published transcripts and five judges: the page's figures against the benchmark's own label, recomputed from the file."""

import json
from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse
from MLstatkit import Delong_test
from sklearn.metrics import average_precision_score, cohen_kappa_score, roc_auc_score

from auditor.accounts.models import Project, User
from auditor.evidence.models import WorthBasis
from auditor.evidence.queries import visible_to
from auditor.evidence.worth import told_of
from auditor.intake.actions import import_file
from labeling.validity import operating
from labeling.validity.models import ChannelFigures
from tests.auditor.intake.reading import real_file
from tests.labeling.validity.scene import computed
from tests.people import signed_in

ROOT = Path(__file__).resolve().parent.parent.parent.parent
QUESTION = "value.true~value.false"
REFERENCE = "meta:original_did_lie"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.django_db
def test_five_published_judges_against_the_benchmarks_own_label(project: Project, mia: User) -> None:
    path = real_file("lie-detector/857_items_5_judges.jsonl")
    mapping = json.loads((ROOT / "docs/tutorial/lie-detector.mapping.json").read_text(encoding="utf-8"))
    import_file(
        project=project, path=path, file_name=path.name, format="mapped_jsonl", mapping=mapping, actor=mia
    )
    row = computed(project, REFERENCE, mia)
    lines = [json.loads(one) for one in path.read_text(encoding="utf-8").splitlines()]
    lied = np.array([one["original_did_lie"] for one in lines])
    assert (lied.sum(), len(lied)) == (430, 857)
    assert [one[0] for one in row.figures["questions"]] == [QUESTION]
    assert row.figures["questions"][0][3:] == [430, 427]
    judges = {one.key.removeprefix("judge."): one for one in project.channels.filter(kind="judge")}
    assert len(judges) == 5
    scores = {name: np.array([one["judges"][name]["score"] for one in lines], dtype=float) for name in judges}
    page = (
        signed_in(mia)
        .get(reverse("validity:channels", args=[project.slug]), {"reference": REFERENCE})
        .content.decode()
    )
    assert "nobody here has checked" in page
    assert "adjudicated transcripts" not in page
    for name, channel in judges.items():
        x = scores[name]
        found = ChannelFigures.objects.get(report=row, channel=channel, question=QUESTION).figures
        figures = {one["name"]: one for one in found["figures"] if one["cut"] == "all"}
        auroc = roc_auc_score(lied, x)
        assert figures["AUROC"]["value"] == pytest.approx(auroc, abs=1e-12)
        *_, ends, _, area, _, _ = Delong_test(
            lied.astype(int), x, x + 0, return_ci=True, return_auc=True, n_boot=2
        )
        assert area == pytest.approx(auroc)
        # DeLong's on the scale of log odds, from MLstatkit's own ends
        se = (ends[1] - ends[0]) / 2 / 1.959963984540054 / (auroc * (1 - auroc))
        for end, sign in (("low", -1), ("high", 1)):
            odds = np.exp(np.log(auroc / (1 - auroc)) + sign * 1.959963984540054 * se)
            assert figures["AUROC"][end] == pytest.approx(odds / (1 + odds), abs=1e-6)
        assert figures["average precision"]["value"] == pytest.approx(average_precision_score(lied, x))
        assert set(figures) == {
            "AUROC",
            "average precision",
        }  # no scale is declared: these are no probabilities
        assert not found["is_probability"]
        assert sum(one["positive"]["n"] for one in found["bins"]) == 857
        assert f"{auroc:.2f} [{figures['AUROC']['low']:.2f}, {figures['AUROC']['high']:.2f}]" in page
        met = {(said, was): n for said, was, n in found["met"]}
        for said in ("lie", "not_lie"):
            for was, mask in (("true", lied), ("false", ~lied)):
                n = sum(
                    one["judges"][name]["binary"] == said and bool(is_lie)
                    for one, is_lie in zip(lines, mask, strict=True)
                )
                assert met.get((said, was), 0) == n
        _thresholds(found, row.figures["split_seed"], project, x, lied)
        categories = sorted({one["category"] for one in lines})
        parts = {one["part"]: one for one in found["figures"] if one["cut"] == "condition"}
        assert set(parts) == {f"category = {one}" for one in categories}
        for one in categories:
            here = np.array([line["category"] == one for line in lines])
            said = parts[f"category = {one}"]["value"]
            if min((lied & here).sum(), (~lied & here).sum()) < 20:
                assert said is None
            else:
                assert said == pytest.approx(roc_auc_score(lied[here], x[here]))
    _paired(row, judges, scores, lied)
    basis = WorthBasis.objects.get()
    assert not basis.adjudicated
    worth = told_of(visible_to(mia), [one.pk for one in judges.values()], project.pk)
    assert {pk: round(some[0].area.value or 0, 6) for pk, some in worth.items()} == {
        channel.pk: round(roc_auc_score(lied, scores[name]), 6) for name, channel in judges.items()
    }


def _thresholds(found: dict, split_seed: int, project: Project, x: np.ndarray, lied: np.ndarray) -> None:  # type: ignore[type-arg]
    """The split's thresholds on the half that did not choose them."""
    rows = list(project.transcripts.order_by("pk").values_list("pk", flat=True))  # in the order of the file
    first = operating.halves(rows, split_seed)
    assert {one["kind"] for one in found["thresholds"]} == {"split", "held out"}
    for one in found["thresholds"]:
        if one["kind"] == "split":
            at = one["found"]["threshold"]
            assert (x[first & ~lied] >= at).mean() <= one["wanted"] + 1e-12
            assert one["found"]["tpr"]["value"] == pytest.approx((x[~first & lied] >= at).mean())
            assert one["found"]["fpr"]["value"] == pytest.approx((x[~first & ~lied] >= at).mean())
            assert one["kappa"]["value"] == pytest.approx(cohen_kappa_score(x[~first] >= at, lied[~first]))


def _paired(row, judges, scores, lied) -> None:  # type: ignore[no-untyped-def]
    """Each two judges: the difference, and DeLong's p by MLstatkit."""
    names = {channel.pk: name for name, channel in judges.items()}
    assert len(row.figures["pairs"]) == 20
    for one in row.figures["pairs"]:
        a, b = scores[names[one["a"]]], scores[names[one["b"]]]
        _, p, *_ = Delong_test(lied.astype(int), a, b, return_ci=True, return_auc=True)
        assert one["difference"]["value"] == pytest.approx(roc_auc_score(lied, a) - roc_auc_score(lied, b))
        assert one["difference"]["p"] == pytest.approx(p, abs=1e-6)
        assert one["added_loss"]["value"] is not None
