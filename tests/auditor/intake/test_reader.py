"""A process of its own reads what a thread would have read, and is never missed nor left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.accounts.models import Project
from auditor.corpus import chunks
from auditor.corpus.chunks import Chunk
from auditor.corpus.models import ImportBatch, Message, Transcript
from auditor.intake import reader
from auditor.intake.actions import import_file
from auditor.intake.importers.mapping import Mapping
from auditor.intake.reader import ReaderDied, read_ahead
from auditor.intake.tasks import carry_import
from auditor.runs.actions import RunFailed
from auditor.runs.models import Run
from auditor.runtime.processes import is_alive
from tests.auditor.intake.lossless_samples import SAMPLES, Sample

SOME = ("chat with choices", "eval", "petri", "mapped lines", "parquet")
LONG = 4_000  # records: more than the pipe and what waits can hold


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is worth a process."""
    monkeypatch.setattr(reader, "APART_FROM", 0)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    said = [{"role": "user", "content": "word " * 200}]
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps({"messages": said, "n": n}) + "\n" for n in range(LONG)))
    return path


def children() -> set[int]:
    """The living processes that this one started."""
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(word) for one in listed for word in one.read_text().split() if is_alive(int(word))}


def chunks_of(path: Path, form: str, mapping: Mapping | None = None) -> list[Chunk]:
    with path.open("rb") as source, read_ahead(source, format=form, name=path.name, mapping=mapping) as made:
        return list(made)


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.name in SOME], ids=lambda one: one.name)
def test_a_process_makes_of_a_file_what_a_thread_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: Sample
) -> None:
    path = tmp_path / sample.file
    path.write_bytes(sample.data)
    here = chunks_of(path, sample.form, sample.mapping)
    monkeypatch.setattr(reader, "APART_FROM", 0)
    assert chunks_of(path, sample.form, sample.mapping) == here
    assert here[0].records


@pytest.mark.usefixtures("apart")
def test_rejects_come_through_and_the_place_in_the_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "\\ud800"}]}\nnot json\n')
    (chunk,) = chunks_of(path, "openai_chat")
    assert [item.place.line for item in chunk.rejects] == [2]
    assert chunk.records[0].messages.decode("utf-8", "replace").split("\t")[3] == "�"
    assert chunk.read == path.stat().st_size


@pytest.mark.usefixtures("apart")
@pytest.mark.skipif(sys.platform != "linux", reason="children are listed by /proc")
def test_a_reader_that_is_killed_is_named_and_nothing_is_left(long: Path) -> None:
    before = children()
    with (
        long.open("rb") as source,
        read_ahead(source, format="openai_chat", name="long.jsonl", mapping=None) as made,
    ):
        assert len(next(made).records) == chunks.CHUNK
        (pid,) = children() - before
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ReaderDied, match=r"read long.jsonl was killed"):
            list(made)
    assert children() == before


@pytest.mark.usefixtures("apart")
@pytest.mark.skipif(sys.platform != "linux", reason="children are listed by /proc")
def test_who_stops_early_leaves_no_process(long: Path) -> None:
    before = children()
    with (
        long.open("rb") as source,
        read_ahead(source, format="openai_chat", name="long.jsonl", mapping=None) as made,
    ):
        next(made)
        assert len(children() - before) == 1
    assert children() == before


@pytest.mark.usefixtures("apart")
def test_what_the_reader_raises_is_told_in_words(
    tmp_path: Path, long: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with long.open("rb") as source:
        long.unlink()
        with (
            pytest.raises(ReaderDied, match=r"could not be read: FileNotFoundError"),
            read_ahead(source, format="openai_chat", name="long.jsonl", mapping=None) as made,
        ):
            list(made)
    assert "Traceback" in capfd.readouterr().err


def test_a_small_file_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    path = tmp_path / "small.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "hi"}]}\n')
    (chunk,) = chunks_of(path, "openai_chat")
    assert len(chunk.records) == 1


def test_the_reader_loads_neither_the_framework_nor_models() -> None:
    words = "import auditor.intake.reading_process, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout
    assert not {"django", "psycopg", "celery", "torch", "openai"} & set(loaded.split())


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux tells a child that its parent died")
def test_a_reader_dies_with_whoever_started_it(long: Path) -> None:
    words = (
        "import sys, time; from auditor.intake import reader; reader.APART_FROM = 0\n"
        f"with open({str(long)!r}, 'rb') as source, reader.read_ahead(source, format='openai_chat', name='x',"
        " mapping=None) as made:\n    next(made); print('read', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"read\n"
        pids = [
            int(pid) for pid in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        ]
        assert len(pids) == 1
    finally:
        parent.kill()
        parent.communicate()
    assert all(gone(pid) for pid in pids)


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


@pytest.mark.django_db
@pytest.mark.usefixtures("apart")
@pytest.mark.skipif(sys.platform != "linux", reason="children are listed by /proc")
def test_an_import_whose_reader_is_killed_goes_on_and_stores_everything_once(
    project: Project, long: Path
) -> None:
    before = children()
    killed: Iterator[int] = iter(range(1))

    def kill(done: int, words: str) -> None:
        for _ in killed:  # once
            (pid,) = children() - before
            os.kill(pid, signal.SIGKILL)

    with pytest.raises(RunFailed, match="was killed"):
        import_file(project=project, path=long, file_name="long.jsonl", format="openai_chat", beat=kill)
    batch = ImportBatch.objects.get()
    stored = batch.transcripts_written
    run = Run.objects.get(kind="import")
    assert stored == Transcript.objects.of(project.pk).count()
    assert 0 < stored < LONG
    assert run.status == "queued"
    carry_import(run.pk)
    batch.refresh_from_db()
    run.refresh_from_db()
    assert (run.status, batch.transcripts_written, batch.already_there) == ("done", LONG, 0)
    assert Message.objects.count() == Transcript.objects.of(project.pk).count() == LONG
    assert children() == before
