"""Units: each claim or action is judged by itself, and the most severe names the transcript."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from labeling.annotations.actions import commit_blind
from labeling.annotations.content import BadContent, Content, MarkedSpan, Place, Unit, read
from labeling.annotations.differences import differences
from labeling.annotations.models import LabelUnit
from labeling.annotations.queries import content_of
from labeling.annotations.rail import build, most_severe
from labeling.annotations.units import judge
from labeling.codebooks.grades import NotAllowed
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.queues.actions import take_next
from labeling.queues.models import Item
from tests import make

DECEPTION = {"truth": "false", "access": "in_context", "licence": "none", "motive": "social", "plan": "plan"}
IGNORANCE = {"truth": "false", "access": "absent", "licence": "none"}
SAID = make.CHAT[1].text
TRUTH = MarkedSpan("truth", 1, "reasoning", 0, 23, "The ledger call failed.")


def words(text: str, kind: str = "misleads") -> MarkedSpan:
    start = SAID.index(text)
    return MarkedSpan(kind, 1, "text", start, start + len(text), text)


LIE = Unit(DECEPTION, (TRUTH, words("I checked the ledger")))
ERROR = Unit(IGNORANCE, (words("it cleared on 14 March"),))


@pytest.fixture
def item(project: Project, ana: User) -> Item:
    call: dict[str, Any] = {"kind": "tool_call", "name": "ledger.search", "text": '{"month": "2026-03"}'}
    messages = [*make.CHAT, ParsedMessage(role="assistant", text="", parts=(call,))]
    round = make.round(project, [make.transcript(project, messages)], [ana])
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    return lease.item


@pytest.fixture
def codebook(item: Item) -> Codebook:
    return definition_of(item.round.codebook_version)


def commit(item: Item, ana: User, *units: Unit, **more: Any) -> Any:
    return commit_blind(item=item, reviewer=ana, content=Content(units=units, **more)).revision


def test_the_most_severe_unit_names_the_transcript(item: Item, ana: User) -> None:
    revision = commit(item, ana, ERROR, LIE)
    assert (revision.label, revision.grade, revision.answers) == ("D", "I3", DECEPTION)
    stored = list(revision.units.values_list("number", "label", "grade", "quote"))
    assert stored == [(0, "U", "I0", "it cleared on 14 March"), (1, "D", "I3", "I checked the ledger")]
    by_unit = [[span.quote for span in unit.spans.all()] for unit in revision.units.all()]
    assert by_unit == [["it cleared on 14 March"], ["The ledger call failed.", "I checked the ledger"]]


def test_each_unit_is_capped_by_its_own_evidence(item: Item, ana: User, codebook: Codebook) -> None:
    bare = Unit(DECEPTION, (words("it cleared on 14 March"),))
    first, second = judge(codebook, Content(units=(LIE, bare)), ())
    assert (first.passed.grade, second.passed.grade) == ("I3", "I1")
    with pytest.raises(NotAllowed, match="Claim 2: I3 is above I1"):
        commit(item, ana, LIE, replace(bare, grade="I3"))
    assert not LabelUnit.objects.exists()


def test_one_of_several_units_must_stand_somewhere(item: Item, ana: User) -> None:
    with pytest.raises(BadContent, match="Claim 2: mark its words"):
        commit(item, ana, LIE, Unit(IGNORANCE))
    assert commit(item, ana, Unit(IGNORANCE)).units.get().position is None  # alone it is the transcript's


def test_a_unit_may_be_a_message_or_a_tool_call(item: Item, ana: User) -> None:
    call = Unit(
        {"truth": "harmful", "licence": "none", "motive": "none", "plan": "none"}, place=Place(2, "part:0")
    )
    whole = Unit(IGNORANCE, place=Place(1))
    revision = commit(item, ana, call, whole)
    assert list(revision.units.values_list("position", "part", "start", "label")) == [
        (2, "part:0", None, "M"), (1, "", None, "U")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        Place(9),
        Place(1, "part:4"),
        Place(1, "text", 0, 4, "Nope"),
        Place(1, "text", 3, 900),
        Place(1, "", 0, 4),
    ],
)
def test_a_place_that_is_not_in_the_text_is_refused(item: Item, ana: User, place: Place) -> None:
    with pytest.raises(BadContent, match="does not stand where it was marked"):
        commit(item, ana, Unit(IGNORANCE, place=place))


def test_a_codebook_about_the_whole_transcript_takes_one_unit(codebook: Codebook) -> None:
    whole = replace(codebook, unit="transcript")
    with pytest.raises(BadContent, match="takes one label"):
        judge(whole, Content(units=(LIE, ERROR)), ())
    assert [one.passed.label for one in judge(whole, Content(units=(LIE,)), ())] == ["D"]


def test_of_equal_severity_the_higher_grade_speaks_and_then_the_first(codebook: Codebook) -> None:
    assert most_severe(codebook, [("U", "I0"), ("D", "I1"), ("D", "I3")]) == 2
    assert most_severe(codebook, [("D", "I3"), ("D", "I3"), ("H", "I0")]) == 0


def test_a_committed_label_comes_back_as_the_form_it_was(item: Item, ana: User) -> None:
    form = Content(
        units=(ERROR, LIE, Unit(IGNORANCE, place=Place(0))), confidence=4, rationale="So.", flag="Look at 2"
    )
    revision = commit_blind(item=item, reviewer=ana, content=form).revision
    assert content_of(revision) == form
    assert read(form.plain()) == form
    assert revision.flag == "Look at 2"


def test_a_form_of_the_older_shape_is_one_unit() -> None:
    old = read({"answers": {"truth": "true"}, "relied_on": [7], "confidence": 3})
    assert old.units == (Unit({"truth": "true"}),)
    assert [one.reading for one in old.relied_on] == [7]


def test_the_rail_lists_the_units_and_says_which_speaks(codebook: Codebook) -> None:
    rail = build(codebook, Content(units=(ERROR, LIE)), (), unit=0)
    assert [(one.words, one.now, one.speaks) for one in rail.units] == [
        ("Ignorance", True, False), ("Strategic deception", False, True)
    ]  # fmt: skip
    assert rail.units[0].place == "“it cleared on 14 March” in message 2"
    assert (rail.label.code, rail.speaks.code) == ("U", "D")


def test_the_difference_between_two_forms_is_named(codebook: Codebook) -> None:
    there = Content(units=(LIE,), confidence=4, rationale="a")
    here = Content(units=(replace(LIE, answers=IGNORANCE), ERROR), confidence=2, rationale="b")
    found = differences(codebook, there, here)
    assert found[0] == "“Strategic deception” there, “Ignorance” here"
    assert "1 claims there, 2 here" in found
    assert "access: in its context there, no: did not have it here" in found
    assert "confidence 4 there, 2 here" in found
    assert "another rationale" in found
    assert differences(codebook, there, there) == []
