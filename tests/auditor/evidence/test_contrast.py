"""A contrast's page, file and API: pairs of one prompt under two conditions, the veiled left out and counted."""

import csv
import io
from typing import Any

import pytest

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from auditor.evidence.actions import lay_veils
from auditor.evidence.contrast import conditions_of, contrast
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from tests import make
from tests.people import signed_in
from tests.programs import program

pytestmark = pytest.mark.django_db

ASKED: dict[str, Any] = {"by": "oversight", "a": "off", "b": "on"}


@pytest.fixture
def probe(project: Project) -> Channel:
    return make.channel(project, "probe.dec.v1", kind="probe", name="Deception probe")


def told(project: Project, prompt: str, oversight: str, **more: Any) -> Transcript:
    messages = [
        ParsedMessage(role="user", text=prompt),
        ParsedMessage(role="assistant", text=f"Answer, {oversight}"),
    ]
    return make.transcript(project, messages, conditions={"oversight": oversight}, **more)


@pytest.fixture
def pairs(project: Project, probe: Channel) -> list[tuple[Transcript, Transcript]]:
    """Six prompts, each under both conditions; the probe is higher by 0, 1, 2, 3, 4, 5 without oversight."""
    found = []
    for n in range(6):
        off, on = (told(project, f"prompt {n}", value) for value in ("off", "on"))
        make.reading(probe, off, 10.0 + n)
        make.reading(probe, on, 10.0)
        found.append((off, on))
    return found


def test_pairs_are_of_one_prompt_and_everything_else_is_counted(
    project: Project, probe: Channel, pairs: list[tuple[Transcript, Transcript]], mia: User
) -> None:
    again = told(project, "prompt 5", "on")  # asked once more: averaged
    make.reading(probe, again, 12.0)
    told(project, "prompt 9", "off")  # says nothing
    make.reading(probe, told(project, "prompt 8", "on"), 1.0)  # has no partner
    found = contrast(visible_to(mia), probe, **ASKED)
    assert [one.difference for one in found.pairs] == [0, -1, -2, -3, -4, -4]
    assert found.pairs[5].of_b == (pairs[5][1].pk, again.pk)
    assert (found.figures.n, found.figures.mean) == (6, pytest.approx(-14 / 6))
    assert found.left_out == [
        ("without a value on this channel", 1, 0),
        ("without a partner on the other side", 0, 1),
    ]


def test_the_veiled_are_left_out_and_counted(
    probe: Channel, pairs: list[tuple[Transcript, Transcript]], ana: User, mia: User
) -> None:
    lay_veils(person_ids=[ana.pk], transcript_ids=[pairs[5][0].pk], round_key="round:1", scopes=["machine"])
    found = contrast(visible_to(ana), probe, **ASKED)
    assert [one.difference for one in found.pairs] == [0, -1, -2, -3, -4]
    assert found.left_out[0] == ("hidden from you until your blind label is committed", 1, 0)
    assert found.left_out[1] == ("without a partner on the other side", 0, 1)
    address = f"/p/{probe.project.slug}/channels/{probe.pk}/contrast/"
    seen = signed_in(ana).get(address).content.decode()
    assert "hidden from you" in seen
    assert ">14</td>" in seen
    # A cell, since a transcript may happen to have 15 in its number.
    assert ">15</td>" not in seen
    assert ">15</td>" in signed_in(mia).get(address).content.decode()


def test_prompts_that_tell_the_condition_are_paired_by_metadata(
    project: Project, probe: Channel, mia: User
) -> None:
    for task in ("a", "b"):
        for oversight, value in (("off", 2.0), ("on", 1.0)):
            row = told(project, f"{task}, you are {oversight} the record", oversight, metadata={"task": task})
            make.reading(probe, row, value)
    make.reading(probe, told(project, "no task", "on"), 1.0)
    assert contrast(visible_to(mia), probe, **ASKED).figures.n == 0
    found = contrast(visible_to(mia), probe, **ASKED, by_pair="meta.task")
    assert (found.figures.n, found.figures.mean, found.a.unkeyed, found.b.unkeyed) == (2, -1.0, 0, 1)


def test_the_page_opens_pairs_side_by_side_and_gives_the_file(
    project: Project, probe: Channel, pairs: list[tuple[Transcript, Transcript]], mia: User
) -> None:
    client = signed_in(mia)
    address = f"/p/{project.slug}/channels/{probe.pk}/contrast/"
    seen = client.get(address, ASKED).content.decode()
    assert f"compare/?ids={pairs[0][0].pk},{pairs[0][1].pk}" in seen
    assert "-2.50" in seen
    assert "6: 0 higher under on, 5 lower, 1 equal" in seen
    assert "p 0.062" in seen  # 2 / 2**5, exact
    assert "from seed" in seen
    assert seen.count('class="dot-of-pair"') == 6
    lines = list(csv.reader(io.StringIO(client.get(address, ASKED | {"as": "csv"}).content.decode())))
    assert lines[0][:4] == ["pair", "off", "on", "difference"]
    assert [line[1:4] for line in lines[1:3]] == [["10.0", "10.0", "0.0"], ["11.0", "10.0", "-1.0"]]
    compared = client.get(
        f"/p/{project.slug}/transcripts/compare/?ids={pairs[0][0].pk},{pairs[0][1].pk}"
    ).content.decode()
    assert "contrast/?by=oversight&amp;a=off&amp;b=on" in compared
    assert address in client.get(f"/p/{project.slug}/channels/{probe.pk}/").content.decode()


@pytest.mark.parametrize("query", ["", "by=nothing&a=x&b=y", "by=oversight&a=on&b=on", "by=%00", "by=oversight&a=on"])  # fmt: skip
def test_a_question_that_cannot_be_answered_is_asked_again(
    project: Project, probe: Channel, mia: User, query: str
) -> None:
    client = signed_in(mia)
    address = f"/p/{project.slug}/channels/{probe.pk}/contrast/?{query}"
    assert "Nothing to contrast" in client.get(address).content.decode()
    for value in ("on", "off"):
        told(project, "one", value)
    assert client.get(address).status_code == 200
    assert list(conditions_of(project.pk)) == ["oversight"]


def test_the_contrast_for_programs(
    project: Project, probe: Channel, pairs: list[tuple[Transcript, Transcript]], mia: User, vic: User
) -> None:
    said = program(vic, project).gets(f"/channels/{probe.pk}/contrast?by=oversight&a=off&b=on&limit=2")
    assert (said["n"], said["mean"], said["lower"], said["equal"]) == (6, -2.5, 5, 1)
    assert said["seed"] == contrast(visible_to(mia), probe, **ASKED).figures.seed
    assert [one["difference"] for one in said["pairs"]] == [0, -1]
