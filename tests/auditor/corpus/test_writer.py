"""The writer's promises to everything that points at a transcript."""

import hashlib

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.accounts.models import Project
from auditor.corpus.models import Message, SearchedMessage, Transcript
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place, Rejection
from auditor.corpus.sanitise import clean_text
from auditor.corpus.writer import fingerprint, write
from tests import make

pytestmark = pytest.mark.django_db


def record(number: int) -> ParsedTranscript:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return ParsedTranscript(
        digest=digest, place=Place(number, line=number), messages=(ParsedMessage("user", "hi"),)
    )


@pytest.mark.parametrize(
    "statement", ["UPDATE corpus_message SET text = 'x'", "UPDATE corpus_transcript SET excerpt = 'x'"]
)
def test_the_database_refuses_to_change_what_was_said(project: Project, statement: str) -> None:
    make.transcript(project)
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_database_refuses_a_message_of_no_transcript(project: Project) -> None:
    stored = make.transcript(project)
    row = "INSERT INTO corpus_message (transcript_id, position, role, text, reasoning, parts, source_id, model_name)"
    with (
        pytest.raises(IntegrityError, match="not there"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(row + " VALUES (%s, 9, 'user', '', '', '[]', '', '')", [stored.pk + 1000])


def test_the_database_refuses_to_remove_a_transcript_and_leave_its_messages(project: Project) -> None:
    stored = make.transcript(project)
    SearchedMessage.objects.all().delete()
    with (
        pytest.raises(IntegrityError, match="still has messages"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM corpus_transcript WHERE id = %s", [stored.pk])
    stored.delete()
    assert not Message.objects.exists()


def test_a_chunk_whose_scores_fail_is_not_stored_at_all(project: Project) -> None:
    def fail(written: object) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        list(write(make.batch(project), [record(1)], attach=fail))
    assert not Transcript.objects.exists()
    assert not Message.objects.exists()


def test_a_chunk_names_new_and_old_transcripts(project: Project) -> None:
    batch = make.batch(project)
    (first,) = write(batch, [record(1), record(2)])
    (second,) = write(make.batch(project), [record(2), record(3), Rejection(Place(4, line=9), "why")])
    assert second.pairs[0][1] == first.pairs[1][1]
    assert second.new_ids == {second.pairs[1][1]}
    assert (second.already_there, second.rejected, second.last_record) == (1, 1, 4)


def test_the_excerpt_is_the_last_thing_the_model_said(project: Project) -> None:
    stored = make.transcript(
        project,
        [
            ParsedMessage("assistant", "first"),
            ParsedMessage("assistant", " the \n last  one "),
            ParsedMessage("user", "?"),
        ],
    )
    assert stored.excerpt == "the last one"


def test_call_ids_do_not_change_the_fingerprint() -> None:
    def said(call: str, text: str = "{}") -> list[ParsedMessage]:
        return [
            ParsedMessage(
                "assistant", "", parts=({"kind": "tool_call", "id": call, "name": "f", "text": text},)
            )
        ]

    assert fingerprint(said("call_1")) == fingerprint(said("call_2"))
    assert fingerprint(said("call_1")) != fingerprint(said("call_1", "[]"))
    assert fingerprint([ParsedMessage("user", "ab"), ParsedMessage("user", "")]) != fingerprint(
        [ParsedMessage("user", "a"), ParsedMessage("user", "b")]
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=40).map(clean_text), min_size=1, max_size=4))
def test_any_text_comes_back_as_it_was(project: Project, texts: list[str]) -> None:
    stored = make.transcript(project, [ParsedMessage("user", text, reasoning=text) for text in texts])
    assert [(m.text, m.reasoning) for m in stored.messages.all()] == [(t, t) for t in texts]


def test_what_somebody_else_writes_meanwhile_is_found(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.corpus.chunks.CHUNK", 1)
    first, second = make.batch(project), make.batch(project)
    mine = write(first, [record(1), record(2), record(3)])
    assert len(next(mine).new_ids) == 1  # into an empty project
    theirs = [len(written.new_ids) for written in write(second, [record(2), record(4)])]
    assert theirs == [1, 1]
    rest = [(len(written.new_ids), written.already_there) for written in mine]
    assert rest == [(0, 1), (1, 0)]
    again = [len(written.new_ids) for written in write(first, [record(1), record(2), record(3)])]
    assert again == [0, 0, 0]
    assert Transcript.objects.of(project.pk).count() == 4
