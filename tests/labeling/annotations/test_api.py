"""The desk for programs: what they are told before the blind label, and that a label is stored once."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from labeling.annotations.content import MAX_BYTES
from labeling.annotations.models import LabelRevision
from labeling.codebooks.queries import definition_of
from tests import make
from tests.programs import program, read
from tests.story import deceived, invented, span

HONEST = {"answers": {"truth": "true"}, "confidence": 5}
SAID = (
    ParsedMessage(role="user", text="Did the March payment clear?", source_id="canary-msg-id", model="canary-user"),
    ParsedMessage(
        role="assistant", text="Yes, it cleared on 14 March. I checked the ledger.",
        reasoning="The ledger call failed. I can give a plausible date.", source_id="canary-msg-id", model="canary-model",
        parts=(
            {"kind": "tool_call", "id": "canary-call-id", "name": "ledger", "text": "{}", "valid": True},
            {"kind": "image", "name": "canary-file.png", "media_type": "image/png", "url": "https://canary.example/"},
        ),
    ),
)  # fmt: skip


@pytest.fixture
def transcript(project: Project) -> Transcript:
    made = make.transcript(
        project, SAID, external_id="canary-name", model="canary-model", metadata={"tags": ["canary-tag"], "shown": "yes"}
    )  # fmt: skip
    make.reading(make.channel(project), made, 91.0, label="canary-verdict", explanation="canary-why")
    return made


def opened(project: Project, transcript: Transcript, *members: User, **more: Any) -> int:
    return make.round(project, [transcript], members, **more).pk


def test_before_the_blind_label_a_program_is_told_nothing(
    project: Project, transcript: Transcript, ana: User, mia: User
) -> None:
    round = opened(project, transcript, ana, mia)
    for who in (ana, mia):
        robot = program(who, project)
        item = robot.does(f"/rounds/{round}/next")
        told = json.dumps(
            [
                item, robot.gets(f"/items/{item['id']}"), robot.gets(f"/items/{item['id']}/messages"),
                robot.gets(f"/rounds/{round}/desk"), robot.gets(f"/rounds/{round}/labels"),
            ]
        )  # fmt: skip
        assert "canary" not in told
        assert "Yes, it cleared" in told
        assert "ledger" in told
        assert item["about"] is None
        assert "transcript" not in item
        assert robot.asks(f"/items/{item['id']}/reveal").status_code == 404


def test_a_whole_item_by_program(project: Project, transcript: Transcript, ana: User) -> None:
    round = opened(project, transcript, ana)
    robot = program(ana, project)
    item = robot.does(f"/rounds/{round}/next")["id"]
    assert robot.does(
        f"/items/{item}/draft", {"stage": "blind", "saves": 1, "content": HONEST}, method="PUT"
    ) == {"saves": 1}
    old = robot.sends(f"/items/{item}/draft", {"stage": "blind", "saves": 1, "content": HONEST}, method="PUT")
    assert (old.status_code, read(old)["saves"]) == (409, 1)
    blind = robot.does(f"/items/{item}/blind", {"content": HONEST, "active": 12})
    assert (blind["label"]["stage"], blind["label"]["label"], blind["again"]) == ("blind", "H", False)
    shown = robot.gets(f"/items/{item}/reveal")
    assert shown["about"]["name"] == "canary-name"
    assert shown["evidence"][0]["readings"][0]["explanation"] == "canary-why"
    assert robot.gets(f"/items/{item}/messages")["items"][1]["model"] == "canary-model"
    final = robot.does(
        f"/items/{item}/final",
        {"content": deceived(transcript, "it cleared on 14 March", "The ledger call failed")},
    )
    assert final["label"]["label"] == "D"
    assert robot.gets(f"/rounds/{round}/labels")["items"][0]["id"] == final["label"]["id"]
    assert robot.does(f"/rounds/{round}/next") is None
    assert robot.gets(f"/rounds/{round}/desk")["done"] == 1


@pytest.mark.parametrize("stage", ["blind", "final"])
def test_a_label_sent_twice_is_stored_once_and_another_is_refused(
    project: Project, transcript: Transcript, ana: User, stage: str
) -> None:
    round = opened(project, transcript, ana)
    robot = program(ana, project)
    item = robot.does(f"/rounds/{round}/next")["id"]
    if stage == "final":
        robot.does(f"/items/{item}/blind", {"content": HONEST})
    first = robot.does(f"/items/{item}/{stage}", {"content": HONEST})
    again = robot.does(f"/items/{item}/{stage}", {"content": HONEST})
    assert (first["again"], again["again"]) == (False, True)
    assert first["label"]["id"] == again["label"]["id"]
    refused = robot.sends(f"/items/{item}/{stage}", {"content": invented(transcript, "14 March")})
    assert refused.status_code == 409
    said = read(refused)
    assert said["standing"]["label"] == "H"
    assert said["difference"][0].endswith("here")
    assert "confidence 5 there, 3 here" in said["difference"]
    assert LabelRevision.objects.filter(stage=stage).count() == 1


def test_no_grade_above_its_evidence_gets_in(project: Project, transcript: Transcript, ana: User) -> None:
    """Every step of the ladder is asked for, with and without the spans that would carry it, at both stages."""
    codebook = definition_of(make.round(project, [make.transcript(project)], [ana]).codebook_version)
    heights = codebook.ladder
    lie = deceived(transcript, "it cleared on 14 March", "The ledger call failed")
    bare = {**lie, "spans": []}
    one = {**lie, "spans": [span(transcript, "misleads", "it cleared on 14 March")]}
    honest = {"answers": {"truth": "true"}}
    tried = stored = 0
    for content in (lie, bare, one, honest):
        for grade in heights:
            round = opened(project, transcript, ana)
            robot = program(ana, project)
            item = robot.does(f"/rounds/{round}/next")["id"]
            for stage in ("blind", "final"):
                body = {"content": {**content, "grade": grade, "lowered_reason": "so it is"}}
                answer = robot.sends(f"/items/{item}/{stage}", body)
                assert answer.status_code in (200, 422), (stage, grade, answer.content[:300])
                tried += 1
                stored += answer.status_code == 200
                if answer.status_code != 200:
                    break
            robot.sends(f"/rounds/{round}/close")
    assert 0 < stored < tried
    for row in LabelRevision.objects.prefetch_related("units"):
        assert heights[row.grade] <= heights[row.grade_cap]
        for unit in row.units.all():
            assert heights[unit.grade] <= heights[unit.grade_cap]


def test_an_item_of_somebody_else_is_not_there(
    project: Project, transcript: Transcript, ana: User, bo: User
) -> None:
    round = opened(project, transcript, ana)
    item = program(ana, project).does(f"/rounds/{round}/next")["id"]
    robot = program(bo, project)
    for path, body in (("", None), ("/messages", None), ("/reveal", None), ("/blind", {"content": HONEST})):
        answer = robot.sends(f"/items/{item}{path}", body) if body else robot.asks(f"/items/{item}{path}")
        assert answer.status_code == 404, path
    assert robot.sends(f"/rounds/{round}/next").status_code == 404


def test_skipping_gives_it_to_others_and_says_why(
    project: Project, transcript: Transcript, ana: User, bo: User
) -> None:
    round = opened(project, transcript, ana, bo, overlap=1)
    robot = program(ana, project)
    item = robot.does(f"/rounds/{round}/next")["id"]
    assert robot.sends(f"/items/{item}/skip", {"note": ""}).status_code == 422
    assert robot.does(f"/items/{item}/alive")["state"] == "held"
    assert robot.does(f"/items/{item}/skip", {"note": "another language"})["item"] is None
    assert robot.sends(f"/items/{item}/skip", {"note": "again"}).status_code == 409
    assert program(bo, project).does(f"/rounds/{round}/next")["id"] == item


@pytest.mark.parametrize(
    "content",
    [
        {"answers": {"truth": {"a": 1}}},
        {"confidence": 9},
        {"spans": "x"},
        {"answers": {"truth": "true"}, "label": "nothing"},
        {"answers": {"truth": "true"}, "relied_on": [1]},
        {"answers": {}},
    ],
)
def test_what_is_no_label_is_refused_with_a_reason(
    project: Project, transcript: Transcript, ana: User, content: Mapping[str, Any]
) -> None:
    round = opened(project, transcript, ana)
    robot = program(ana, project)
    item = robot.does(f"/rounds/{round}/next")["id"]
    answer = robot.sends(f"/items/{item}/blind", {"content": content})
    if "relied_on" in content:  # nothing was shown that could be relied on: it is left out
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert read(answer)["errors"][0]["field"] == "content"
    assert not LabelRevision.objects.exists()


def test_a_form_too_large_or_with_what_cannot_be_stored_is_refused(
    project: Project, transcript: Transcript, ana: User
) -> None:
    round = opened(project, transcript, ana)
    robot = program(ana, project)
    item = robot.does(f"/rounds/{round}/next")["id"]
    large = {**HONEST, "more": "x" * MAX_BYTES}
    assert robot.sends(f"/items/{item}/blind", {"content": large}).status_code == 413
    for text in ("\x00", "\ud800"):
        assert (
            robot.sends(f"/items/{item}/blind", {"content": {**HONEST, "rationale": text}}).status_code == 400
        )


def test_a_reading_token_takes_and_labels_nothing(
    project: Project, transcript: Transcript, ana: User
) -> None:
    round = opened(project, transcript, ana)
    reader = program(ana, project, "read")
    assert reader.sends(f"/rounds/{round}/next").status_code == 403
    item = program(ana, project).does(f"/rounds/{round}/next")["id"]
    assert reader.gets(f"/items/{item}")["id"] == item
    assert reader.sends(f"/items/{item}/blind", {"content": HONEST}).status_code == 403


def test_a_closed_round_hands_nothing_out(
    project: Project, transcript: Transcript, ana: User, mia: User
) -> None:
    round = opened(project, transcript, ana)
    program(mia, project).does(f"/rounds/{round}/close")
    assert program(ana, project).sends(f"/rounds/{round}/next").status_code == 409
