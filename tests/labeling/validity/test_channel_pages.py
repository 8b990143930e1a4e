"""What pages, files and drawings say of channels, and where else their worth is told."""

import csv
import io
import re

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel
from labeling.annotations.actions import commit_blind
from labeling.annotations.content import Content
from labeling.queues.actions import take_next
from labeling.queues.models import Round
from tests import make
from tests.auditor.judging.scene import endpoint as model_endpoint
from tests.auditor.judging.scene import version as judge_version
from tests.labeling.validity import scene
from tests.labeling.validity.scene import (
    INTENT,
    RULED,
    computed,
    detail,
    key_of,
    line,
    speak,
    transcripts_of,
)
from tests.people import signed_in
from tests.programs import program

pytestmark = pytest.mark.usefixtures("few_resamples")


def test_pages_files_and_drawings(project: Project, round: Round, judge: Channel, mia: User) -> None:
    probe = make.channel(project, "probe.p", kind="probe", name="Probe <p>")
    speak(probe, transcripts_of(round), scene.scores_for(RULED, 9, gap=0.5))
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
    speak(channel, transcripts_of(round), scene.scores_for(RULED, 5))
    row = computed(project, key_of(round), mia)
    auroc = line(row, channel)["auroc"]
    html = signed_in(mia).get(address).content.decode()
    assert f"AUROC {auroc['value']:.2f} [{auroc['low']:.2f}, {auroc['high']:.2f}]" in html
    assert "Intent against Hallucination" in html
