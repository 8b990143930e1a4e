"""Several files as one import: folders, archives, packed files, evidence among them; killed, cancelled, gone on with."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from auditor.accounts.models import Project, User
from auditor.corpus import chunks
from auditor.corpus.models import ImportBatch, ImportFile, SourceFile, Transcript
from auditor.corpus.writer import write_chunks
from auditor.evidence.models import EvidenceBatch, Reading
from auditor.intake.actions import import_files
from auditor.intake.arrival import arrive
from auditor.intake.models import LeftOut, SetEvidence, Upload
from auditor.intake.tasks import carry_import
from auditor.runs.actions import Cancelled, RunFailed, cancel_run
from auditor.runs.models import Run
from auditor.runtime import places
from tests.auditor.intake.test_archives import zipped
from tests.people import signed_in

pytestmark = pytest.mark.django_db


def chat(name: str, n: int = 1) -> bytes:
    records = [
        {
            "id": f"{name}-{i}",
            "messages": [{"role": "user", "content": f"{name} {i}"}, {"role": "assistant", "content": "yes"}],
        }
        for i in range(n)
    ]
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


EVIDENCE = b'{"transcript": {"id": "a-0"}, "channel": "judge.m", "value": 1}\n'
SET = {
    "run/a.jsonl": chat("a", 2),
    "run/b.jsonl.gz": gzip.compress(chat("b", 3)),
    "run/notes.bin": b"\x00\x01\x02",
    "run/deep/evidence.jsonl": EVIDENCE,
    "../up.jsonl": chat("up"),
}


def sent(client: Client, project: Project, files: dict[str, bytes], address: str = "") -> Any:
    data = {
        "file": [SimpleUploadedFile(name.rpartition("/")[2], data) for name, data in files.items()],
        "paths": json.dumps(list(files)),
    }
    return client.post(address or f"/p/{project.slug}/import/", data)


def look(upload: Upload) -> str:
    return f"/p/{upload.project.slug}/import/uploads/{upload.pk}/"


def archived(path: Path, files: dict[str, bytes]) -> Path:
    path.write_bytes(zipped(files))
    return path


def test_a_folder_is_one_import_with_its_evidence_after_it(
    project: Project, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    client = signed_in(mia)
    files = {name: data for name, data in SET.items() if not name.startswith("..")}
    assert sent(client, project, files).status_code == 302
    upload = Upload.objects.get()
    assert upload.file_name == "run"
    page = client.get(look(upload)).content.decode()
    assert "run/deep/evidence.jsonl" in page
    assert "2 with transcripts, 1 with evidence, 1 left out" in page
    assert "a binary file" in page
    assert not Transcript.objects.exists()
    with django_capture_on_commit_callbacks(execute=True) as first:
        client.post(look(upload), {"file": "0"})
    assert first
    batch = ImportBatch.objects.get()
    assert [(f.name, f.transcripts_written, f.done) for f in batch.files.all()] == [
        ("run/a.jsonl", 2, True),
        ("run/b.jsonl.gz", 3, True),
    ]
    assert (batch.transcripts_written, batch.format) == (5, "openai_chat")
    assert [(one.name, one.reason) for one in LeftOut.objects.all()] == [("run/notes.bin", "a binary file")]
    assert Reading.objects.get().transcript.external_id == "a-0"
    assert SetEvidence.objects.get().attachment == EvidenceBatch.objects.get()
    page = client.get(f"/p/{project.slug}/import/batches/{batch.pk}/").content.decode()
    for words in ("run/b.jsonl.gz", "run/notes.bin", "1\u00a0reading", "Undo this import"):
        assert words in page
    assert not Upload.objects.exists()


def test_an_archive_is_kept_once_and_read_member_by_member(project: Project, tmp_path: Path) -> None:
    path = archived(tmp_path / "all.zip", SET)
    batch = import_files(project=project, name="all.zip", files=arrive(path, "all.zip"))
    assert (batch.transcripts_written, batch.rejected) == (5, 0)
    files = list(batch.files.all())
    assert [(f.name, f.member) for f in files] == [
        ("all.zip/run/a.jsonl", "run/a.jsonl"),
        ("all.zip/run/b.jsonl.gz", "run/b.jsonl.gz"),
    ]
    assert SourceFile.objects.count() == 1
    assert files[0].digest != files[1].digest
    assert LeftOut.objects.get(name="all.zip/up.jsonl").reason == "its name leads out of the archive"
    assert _comes_to_nothing(places.FILES / "incoming")


def test_a_packed_file_is_kept_as_what_it_holds(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(chat("a")))
    (arrived,) = arrive(path, "log.jsonl.gz")
    plain = tmp_path / "log.jsonl"
    plain.write_bytes(chat("a"))
    assert arrived.digest == next(arrive(plain, "x")).digest
    twice = tmp_path / "twice.gz"
    twice.write_bytes(gzip.compress(gzip.compress(chat("a"))))
    assert next(arrive(twice, "twice.gz")).problem == "packed twice: unpack it first"
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(chat("a", 500))[:-20])
    assert "is broken" in next(arrive(broken, "broken.gz")).problem


def test_archives_in_archives_are_left_out_and_an_inspect_log_is_none(
    project: Project, tmp_path: Path
) -> None:
    log = zipped(
        {"header.json": b'{"eval": {}}', "samples/a_epoch_1.json": b'{"id": "a", "epoch": 1, "messages": []}'}
    )
    path = archived(
        tmp_path / "o.zip", {"inner.zip": zipped({"a.jsonl": chat("a")}), "one.eval": log, "empty": b""}
    )
    found = {one.name: one for one in arrive(path, "o.zip")}
    assert found["o.zip/inner.zip"].reason == "an archive inside an archive: unpack it first"
    assert found["o.zip/one.eval"].format == "inspect_eval"
    assert found["o.zip/empty"].reason == "it is empty"
    alone = tmp_path / "one.eval"
    alone.write_bytes(log)
    assert [one.format for one in arrive(alone, "one.eval")] == ["inspect_eval"]


def test_equal_files_of_one_set_are_counted_as_already_there(project: Project, tmp_path: Path) -> None:
    path = archived(tmp_path / "x.zip", {"a.jsonl": chat("a", 3), "copy.jsonl": chat("a", 3) + chat("c")})
    batch = import_files(project=project, name="x.zip", files=arrive(path, "x.zip"))
    assert [(f.transcripts_written, f.already_there) for f in batch.files.all()] == [(3, 0), (1, 3)]
    assert (batch.transcripts_written, batch.already_there) == (4, 3)


@pytest.mark.parametrize("stop", ["between files", "inside one"])
@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_what_was_stopped_goes_on_where_it_was(
    project: Project, mia: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str, how: str,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    monkeypatch.setattr(chunks, "CHUNK", 2)
    path = archived(tmp_path / "x.zip", {f"{n}.jsonl": chat(n, 4) for n in "abc"})
    calls: list[int] = []

    def stop_it(done: int, words: str) -> None:
        calls.append(done)
        if len(calls) == (3 if stop == "inside one" else 2):
            if how == "killed":
                raise OSError("the lights went out")
            cancel_run(run=Run.objects.get(kind="import"), actor=None)
            raise Cancelled

    with pytest.raises(RunFailed):
        import_files(project=project, name="x.zip", files=arrive(path, "x.zip"), beat=stop_it)
    batch = ImportBatch.objects.get()
    assert batch.transcripts_written == (6 if stop == "inside one" else 4)
    reads: list[str] = []
    monkeypatch.setattr("auditor.intake.actions.write_chunks", _spied(reads))
    client = signed_in(mia)
    if how == "cancelled":
        page = client.get(f"/p/{project.slug}/import/batches/{batch.pk}/").content.decode()
        assert "Go on" in page
        with django_capture_on_commit_callbacks(execute=True):
            client.post(f"/p/{project.slug}/import/batches/{batch.pk}/go-on/")
    else:
        carry_import(Run.objects.get(kind="import").pk)
    batch.refresh_from_db()
    assert (batch.transcripts_written, batch.already_there, batch.rejected) == (12, 0, 0)
    assert [f.transcripts_written for f in batch.files.all()] == [4, 4, 4]
    assert Run.objects.get(kind="import").status == "done"
    assert reads[-1] == "x.zip/c.jsonl"
    assert len(reads) == (
        2 if stop == "inside one" else 3
    )  # the last chunk of a file comes before its end is noted


def _spied(reads: list[str]) -> Any:
    def spy(batch: ImportBatch, made: Any, *, file: ImportFile, **more: Any) -> Any:
        reads.append(file.name)
        return write_chunks(batch, made, file=file, **more)

    return spy


def test_a_file_that_its_archive_does_not_give_back_is_a_reject(project: Project, tmp_path: Path) -> None:
    path = archived(tmp_path / "x.zip", {"a.jsonl": chat("a"), "b.jsonl": chat("b")})
    files = list(arrive(path, "x.zip"))
    from dataclasses import replace

    batch = import_files(project=project, name="x", files=[files[0], replace(files[1], member="gone.jsonl")])
    assert (batch.transcripts_written, batch.rejected) == (1, 1)
    assert batch.rejects.get().reason == "the file is not in the archive"


def test_files_are_chosen_one_by_one(
    project: Project, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    client = signed_in(mia)
    judged = b'{"key": "k1", "talk": [{"role": "user", "content": "hi"}], "judges": {"m": {"score": 3}}}\n'
    sent(
        client,
        project,
        {"s/a.jsonl": chat("a"), "s/j.jsonl": judged, "s/k.jsonl": judged.replace(b"k1", b"k2")},
    )
    upload = Upload.objects.get()
    page = client.get(look(upload), {"file": "1"}).content.decode()
    assert 'value="talk"' in page
    assert client.get(look(upload), {"file": "7"}).status_code == 404
    kept = client.post(look(upload), {"file": "0", "format": "", "do": "keep"})
    assert kept.headers["Location"] == f"{look(upload)}?file=0"
    mapped = {
        "file": "1", "format": "mapped_jsonl", "mapped": "1", "conversation": "talk", "id": "key", "to_all": "1", "do": "keep",
        "scores-TOTAL_FORMS": "0", "scores-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert client.post(look(upload), mapped).status_code == 302
    assert "left out by choice" in client.get(look(upload)).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(look(upload), {"file": "2"})
    assert set(Transcript.objects.values_list("external_id", flat=True)) == {"k1", "k2"}
    assert LeftOut.objects.get().reason == "left out by choice"
    assert not Reading.objects.exists()


def test_files_with_mappings_of_their_own_are_read_by_them(
    project: Project, tmp_path: Path, mia: User
) -> None:
    one = b'{"key": "k1", "talk": [{"role": "user", "content": "hi"}]}\n'
    two = b'{"name": "k2", "turns": [{"role": "user", "content": "ho"}]}\n'
    client = signed_in(mia)
    sent(client, project, {"a.jsonl": one, "b.jsonl": two})
    from auditor.intake.uploads import plan_of

    batch = import_files(project=project, name="x", files=plan_of(Upload.objects.get()))
    assert set(batch.mapping) == {"by_file"}
    assert (batch.transcripts_written, batch.rejected) == (2, 0)


def test_further_files_join_an_upload(project: Project, mia: User, settings: Any) -> None:
    client = signed_in(mia)
    sent(client, project, {"run/a.jsonl": chat("a")})
    upload = Upload.objects.get()
    assert sent(client, project, {"run/b.jsonl": chat("b")}, look(upload) + "add/").status_code == 204
    assert list(upload.files.values_list("ordinal", "name")) == [(0, "run/a.jsonl"), (1, "run/b.jsonl")]
    settings.MAX_UPLOAD_BYTES = 200
    refused = sent(client, project, {"run/c.jsonl": chat("c")}, look(upload) + "add/")
    assert refused.status_code == 422
    assert "reads files of any size" in refused.content.decode()
    assert upload.files.count() == 2


def test_discarding_an_upload_removes_bytes_that_nothing_else_names(project: Project, mia: User) -> None:
    client = signed_in(mia)
    for _ in range(2):
        sent(client, project, {"a.jsonl": chat("a")})
    first, second = Upload.objects.order_by("pk")
    client.post(look(first) + "discard/")
    assert SourceFile.objects.count() == 1
    client.post(look(second) + "discard/")
    assert not SourceFile.objects.exists()


def test_evidence_files_alone_are_attached_at_once(
    project: Project, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    client = signed_in(mia)
    sent(
        client,
        project,
        {"e.zip": zipped({"one.jsonl": EVIDENCE, "two.jsonl": EVIDENCE.replace(b"judge.m", b"judge.n")})},
    )
    with django_capture_on_commit_callbacks(execute=True):
        client.post(look(Upload.objects.get()), {})
    assert EvidenceBatch.objects.count() == 2
    assert not ImportBatch.objects.exists()


def test_folders_patterns_and_archives_import_on_the_server(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.jsonl").write_bytes(chat("a"))
    (folder / ".hidden").write_bytes(b"x")
    (folder / "notes.txt").write_text("words")
    (folder / "e.jsonl").write_bytes(EVIDENCE)
    archived(folder / "z.zip", {"b.jsonl": chat("b", 2)})
    (tmp_path / "c1.jsonl").write_bytes(chat("c"))
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "import_transcripts",
        str(folder),
        str(tmp_path / "c*.jsonl"),
        project=project.slug,
        stdout=out,
        stderr=err,
    )
    batch = ImportBatch.objects.get()
    assert batch.transcripts_written == 4
    assert "logs/deep/a.jsonl: 1 new" in out.getvalue()
    assert "logs/z.zip/b.jsonl: 2 new" in out.getvalue()
    assert "logs/e.jsonl: 1 readings" in out.getvalue()
    assert "left out: logs/notes.txt" in err.getvalue()
    (tmp_path / "void").mkdir()
    with pytest.raises(CommandError, match="holds no files"):
        call_command("import_transcripts", str(tmp_path / "void"), project=project.slug)


def test_hostile_member_names_are_words_on_every_page(
    project: Project, mia: User, django_capture_on_commit_callbacks: Any
) -> None:
    name = "<img src=x>\n\x1b[31m.jsonl"
    client = signed_in(mia)
    sent(client, project, {"x.zip": zipped({name: chat("a")})})
    upload = Upload.objects.get()
    assert "<img src=x" not in client.get(look(upload)).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(look(upload), {})
    file = ImportFile.objects.get()
    assert (file.member, file.transcripts_written) == (name, 1)
    page = client.get(f"/p/{project.slug}/import/batches/{file.batch_id}/").content.decode()
    assert "&lt;img src=x&gt;\ufffd\ufffd[31m.jsonl" in page


def test_a_zip_cut_off_is_named_with_what_can_be_read_of_it(tmp_path: Path, project: Project) -> None:
    path = archived(tmp_path / "x.zip", {"a.jsonl": chat("a", 50)})
    path.write_bytes(path.read_bytes()[:-10])
    (found,) = arrive(path, "x.zip")
    assert "broken" in found.problem
    assert zipfile.is_zipfile(path) is False


def test_only_managers_of_this_project_add_go_on_and_undo(
    project: Project, mia: User, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    sent(signed_in(mia), project, {"a.jsonl": chat("a")})
    upload = Upload.objects.get()
    batch = import_files(
        project=project, name="x", files=arrive(archived(tmp_path / "x.zip", {"a.jsonl": chat("a")}), "x.zip")
    )
    base = f"/p/{project.slug}/import/batches/{batch.pk}/"
    for name in ("ana", "ada", "vic", "cy"):
        client = signed_in(request.getfixturevalue(name))
        assert sent(client, project, {"b.jsonl": chat("b")}, look(upload) + "add/").status_code == 404
        assert client.post(base + "go-on/").status_code == 404
        assert client.get(base + "undo/").status_code == 404
        assert client.post(base + "undo/", {"word": "undo"}).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(mia)
    for address in (look(upload) + "add/", base + "go-on/", base + "undo/"):
        assert strict.post(address).status_code == 403
    assert Transcript.objects.count() == 1


def _comes_to_nothing(folder: Path, within: float = 10.0) -> bool:
    """Whether the folder is empty at some moment: tests that run beside this one receive files there too."""
    until = monotonic() + within
    while any(folder.iterdir()) and monotonic() < until:
        sleep(0.05)
    return not any(folder.iterdir())
