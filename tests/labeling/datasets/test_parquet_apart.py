"""Parquet written by a process of its own: the same bytes, and an end in words when it fails."""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from labeling.datasets.exporters import parquet
from labeling.datasets.exporters.parquet import ParquetTable, WriterDied
from tests.labeling.datasets.made import context, record, written

SPLITS = ("train", "test")


@pytest.fixture
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any records are worth a process, and each is sent at once."""
    monkeypatch.setattr(parquet, "APART_FROM", 1)
    monkeypatch.setattr(parquet, "WHILE_STARTING", 0)
    monkeypatch.setattr(parquet, "BLOCK", 1)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started."""
    processes = []
    start = ParquetTable._started

    def watched(self: ParquetTable) -> subprocess.Popen[bytes]:
        processes.append(start(self))
        return processes[-1]

    monkeypatch.setattr(ParquetTable, "_started", watched)
    return processes


def test_what_the_process_writes_is_the_same_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    records = [record(n, "DHUK?"[n % 5], split=SPLITS[n % 2]) for n in range(60)]
    about = context(splits=SPLITS)
    names = written(tmp_path / "here", records, about=about)
    assert not started
    monkeypatch.setattr(parquet, "APART_FROM", 5_000)
    monkeypatch.setattr(parquet, "BLOCK", 9_000)
    assert written(tmp_path / "apart", records, about=about) == names
    assert [process.returncode for process in started] == [0]
    assert names == ["labels.jsonl", "labels-train.parquet", "labels-test.parquet"]
    for name in names:
        assert (tmp_path / "apart" / name).read_bytes() == (tmp_path / "here" / name).read_bytes(), name


@pytest.mark.usefixtures("_apart")
def test_what_it_cannot_write_is_said_in_its_words(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    bad = record(1)
    bad["sampling"]["seed"] = "seven"  # no column takes it
    with pytest.raises(WriterDied, match=r"Parquet could not be written: ArrowInvalid"):
        written(tmp_path, [record(), bad, record(2)])
    assert [process.returncode for process in started] == [0]


@pytest.mark.usefixtures("_apart")
def test_a_process_that_is_killed_ends_the_writing_in_words(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    def records() -> Iterable[Mapping[str, Any]]:
        yield record(0)
        os.kill(started[0].pid, signal.SIGKILL)
        started[0].wait()
        yield record(1)

    with pytest.raises(WriterDied, match=r"wrote Parquet was killed, as systems do when memory is short"):
        written(tmp_path, records())


@pytest.mark.usefixtures("_apart")
def test_giving_up_ends_the_process(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    def records() -> Iterable[Mapping[str, Any]]:
        yield record()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, records())
    assert [process.returncode for process in started] == [-signal.SIGKILL]
