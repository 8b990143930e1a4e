"""Bytes come back as they went in."""

import hashlib
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from auditor.accounts.models import Project
from auditor.corpus.models import SourceFile, Transcript
from auditor.corpus.sources import incoming, keep_source, kept_at_hand, open_source, store_once
from auditor.intake.actions import import_file
from auditor.runtime import places

pytestmark = pytest.mark.django_db


def test_kept_bytes_come_back_with_equal_digest(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    path = tmp_path / "any"
    path.write_bytes(data)
    source = keep_source(path)
    assert source.digest == hashlib.sha256(data).hexdigest()
    with open_source(source) as file:
        assert file.read() == data
    with open_source(source, limit=1000) as file:
        assert file.read() == data[:1000]
    assert keep_source(path).pk == source.pk
    assert SourceFile.objects.count() == 1


def test_what_is_read_at_once_is_what_was_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "FILES", tmp_path / "files")
    data = bytes(range(256)) * 9000
    path = tmp_path / "any"
    path.write_bytes(data)
    for _ in range(2):  # the second time its bytes are stored already
        path.write_bytes(data)
        with kept_at_hand(path) as (source, file):
            path.write_bytes(b"written over meanwhile")
            assert file.read(10) == data[:10]
            assert file.seek(0) == 0
            assert file.read() == data
        assert (source.digest, source.size) == (hashlib.sha256(data).hexdigest(), len(data))
        with open_source(source) as unpacked:
            assert unpacked.read() == data
    assert SourceFile.objects.count() == 1
    with pytest.raises(ZeroDivisionError), kept_at_hand(path):
        raise ZeroDivisionError
    assert list((places.FILES / "incoming").iterdir()) == []


def test_nothing_is_left_behind_in_the_folder_of_arrivals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "FILES", tmp_path / "files")  # other processes have arrivals too
    path = tmp_path / "any"
    path.write_bytes(b"some bytes")
    source = keep_source(path)
    with pytest.raises(ZeroDivisionError), open_source(source) as file:
        file.read(1 // 0)
    assert list((places.FILES / "incoming").iterdir()) == []


def test_storing_the_same_name_twice_keeps_one_file() -> None:
    for _ in range(2):
        path = incoming()
        path.write_bytes(b"the same")
        store_once("sources/zz/test.zst", path)
        assert not path.exists()
    assert default_storage.listdir("sources/zz") == ([], ["test.zst"])
    with default_storage.open("sources/zz/test.zst") as file:
        assert file.read() == b"the same"


def test_a_record_is_found_again_by_its_place(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"messages": []}\n{"id": "b", "messages": [{"role": "user", "content": "ü"}]}\n')
    batch = import_file(
        project=project, path=path, file_name="log.jsonl", format="openai_chat", mapping=None, actor=None
    )
    stored = Transcript.objects.get(external_id="b")
    kept = batch.files.get().source
    assert kept is not None
    with open_source(kept) as file:
        file.seek(stored.place["start"])
        raw = file.read(stored.place["length"])
    assert hashlib.sha256(raw).hexdigest() == stored.record_digest
