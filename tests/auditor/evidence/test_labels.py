"""Labels of people on whole transcripts, and what they come to."""

from functools import partial
from typing import Any

import pytest
from django.db import transaction

from auditor.accounts.models import Project
from auditor.corpus.models import Transcript
from auditor.evidence.actions import NewReading, write_readings
from auditor.evidence.labels import write_label
from auditor.evidence.models import Channel, Reading, Rollup
from tests import make

KEY = "people.label"


@pytest.fixture
def channel(project: Project) -> Channel:
    return make.channel(project, KEY, kind="human")


def say(transcript: Transcript, who: str, label: str, **more: Any) -> None:
    declare = partial(Channel.objects.get, project_id=transcript.project_id, key=KEY)
    with transaction.atomic():
        write_label(
            project_id=transcript.project_id, key=KEY, declare=more.pop("declare", declare),
            transcript_id=transcript.pk, label=label, identifier=who, detail={"group": label}, source=f"test:{who}",
        )  # fmt: skip


def stands(transcript: Transcript) -> tuple[list[tuple[str, str]], tuple[Any, ...]]:
    """Who says what now, and what it comes to."""
    said = Reading.objects.filter(transcript=transcript, superseded_at__isnull=True).order_by("pk")
    rolled = Rollup.objects.get(transcript=transcript)
    return list(said.values_list("identifier", "label")), (rolled.value, rolled.label, rolled.n)


def test_labels_of_several_agree_or_are_mixed(project: Project, channel: Channel) -> None:
    row = make.transcript(project)
    say(row, "1", "D")
    assert stands(row) == ([("1", "D")], (None, "D", 1))
    say(row, "2", "D")
    assert stands(row) == ([("1", "D"), ("2", "D")], (None, "D", 2))
    say(row, "3", "X")
    assert stands(row) == ([("1", "D"), ("2", "D"), ("3", "X")], (None, "mixed", 3))
    first = Reading.objects.get(identifier="1")
    assert (first.detail, first.source, first.position, first.part) == ({"group": "D"}, "test:1", None, "")


def test_a_later_label_of_the_same_person_supersedes(project: Project, channel: Channel) -> None:
    row = make.transcript(project)
    say(row, "1", "D")
    say(row, "2", "X")
    say(row, "1", "X")
    assert stands(row) == ([("2", "X"), ("1", "X")], (None, "X", 2))
    say(row, "1", "X")
    assert Reading.objects.count() == 3  # the same again is no new reading


def test_it_comes_to_what_readings_written_otherwise_come_to(project: Project, channel: Channel) -> None:
    here, there = make.transcript(project), make.transcript(project)
    for who, label in (("1", "D"), ("2", "X"), ("3", "D")):
        say(here, who, label)
        with transaction.atomic():
            new = NewReading(channel, there.pk, None, label, identifier=who, detail={"group": label})
            write_readings(readings=[new], source=f"test:{who}")
    assert stands(here) == stands(there)


def test_a_channel_that_has_a_value_there_keeps_it(project: Project, channel: Channel) -> None:
    row = make.transcript(project)
    make.reading(channel, row, 0.5, label="D", identifier="9")
    say(row, "1", "D")
    assert stands(row)[1] == (0.5, "D", 2)


def test_the_channel_is_declared_where_it_is_not_there(project: Project) -> None:
    row = make.transcript(project)
    say(row, "1", "D", declare=lambda: make.channel(project, KEY, kind="human"))
    assert stands(row) == ([("1", "D")], (None, "D", 1))
