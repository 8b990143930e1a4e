"""Taking an import back: all of it or nothing, and never what somebody refers to."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from auditor.accounts.models import Project, User
from auditor.corpus.models import (
    Attachment,
    ImportBatch,
    Message,
    Reject,
    SearchedMessage,
    SourceFile,
    Transcript,
)
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place
from auditor.corpus.writer import write
from auditor.evidence.actions import lay_veils
from auditor.evidence.models import Quote, Reading, Rollup
from auditor.intake import undo
from auditor.intake.actions import CannotImport, import_file, import_files
from auditor.intake.arrival import arrive
from auditor.intake.models import Undo
from auditor.intake.tasks import carry_undo, start_undo
from auditor.intake.undo import CannotUndo, undo_import
from auditor.ledger.models import Event
from auditor.runs.models import Run
from auditor.sampling.models import SampleItem
from labeling.discussion.actions import open_thread
from tests import make
from tests.people import signed_in

pytestmark = pytest.mark.django_db
PLAIN = {"conversation": "messages", "id": ["id"]}
SCORED = {
    **PLAIN,
    "scores": [{"path": "s", "channel": "judge.s", "kind": "judge", "explanation_path": "why"}],
}


def log(path: Path, n: int = 5, **more: Any) -> Path:
    records = [
        {
            "id": f"r{i}",
            "messages": [{"role": "user", "content": f"q{i}"}, {"role": "assistant", "content": "a"}],
            **more,
        }
        for i in range(n)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + "{broken\n")
    return path


def bring(project: Project, path: Path, mapping: dict[str, Any] = PLAIN) -> ImportBatch:
    return import_file(
        project=project, path=path, file_name=path.name, format="mapped_jsonl", mapping=mapping
    )


def take_back(batch: ImportBatch, actor: User | None = None) -> None:
    begun = undo_import(batch=batch, actor=actor)
    assert begun.run is not None
    carry_undo(begun.run.pk)
    batch.refresh_from_db()


def test_an_undone_import_leaves_no_transcript_and_stays_in_the_list(
    project: Project, mia: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "CHUNK", 2)
    kept = bring(project, log(tmp_path / "kept.jsonl", 2, other=1))
    batch = bring(project, log(tmp_path / "log.jsonl", s=3), SCORED)
    file = batch.files.get()
    assert file.source is not None
    path = file.source.path
    assert Rollup.objects.count() == 5
    take_back(batch, mia)
    assert set(Transcript.objects.values_list("batch_id", flat=True)) == {kept.pk}
    assert (Message.objects.count(), SearchedMessage.objects.count()) == (4, 4)
    assert not Reading.objects.exists()
    assert not Rollup.objects.exists()
    assert (batch.transcripts_written, batch.messages_written, batch.rejected) == (0, 0, 1)
    assert batch.undone_at is not None
    file.refresh_from_db()
    assert (file.source, file.transcripts_written, len(file.digest)) == (None, 0, 64)
    assert Reject.objects.filter(batch=batch).count() == 1
    assert not default_storage.exists(path)
    assert SourceFile.objects.count() == 1
    assert set(Event.objects.filter(verb__startswith="import.und").values_list("verb", flat=True)) == {
        "import.undo_begun",
        "import.undone",
    }
    with pytest.raises(CannotUndo, match="was undone"):
        undo_import(batch=batch, actor=mia)
    assert bring(project, tmp_path / "log.jsonl", SCORED).transcripts_written == 5
    pages = signed_in(mia)
    assert "undone" in pages.get(f"/p/{project.slug}/import/batches/").content.decode()
    page = pages.get(f"/p/{project.slug}/import/batches/{batch.pk}/").content.decode()
    assert "This import was undone" in page
    assert "line 6" in page


def test_a_source_that_another_import_names_is_kept(project: Project, tmp_path: Path) -> None:
    path = log(tmp_path / "log.jsonl")
    batch = bring(project, path)
    second = bring(project, path)
    take_back(second)
    source = batch.files.get().source
    assert source is not None
    assert default_storage.exists(source.path)
    assert Transcript.objects.count() == 5


@pytest.mark.parametrize("by", ["sample", "reading", "veil", "thread", "branch"])
def test_what_refers_to_an_import_holds_it_and_is_named(
    project: Project, mia: User, ana: User, tmp_path: Path, by: str
) -> None:
    batch = bring(project, log(tmp_path / "log.jsonl"))
    first, *_ = Transcript.objects.order_by("pk")
    if by == "sample":
        make.sample(project, [first])
    elif by == "reading":
        make.reading(make.channel(project), first, 1.0)
    elif by == "veil":
        lay_veils(person_ids=[ana.pk], transcript_ids=[first.pk], round_key="r", scopes=["machine"])
    elif by == "thread":
        open_thread(project=project, author=ana, text="Why?", transcript_id=first.pk)
    else:
        messages = tuple(ParsedMessage(role=m.role, text=m.text) for m in first.messages.all())
        branch = ParsedTranscript(
            "f" * 64,
            Place(1),
            (*messages, ParsedMessage("user", "more")),
            parent=first.record_digest,
            shared=2,
        )
        list(write(make.batch(project), [branch]))
    with pytest.raises(CannotUndo, match="Nothing was undone"):
        undo_import(batch=batch, actor=mia)
    client = signed_in(mia)
    address = f"/p/{project.slug}/import/batches/{batch.pk}/undo/"
    words = {
        "sample": "drawn into samples (1 times)",
        "reading": "(1 readings)",
        "veil": "under review",
        "thread": "labelled or discussed by people (1 times)",
        "branch": "branches of other imports (1)",
    }
    page = client.get(address).content.decode()
    assert words[by] in page
    assert 'name="word"' not in page
    assert client.post(address, {"word": "undo"}).status_code == 422
    assert Transcript.objects.filter(batch=batch).count() == 5
    assert not Undo.objects.exists()


def test_an_undo_is_confirmed_by_its_word(
    project: Project, mia: User, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    batch = bring(project, log(tmp_path / "log.jsonl"))
    client = signed_in(mia)
    address = f"/p/{project.slug}/import/batches/{batch.pk}/undo/"
    for word in ("", "yes"):
        assert client.post(address, {"word": word}).status_code == 422
    assert client.get(address).status_code == 200
    assert Transcript.objects.count() == 5
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(address, {"word": " Undo "})
    run = Run.objects.get(kind="undo")
    assert answer.headers["Location"] == f"/p/{project.slug}/runs/{run.pk}/"
    assert (run.status, run.note) == ("done", "The import is undone.")
    assert not Transcript.objects.exists()
    assert (
        client.get(f"/p/{project.slug}/import/runs/{run.pk}/")
        .headers["Location"]
        .endswith(f"/batches/{batch.pk}/")
    )


def test_readings_of_an_undone_import_give_way_to_those_before(project: Project, tmp_path: Path) -> None:
    path = log(tmp_path / "log.jsonl", s=3, t=7, why="I said q0")
    first = bring(project, path, SCORED)
    better = {
        **PLAIN,
        "scores": [
            {"path": "t", "channel": "judge.s", "kind": "judge"},
            {"path": "t", "channel": "judge.t", "kind": "judge"},
        ],
    }
    second = bring(project, path, better)
    assert (second.transcripts_written, second.already_there) == (0, 5)
    assert set(Rollup.objects.filter(channel__key="judge.s").values_list("value", flat=True)) == {7.0}
    take_back(second)
    assert Transcript.objects.count() == 5
    current = Reading.objects.filter(superseded_at=None)
    assert set(current.values_list("source", "value")) == {(f"batch:{first.pk}", 3.0)}
    assert set(Rollup.objects.values_list("channel__key", "value")) == {("judge.s", 3.0)}
    take_back(first)
    assert not Transcript.objects.exists()


def test_what_superseded_the_undone_stays(project: Project, tmp_path: Path) -> None:
    path = log(tmp_path / "log.jsonl", 1, s=3, t=7)
    bring(project, path, SCORED)
    second = bring(project, path, {**PLAIN, "scores": [{"path": "t", "channel": "judge.s", "kind": "judge"}]})
    make.reading(Reading.objects.all()[0].channel, Transcript.objects.get(), 9.0)
    take_back(second)
    assert [(one.value, one.superseded_at is None) for one in Reading.objects.order_by("pk")] == [
        (3.0, False),
        (9.0, True),
    ]
    assert Rollup.objects.get().value == 9.0


def test_evidence_of_the_same_set_goes_with_it(project: Project, mia: User, tmp_path: Path) -> None:
    from auditor.evidence.attach import attach_batch
    from auditor.intake.actions import open_evidence
    from auditor.runs.actions import carry_here

    chat = log(tmp_path / "log.jsonl")
    evidence = tmp_path / "e.jsonl"
    evidence.write_text(
        json.dumps({"transcript": {"id": "r0"}, "channel": "judge.e", "value": 1, "quotes": [{"text": "q0"}]})
        + "\n"
    )
    from dataclasses import replace

    files = [replace(one, mapping=PLAIN, format="mapped_jsonl") for one in arrive(chat, "log.jsonl")] + list(
        arrive(evidence, "e.jsonl")
    )
    batch = import_files(project=project, name="set", files=files)
    (attached,) = open_evidence(batch)
    assert attached.run is not None
    with pytest.raises(CannotUndo, match="under way"):
        undo_import(batch=batch, actor=mia)
    with carry_here(attached.run) as beat:
        attach_batch(attached, beat=beat)
    assert Quote.objects.count() == 1
    take_back(batch)
    assert not Transcript.objects.exists()
    assert not Quote.objects.exists()


def test_attachments_go_where_no_other_import_names_them(project: Project) -> None:
    def carrying(number: int, *payloads: bytes) -> ImportBatch:
        parts = tuple(
            {"kind": "image", "media_type": "image/png", "payload": payload} for payload in payloads
        )
        batch = make.batch(project)
        item = ParsedTranscript(f"{number:064x}", Place(1), (ParsedMessage("user", "see", parts=parts),))
        list(write(batch, [item], file=batch.files.get()))
        return batch

    kept = carrying(1, b"shared")
    gone = carrying(2, b"shared", b"alone")
    paths = dict(Attachment.objects.filter(batch=gone).values_list("size", "path"))
    take_back(gone)
    assert default_storage.exists(paths[6])
    assert not default_storage.exists(paths[5])
    assert Attachment.objects.get().batch == kept


def test_branches_go_before_what_they_branch_off(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "CHUNK", 1)
    batch = make.batch(project)
    messages = tuple(ParsedMessage("user", str(n)) for n in range(6))
    items = [
        ParsedTranscript("a" * 64, Place(1), messages[:4]),
        ParsedTranscript("b" * 64, Place(1), messages[:5], parent="a" * 64, shared=4),
        ParsedTranscript("c" * 64, Place(1), messages[:6], parent="b" * 64, shared=5),
    ]
    list(write(batch, items))
    take_back(batch)
    assert not Transcript.objects.exists()


def test_a_killed_undo_goes_on_and_nothing_may_refer_to_the_rest(
    project: Project, mia: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "CHUNK", 2)
    path = log(tmp_path / "log.jsonl")
    batch = bring(project, path)
    begun = undo_import(batch=batch, actor=mia)
    real, calls = undo._transcripts_go, []

    def dies(one: ImportBatch) -> int:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("the lights went out")
        return real(one)

    monkeypatch.setattr(undo, "_transcripts_go", dies)
    assert begun.run is not None
    carry_undo(begun.run.pk)
    batch.refresh_from_db()
    assert (Transcript.objects.count(), batch.transcripts_written, batch.undone_at) == (3, 3, None)
    left = Transcript.objects.order_by("pk")[0]
    with pytest.raises(IntegrityError, match="being undone"), transaction.atomic():
        make.sample(project, [left])
    with pytest.raises(IntegrityError, match="being undone"), transaction.atomic():
        make.reading(make.channel(project), left, 1.0)
    with pytest.raises(CannotImport, match="being undone"):
        bring(project, path)
    monkeypatch.setattr(undo, "_transcripts_go", real)
    Run.objects.filter(pk=begun.run.pk).update(status="failed")
    assert start_undo(batch=batch, actor=mia).pk == begun.pk
    carry_undo(begun.run.pk)
    batch.refresh_from_db()
    assert batch.undone_at is not None
    assert not Transcript.objects.exists()
    assert bring(project, path).transcripts_written == 5


def test_an_import_under_way_is_not_undone(project: Project, mia: User, tmp_path: Path) -> None:
    batch = bring(project, log(tmp_path / "log.jsonl"))
    Run.objects.filter(pk=batch.run_id).update(status="running")
    with pytest.raises(CannotUndo, match="under way"):
        undo_import(batch=batch, actor=mia)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["draw", "undo"])
def test_a_draw_that_races_an_undo_is_kept_or_refused_and_never_lost(
    project: Project, mia: User, tmp_path: Path, first: str
) -> None:
    batch = bring(project, log(tmp_path / "log.jsonl"))
    inserted, go = threading.Event(), threading.Event()
    outcome: dict[str, Any] = {}
    drawn = list(Transcript.objects.order_by("pk")[:2])

    def draw() -> None:
        try:
            with transaction.atomic():
                make.sample(project, drawn)
                inserted.set()
                go.wait(20)
        except IntegrityError as problem:
            outcome["refused"] = str(problem)
        finally:
            connection.close()

    def take() -> None:
        try:
            outcome["undo"] = undo_import(batch=batch, actor=mia)
        except CannotUndo as problem:
            outcome["held"] = str(problem)
        finally:
            connection.close()

    if first == "draw":  # its items are written and not yet committed when the undo asks
        drawing = threading.Thread(target=draw)
        drawing.start()
        assert inserted.wait(20)
        undoing = threading.Thread(target=take)
        undoing.start()
        undoing.join(0.5)
        assert undoing.is_alive()
        go.set()
        drawing.join()
        undoing.join()
        assert "drawn into samples (2 times)" in outcome["held"]
        assert SampleItem.objects.count() == 2
    else:  # the draw took its frame before, and writes it after
        undoing = threading.Thread(target=take)
        undoing.start()
        undoing.join()
        drawing = threading.Thread(target=draw)
        drawing.start()
        drawing.join()
        assert "being undone" in outcome["refused"]
        assert not SampleItem.objects.exists()
        carry_undo(outcome["undo"].run_id)
        assert not Transcript.objects.exists()
