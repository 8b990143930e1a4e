"""Cases for programs of adjudicators."""

import json

import pytest

from auditor.accounts.models import Project, User
from labeling.adjudication.actions import settle
from labeling.adjudication.models import Case, Ruling
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Item
from tests import make
from tests.programs import program, read


@pytest.fixture
def case(project: Project, ana: User, bo: User) -> Case:
    """Ana says H, Bo says U."""
    round = make.round(project, [make.transcript(project)], [ana, bo])
    item = Item.objects.get(round=round)
    make.label(item, ana, "H")
    make.label(item, bo, "U")
    settle(item=Item.objects.get(pk=item.pk))
    return Case.objects.get()


def test_a_case_is_taken_and_ruled_on_without_names(project: Project, ada: User, case: Case) -> None:
    robot = program(ada, project)
    assert [one["id"] for one in robot.gets("/cases")["items"]] == [case.pk]
    file = robot.does("/cases/next")
    assert {one["letter"] for one in file["columns"]} == {"A", "B"}
    assert {one["label"] for one in file["columns"]} == {"H", "U"}
    told = json.dumps(file)
    for name in ("Ana", "Bo", "reviewer"):
        assert name not in told
    take = next(one["take"] for one in file["columns"] if one["label"] == "U")
    body = {
        "took": take,
        "reason": "It was never looked up.",
        "reason_code": "evidence",
        "stamp": file["stamp"],
    }
    ruling = robot.does(f"/cases/{case.pk}/ruling", body)
    assert (ruling["label"], ruling["rule"], ruling["number"]) == ("U", "adjudicator", 1)
    assert robot.gets("/cases")["items"] == []
    assert [one["id"] for one in robot.gets("/cases", settled="true")["items"]] == [case.pk]
    again = robot.sends(f"/cases/{case.pk}/ruling", body)
    assert again.status_code == 409
    assert read(again)["standing"]["rulings"][0]["id"] == ruling["id"]
    assert Ruling.objects.count() == 1


def test_a_ruling_of_ones_own_does_not_pass_its_evidence(project: Project, ada: User, case: Case) -> None:
    robot = program(ada, project)
    heights = definition_of(case.item.round.codebook_version).ladder
    stamp = robot.gets(f"/cases/{case.pk}")["stamp"]
    tried = 0
    for code, answers in make.ANSWERS.items():
        for grade in heights:
            body = {"answers": answers, "label": code, "grade": grade, "reason": "so it is", "stamp": stamp}
            answer = robot.sends(f"/cases/{case.pk}/ruling", body)
            assert answer.status_code in (201, 422), (code, grade, answer.content[:200])
            if answer.status_code == 201:
                assert heights[read(answer)["grade"]] <= 1, "no span is attached that could carry more"
                stamp = robot.gets(f"/cases/{case.pk}")["stamp"]
            tried += answer.status_code == 422
    assert tried > len(heights)


def test_who_holds_a_case_keeps_others_from_ruling(
    project: Project, ada: User, mia: User, case: Case
) -> None:
    robot, other = program(ada, project), program(mia, project)
    robot.does(f"/cases/{case.pk}/hold")
    assert other.sends(f"/cases/{case.pk}/hold").status_code == 409
    file = other.gets(f"/cases/{case.pk}")
    body = {"took": file["columns"][0]["take"], "reason": "x", "stamp": file["stamp"]}
    assert other.sends(f"/cases/{case.pk}/ruling", body).status_code == 409
    robot.does(f"/cases/{case.pk}/leave")
    assert other.sends(f"/cases/{case.pk}/ruling", body).status_code == 201


def test_reviewers_and_the_blind_see_no_case(
    project: Project, ana: User, ada: User, mia: User, case: Case
) -> None:
    assert program(ana, project).asks("/cases").status_code == 404
    make.round(project, [case.item.transcript], [ada])
    robot = program(ada, project)
    assert robot.gets("/cases")["items"] == []
    assert robot.asks(f"/cases/{case.pk}").status_code == 404
    assert robot.does("/cases/next") is None


def test_a_label_of_another_item_is_not_taken(project: Project, ada: User, ana: User, case: Case) -> None:
    other = Item.objects.get(round=make.round(project, [make.transcript(project)], [ana]))
    label = make.label(other, ana, "H")
    robot = program(ada, project)
    body = {"took": label.pk, "reason": "x", "stamp": robot.gets(f"/cases/{case.pk}")["stamp"]}
    assert robot.sends(f"/cases/{case.pk}/ruling", body).status_code == 422
