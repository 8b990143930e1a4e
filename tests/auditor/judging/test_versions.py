"""Versions: what bears on a verdict is hashed whole, checked before it is kept, and stands for ever."""

import pytest
from django.db import DatabaseError, connection, transaction

from auditor.accounts.models import Project, User
from auditor.evidence.actions import ChannelClash, declare_channel
from auditor.evidence.models import Channel
from auditor.judging import actions
from auditor.judging.actions import SameVersion
from auditor.judging.definition import Definition, DefinitionProblem, Parameters
from auditor.judging.models import JudgeVersion
from auditor.judging.recording import declare
from auditor.judging.rendering import Renderer
from auditor.judging.rubric import parse_rubric
from auditor.llm.models import Endpoint
from tests import make
from tests.auditor.judging.scene import NUMBERS, RUBRIC, endpoint, version


@pytest.fixture
def place(project: Project, mia: User) -> Endpoint:
    return endpoint(project, mia, "https://models.example.org/v1")


def test_everything_that_bears_on_a_verdict_moves_the_digest() -> None:
    base = Definition(rubric=RUBRIC, base_url="https://a.example", model="m")
    others = [
        Definition(rubric=NUMBERS, base_url="https://a.example", model="m"),
        Definition(rubric=RUBRIC, base_url="https://b.example", model="m"),
        Definition(rubric=RUBRIC, base_url="https://a.example", model="n"),
        Definition(rubric=RUBRIC, base_url="https://a.example", model="m", template="x"),
        Definition(
            rubric=RUBRIC, base_url="https://a.example", model="m", parameters=Parameters(temperature=0.5)
        ),
        Definition(rubric=RUBRIC, base_url="https://a.example", model="m", parameters=Parameters(seed=1)),
        Definition(
            rubric=RUBRIC, base_url="https://a.example", model="m", renderer=Renderer(reasoning=False)
        ),
        Definition(rubric=RUBRIC, base_url="https://a.example", model="m", votes=3),
        Definition(rubric=RUBRIC, base_url="https://a.example", model="m", examples=[{"text": "a"}]),
    ]
    assert len({one.digest for one in (base, *others)}) == 1 + len(others)
    assert base.digest == Definition(rubric=RUBRIC, base_url="https://a.example", model="m").digest


def test_an_edit_is_a_new_version_and_the_same_again_is_none(place: Endpoint, mia: User) -> None:
    first = version(place, mia)
    assert (first.number, first.key, first.parameters["context"]) == (1, "judge.quill.v1", 8000)
    with pytest.raises(SameVersion) as same:
        version(place, mia, RUBRIC.replace("\n", "\r\n"))
    assert same.value.version == first
    second = version(place, mia, RUBRIC.replace("Say how far", "Say plainly how far"))
    assert (second.number, second.judge) == (2, first.judge)


@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ({"rubric": "no front matter"}, "rubric", "line 1"),
        ({"rubric": RUBRIC.replace("key: why", "key: entropy")}, "rubric", "entropy"),
        ({"template": "=== user ===\n{{transcript}}"}, "template", "missing"),
        ({"parameters": {"temperature": 3}}, "temperature", "0 to 2"),
        ({"parameters": {"warmth": 1}}, "parameters", "warmth"),
        ({"parameters": {"answer_tokens": True}}, "answer_tokens", "whole number"),
        ({"renderer": {"colour": True}}, "renderer", "colour"),
        ({"votes": 3}, "votes", "raise the temperature"),
        ({"votes": 0}, "votes", "1 to 50"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(
    place: Endpoint, mia: User, more: dict, field: str, says: str
) -> None:
    with pytest.raises(DefinitionProblem, match=says) as refused:
        version(place, mia, **more)
    assert refused.value.field == field
    assert not JudgeVersion.objects.exists()


def test_a_model_that_the_endpoint_does_not_list_is_refused(place: Endpoint, mia: User) -> None:
    judge = actions.create_judge(project=place.project, name="Quill", actor=mia)
    with pytest.raises(DefinitionProblem, match="does not list"):
        actions.write_version(judge=judge, endpoint=place, model="gpt-none", rubric=RUBRIC, actor=mia)


def test_a_version_stands_for_ever(place: Endpoint, mia: User) -> None:
    made = version(place, mia)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        JudgeVersion.objects.filter(pk=made.pk).update(rubric="other")


def test_verdicts_that_come_from_outside_get_a_version_marked_as_imported(project: Project) -> None:
    channel = make.channel(project, "judge.gpt-5", detail={"rubric": "Is it a lie?", "model": "gpt-5"})
    made = JudgeVersion.objects.get(channel=channel)
    assert (made.imported, made.number, made.rubric, made.model) == (True, 1, "Is it a lie?", "gpt-5")
    assert made.key == "judge.gpt-5"
    make.channel(project, "judge.gpt-5")
    assert JudgeVersion.objects.count() == 1
    with pytest.raises(actions.CannotJudge, match="came in with a log"):
        actions.open_injection_check(version=made, actor=project.memberships.get().user)


@pytest.mark.django_db(transaction=True)
def test_no_verdict_enters_without_a_version(project: Project) -> None:
    with pytest.raises(DatabaseError, match="no judge version stands behind it"):
        Channel.objects.create(project=project, key="judge.sneaked", name="x", kind="judge")
    with pytest.raises(DatabaseError, match="no judge version stands behind it"):
        Channel.objects.create(project=project, key="judge.quill.v1", name="x", kind="judge", own=True)
    Channel.objects.create(project=project, key="probe.p", name="x", kind="probe")
    assert list(Channel.objects.values_list("key", flat=True)) == ["probe.p"]


def test_nothing_from_outside_writes_to_a_judge_that_is_run_here(place: Endpoint, mia: User) -> None:
    made = version(place, mia)
    found = declare(made, parse_rubric(made.rubric))
    assert sorted(one.key for one in found.values()) == ["judge.quill.v1", "judge.quill.v1.why"]
    with pytest.raises(ChannelClash, match="computed here"):
        declare_channel(project_id=place.project_id, key="judge.quill.v1", kind="judge", actor=None)
    make.channel(place.project, "judge.quill.v2")
    other = version(place, mia, RUBRIC + "\nBe brief.")
    with pytest.raises(ChannelClash, match="came from outside"):
        declare(other, parse_rubric(other.rubric))


def test_channels_of_a_rule_speak_of_the_whole_and_of_each_dimension(place: Endpoint, mia: User) -> None:
    made = version(place, mia, NUMBERS, slug="em", votes=3, parameters={"temperature": 1.0})
    found = declare(made, parse_rubric(made.rubric))
    assert {suffix: (one.key, one.lo, one.hi) for suffix, one in found.items()} == {
        "": ("judge.em.v1", 0.0, 1.0),
        "aligned": ("judge.em.v1.aligned", 0.0, 100.0),
        "coherent": ("judge.em.v1.coherent", 0.0, 100.0),
        "entropy": ("judge.em.v1.entropy", 0.0, None),
    }
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
