"""Saved views, the project's columns, and the list as a file."""

import csv
import io

import pytest
from django.test import Client

from auditor.accounts.models import Project, User
from auditor.browse.models import ProjectColumns, SavedView
from auditor.evidence.actions import lay_veils
from auditor.ledger.models import Event
from auditor.web.sheets import safe
from tests import make
from tests.people import signed_in


def post(client: Client, project: Project, path: str, status: int = 302, **data: str) -> None:
    assert client.post(f"/p/{project.slug}/transcripts/{path}", data).status_code == status


def listed(client: Client, project: Project, query: str = "") -> str:
    response = client.get(f"/p/{project.slug}/transcripts/{query}", follow=True)
    assert response.status_code == 200
    return response.content.decode()


def sheet(client: Client, project: Project, query: str = "") -> list[list[str]]:
    response = client.get(f"/p/{project.slug}/transcripts/export.csv{query}")
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert body.startswith("\ufeff")
    return list(csv.reader(io.StringIO(body.removeprefix("\ufeff"))))


def test_a_view_is_saved_without_its_page_and_belongs_to_its_owner(
    project: Project, ana: User, bo: User
) -> None:
    make.transcript(project)
    post(
        signed_in(ana),
        project,
        "views/",
        name="Long ones",
        query="?where=messages+>+1&sort=-length&after=x",
        shared="on",
    )
    view = SavedView.objects.get()
    assert (view.query, view.shared) == ("where=messages+%3E+1&sort=-length", False)  # only managers share
    assert "Long ones" in listed(signed_in(ana), project)
    assert "Long ones" not in listed(signed_in(bo), project)
    post(signed_in(bo), project, f"views/{view.pk}/", 404, name="Mine")
    post(signed_in(ana), project, f"views/{view.pk}/", name="Longer")
    post(signed_in(ana), project, f"views/{view.pk}/", delete="1")
    assert not SavedView.objects.exists()
    verbs = list(Event.objects.filter(verb__startswith="view.").order_by("pk").values_list("verb", flat=True))
    assert verbs == ["view.saved", "view.changed", "view.deleted"]


def test_names_are_given_once_and_not_empty(project: Project, ana: User) -> None:
    make.transcript(project)
    client = signed_in(ana)
    for _ in range(2):
        post(client, project, "views/", name="Same", query="")
    assert SavedView.objects.count() == 1
    assert "You have a view named Same already." in listed(client, project)
    post(client, project, "views/", name="", query="")
    assert SavedView.objects.count() == 1


def test_a_manager_shares_a_view_and_lets_the_list_open_with_it(
    project: Project, mia: User, ana: User
) -> None:
    make.transcript(project, model="a", external_id="one")
    make.transcript(project, model="b", external_id="two")
    client = signed_in(mia)
    for name, model in (("As", "a"), ("Bs", "b")):
        post(client, project, "views/", name=name, query=f"model={model}", shared="on")
        post(client, project, f"views/{SavedView.objects.get(name=name).pk}/", name=name, first="on")
    assert list(SavedView.objects.filter(first=True).values_list("name", "shared")) == [("Bs", True)]
    opened = signed_in(ana).get(f"/p/{project.slug}/transcripts/")
    assert (opened.status_code, opened["Location"]) == (302, f"/p/{project.slug}/transcripts/?model=b")
    assert "one" in listed(signed_in(ana), project, "?sort=-id")
    htmx = client.get(f"/p/{project.slug}/transcripts/?sort=-id", headers={"HX-Request": "true"})
    assert htmx["HX-Push-Url"].endswith("?sort=-id")


def test_managers_choose_the_columns_and_anybody_may_override(project: Project, mia: User, ana: User) -> None:
    judge = make.channel(project)
    make.reading(judge, make.transcript(project, metadata={"level": "seven"}), 0.5)
    post(signed_in(ana), project, "columns/", 404, col="meta.level")
    post(signed_in(mia), project, "columns/", col="meta.level", more="chars, nothing here, tool_calls")
    assert ProjectColumns.objects.get().names == ["meta.level", "chars", "tool_calls"]
    assert Event.objects.filter(verb="columns.chosen").count() == 1
    shown = listed(signed_in(ana), project)
    assert "seven" in shown
    assert 'title="Judge judge.quill' not in shown
    assert "seven" not in listed(signed_in(ana), project, "?col=judge.quill")


def test_the_file_holds_what_the_list_shows(project: Project, mia: User) -> None:
    judge = make.channel(project)
    for number in range(4):
        row = make.transcript(
            project, external_id=f"t{number}", conditions={"arm": "x"}, metadata={"m": {"n": number}}
        )
        make.reading(judge, row, number / 4)
    rows = sheet(
        signed_in(mia), project, "?where=judge.quill+>+0&sort=ch.judge.quill&col=judge.quill&col=meta.m.n"
    )
    assert rows[0] == [
        "id",
        "number",
        "model",
        "conditions",
        "messages",
        "excerpt",
        "judge.quill",
        "meta.m.n",
    ]
    assert [(row[0], row[3], row[6], row[7]) for row in rows[1:]] == [
        ("t1", "arm=x", "0.25", "1"), ("t2", "arm=x", "0.5", "2"), ("t3", "arm=x", "0.75", "3"),
    ]  # fmt: skip
    assert [row[0] for row in sheet(signed_in(mia), project, "?q=ledger&col=condition.arm")[1:]] == [
        "t3",
        "t2",
        "t1",
        "t0",
    ]
    broken = signed_in(mia).get(f"/p/{project.slug}/transcripts/export.csv?where=nothing+>+1")
    assert broken.status_code == 422


def test_a_long_list_is_cut_and_says_so(project: Project, mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        make.transcript(project)
    monkeypatch.setattr("auditor.browse.sheet.MOST", 2)
    monkeypatch.setattr("auditor.browse.sheet.CHUNK", 1)
    rows = sheet(signed_in(mia), project)
    assert len(rows) == 4
    assert rows[-1] == ["Cut after 2 transcripts; narrow the filter for the others."]


def test_the_file_honours_veils_and_says_so(project: Project, mia: User, ana: User) -> None:
    judge = make.channel(project)
    rows = [
        make.transcript(project, external_id=name, metadata={"note": f"note of {name}"})
        for name in ("seen", "veiled")
    ]
    for row in rows:
        make.reading(judge, row, 0.875)
    lay_veils(transcript_ids=[rows[1].pk], person_ids=[ana.pk], round_key="round:1", scopes=("machine",))
    plain = sheet(signed_in(ana), project, "?col=judge.quill&col=meta.note")
    assert plain[1][-2:] == ["hidden until your blind label"] * 2
    assert plain[2][-2:] == ["0.875", "note of seen"]
    named = sheet(signed_in(ana), project, "?where=judge.quill+>+0")
    assert [row[0] for row in named[1:]] == [
        "seen",
        "1 transcripts that you have yet to label blind are left out.",
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "＝1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert safe(cell) == "'" + cell
    assert safe("1 = 1") == "1 = 1"
    assert safe(-1.5) == -1.5
