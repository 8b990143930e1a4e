"""Pages of agreement: what they show, to whom, and how each number opens its items."""

import csv
import io
import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from auditor.accounts.models import Project, User
from labeling.agreement import queries
from labeling.agreement.models import AgreementReport
from labeling.queues.actions import close_round
from labeling.queues.models import GOLD, GoldResult, Item, Round
from tests import make
from tests.labeling.agreement.conftest import FINAL, labelled
from tests.people import signed_in


def page(client: Client, project: Project, name: str, *args: int, **query: str) -> str:
    answer = client.get(reverse(f"agreement:{name}", args=[project.slug, *args]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_figures_stand_there_with_interval_and_n(project: Project, round: Round, vic: User) -> None:
    html = page(signed_in(vic), project, "round", round.pk)
    text = text_of(html)
    assert "Computed just now" in text
    # The seed follows from the labels' ids. One resample in 56 has at most one agreement: now and then 17% is the 2.5th percentile.
    assert re.search(r"Label 0\.\d\d \[−?0\.\d\d, 1\.00\] 67% \[(17|33)%, 100%\]", text)
    assert "not enough variation" in text  # all grades are the same
    assert html.count('class="point"') > 5
    assert 'style="' not in html
    assert "Ana and Bo" in text
    assert "Judges do not vote" in text


def test_blind_labels_and_other_measures_are_chosen_by_the_address(
    project: Project, round: Round, mia: User
) -> None:
    client = signed_in(mia)
    text = text_of(page(client, project, "round", round.pk, stage="blind", by="q.truth"))
    assert "Truth, more closely" in text
    assert "They say the same of 5 of 6 items" in text
    nonsense = text_of(page(client, project, "round", round.pk, stage="x", by="y", pair="z"))
    assert "Label, more closely" in nonsense


def test_each_number_opens_its_items(project: Project, round: Round, mia: User) -> None:
    client = signed_in(mia)
    html = page(client, project, "round", round.pk)
    opened = 0
    for address in set(re.findall(r'href="(/p/[^"]+/items/\?[^"]+)"', html)):
        answer = client.get(address.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert "No such items" not in answer.content.decode(), address
        opened += 1
    assert opened > 5
    ana, bo = sorted(one.user_id for one in round.members.all())
    cell = {"cut": "pair", "part": f"{ana}.{bo}", "row": "U", "column": "H", "by": "label", "stage": "final"}
    found = page(client, project, "round_items", round.pk, **cell)
    names = [item.transcript.name for item in round.items.order_by("order")]
    assert names[3] in found
    assert names[0] not in found
    differing = page(client, project, "round_items", round.pk, differ="1")
    assert [name in differing for name in names] == [False, False, False, True, False, True]
    bad = reverse("agreement:round_items", args=[project.slug, round.pk])
    assert client.get(bad, {"cut": "pair", "part": "x"}).status_code == 404


def test_a_reviewer_sees_nothing_of_it_while_the_round_is_open(
    project: Project, ana: User, bo: User, ada: User, mia: User
) -> None:
    open_round = labelled(project, ana, bo, name="Open")
    for person, sees in ((ana, False), (bo, False), (ada, True), (mia, True)):
        client = signed_in(person)
        assert ("Percent agreement" in page(client, project, "round", open_round.pk)) is sees
        codebook = open_round.codebook_version.codebook_id
        assert ("Percent agreement" in page(client, project, "codebook", codebook)) is sees
        listed = page(client, project, "round_items", open_round.pk)
        assert (open_round.items.all()[0].transcript.name in listed) is sees
        file = client.get(reverse("agreement:round_csv", args=[project.slug, open_round.pk]))
        assert file.status_code == (200 if sees else 404)
        assert ("you label in it" in page(client, project, "rounds")) is not sees
    close_round(round=open_round, actor=mia)
    assert "Percent agreement" in page(signed_in(ana), project, "round", open_round.pk)


def test_an_old_round_is_withheld_while_its_transcripts_are_labelled_anew(
    project: Project, round: Round, ana: User, bo: User, ada: User
) -> None:
    first = round.items.order_by("order")[0]
    again = make.round(project, [first.transcript], [ana])
    assert "Not while you label" in page(signed_in(ana), project, "round", round.pk)
    assert "Percent agreement" in page(signed_in(bo), project, "round", round.pk)
    assert queries.withheld_rounds([round, again], ana) == {round.pk, again.pk}
    assert queries.withheld_rounds([round, again], bo) == set()


def test_the_file_has_every_figure_with_its_seed(project: Project, round: Round, mia: User) -> None:
    answer = signed_in(mia).get(reverse("agreement:round_csv", args=[project.slug, round.pk]))
    body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(body)))
    alpha = [
        r
        for r in rows
        if (r["measure"], r["stage"], r["cut"], r["coefficient"]) == ("label", "final", "all", "alpha")
    ]
    assert len(alpha) == 1
    assert float(alpha[0]["low"]) <= float(alpha[0]["value"]) <= float(alpha[0]["high"])
    assert int(alpha[0]["seed"]) > 0
    assert {row["cut"] for row in rows} == {"all", "pair"}
    assert any(row["part"] == "Ana and Bo" for row in rows)
    assert any(row["reason"].startswith("not enough variation") for row in rows if row["measure"] == "grade")


def test_a_manager_keeps_the_figures_and_is_told_when_they_are_old(
    project: Project, round: Round, mia: User, ana: User
) -> None:
    client = signed_in(mia)
    assert "Keep these figures" in page(client, project, "round", round.pk)
    url = reverse("agreement:round_compute", args=[project.slug, round.pk])
    assert client.post(url)["Location"] == reverse("agreement:round", args=[project.slug, round.pk])
    text = text_of(page(client, project, "round", round.pk))
    assert "Compute again" in text
    assert "people.uncertainty" in text
    assert AgreementReport.objects.count() == 1
    assert signed_in(ana).post(url).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_large_round_is_computed_in_the_background(
    project: Project, round: Round, mia: User, vic: User, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SMALL", 3)
    url = reverse("agreement:round_compute", args=[project.slug, round.pk])
    assert "Not computed yet" in page(signed_in(vic), project, "round", round.pk)
    assert (
        signed_in(vic).get(reverse("agreement:round_csv", args=[project.slug, round.pk])).status_code == 404
    )
    signed_in(mia).post(url)
    assert "Percent agreement" in page(signed_in(vic), project, "round", round.pk)
    make.label(round.items.order_by("order")[0], ana, "K")
    old = text_of(page(signed_in(vic), project, "round", round.pk))
    assert "Out of date." in old
    assert "a manager of the project can compute them again" in old
    assert "They say the same of 4 of 6 items" in old


def test_the_list_says_what_there_is(project: Project, round: Round, vic: User, cy: User) -> None:
    listed = text_of(page(signed_in(vic), project, "rounds"))
    assert "Agreement of First round" in listed
    assert "Rounds together" not in listed
    assert signed_in(cy).get(reverse("agreement:rounds", args=[project.slug])).status_code == 404


def test_without_rounds_the_list_says_what_to_do(project: Project, vic: User) -> None:
    assert "Nothing to compare yet" in page(signed_in(vic), project, "rounds")


def test_a_round_without_labels_says_so(project: Project, ana: User, bo: User, vic: User) -> None:
    made = make.round(project, [make.transcript(project)], [ana, bo])
    assert "No labels yet" in page(signed_in(vic), project, "round", made.pk)


def test_hostile_names_are_escaped_and_are_no_formulas(
    project: Project, round: Round, ana: User, mia: User
) -> None:
    User.objects.filter(pk=ana.pk).update(name='=cmd|"<script>alert(1)</script>')
    html = page(signed_in(mia), project, "round", round.pk)
    assert "<script>alert" not in html
    answer = signed_in(mia).get(reverse("agreement:round_csv", args=[project.slug, round.pk]))
    body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    parts = {row["part"] for row in csv.DictReader(io.StringIO(body))}
    assert any(part.startswith("'=cmd") for part in parts)


def test_how_reviewers_do_on_gold_is_for_managers_without_a_seat(
    project: Project, round: Round, mia: User, vic: User, ana: User
) -> None:
    gold = Item.objects.create(
        round=round, transcript=make.transcript(project), role=GOLD, order=900, wanted=2, sample_item=None
    )
    GoldResult.objects.create(item=gold, reviewer=ana, label="H", expected=["H"], right=True)
    said = text_of(page(signed_in(mia), project, "round", round.pk))
    assert "Right on gold" in said
    assert "100% [21%, 100%] of 1" in said
    assert "Right on gold" not in text_of(page(signed_in(vic), project, "round", round.pk))


def test_weeks_are_drawn_in_their_order_and_leave_as_a_file(
    project: Project, ana: User, bo: User, mia: User, vic: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make.round(project, [make.transcript(project) for _ in range(6)], [ana, bo], name="Two weeks")
    for number, item in enumerate(made.items.order_by("order")):
        moment = datetime(2026, 11, 4 if number < 3 else 10, 12, tzinfo=UTC)
        with monkeypatch.context() as then:
            then.setattr(timezone, "now", lambda moment=moment: moment)
            for reviewer, label in zip((ana, bo), FINAL[number], strict=True):
                make.label(item, reviewer, label)
    close_round(round=made, actor=mia)
    client = signed_in(vic)
    html = page(client, project, "round", made.pk)
    assert html.index("2 Nov 2026") < html.index("9 Nov 2026")
    assert 'class="course"' in html
    address = reverse("agreement:round_course", args=[project.slug, made.pk])
    file = client.get(address, {"by": "label", "stage": "final", "cut": "week"})
    assert file.headers["Content-Disposition"].endswith('-week.svg"')
    drawing = ElementTree.fromstring(file.content)
    assert len(drawing.findall("{http://www.w3.org/2000/svg}circle")) == 2
    assert client.get(address, {"cut": "stratum"}).status_code == 404
