"""A release is verified by its own script, which needs nothing but Python."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from auditor.accounts.models import User
from labeling.datasets import verifying
from labeling.datasets.models import Release
from labeling.queues.models import Round
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.made import record, written


def fetched(release: Release, folder: Path) -> Path:
    """The files of a release in a folder."""
    for file in release.files.all():
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with default_storage.open(file.path, "rb") as stored:
            path.write_bytes(stored.read())
    return folder


def run(folder: Path) -> tuple[int, str]:
    """What the script says, alone: no site packages, no path of ours."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", folder / "verify.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small release without a database."""
    place = tmp_path / "small"
    names = written(place, [record(n) for n in range(3)], "csv")
    (place / "verify.py").write_bytes(Path(verifying.__file__).read_bytes())
    seal(place, [*names, "verify.py"])
    return place


def seal(place: Path, names: list[str], included: int = 3) -> None:
    """Manifest and digests of what is there."""
    files = [
        {"name": one, "size": (place / one).stat().st_size, "sha256": digest(place / one)} for one in names
    ]
    manifest = {"files": files, "counts": {"included": included}}
    (place / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    sums = [f"{digest(place / one)}  {one}\n" for one in [*names, "manifest.json"]]
    (place / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def test_a_release_is_whole_and_says_so(round: Round, mia: User, tmp_path: Path) -> None:
    place = fetched(released(round, mia, formats=["csv", "croissant", "preference"]), tmp_path / "it")
    assert run(place) == (0, f"{place}: whole\n")
    listed = {line.split("  ")[1] for line in (place / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    assert listed == {path.name for path in place.iterdir()} - {"SHA256SUMS"}
    (place / "labels.csv").write_bytes(b"x")
    code, words = run(place)
    assert code == 1
    assert words.startswith("labels.csv has 1 bytes, not ")


def test_the_small_one_is_whole(folder: Path) -> None:
    assert verifying.problems(folder) == []
    assert run(folder)[0] == 0


def test_a_bit_that_turned_is_found(folder: Path) -> None:
    path = folder / "labels.jsonl"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert verifying.problems(folder) == ["labels.jsonl: its sha256 is not the one in manifest.json"]


def test_a_missing_file_and_one_that_is_no_file_are_found(folder: Path) -> None:
    (folder / "labels.csv").unlink()
    (folder / "labels.parquet").unlink()
    (folder / "labels.parquet").mkdir()
    assert verifying.problems(folder) == ["labels.csv is missing", "labels.parquet is missing"]


def test_a_manifest_that_was_changed_is_found_by_the_sums(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"included": 3', '"included": 3 '), encoding="utf-8"
    )
    assert verifying.problems(folder) == ["manifest.json: its sha256 is not the one in SHA256SUMS"]


def test_sums_that_name_more_or_less_than_the_manifest_are_found(folder: Path) -> None:
    path = folder / "SHA256SUMS"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[1:], f"{'0' * 64}  other.txt", "no digest"]) + "\n", encoding="utf-8")
    assert verifying.problems(folder) == [
        "SHA256SUMS, line 6: not a digest and a name",
        "SHA256SUMS and manifest.json differ about labels.jsonl",
        "SHA256SUMS names other.txt, which manifest.json does not",
    ]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"files": [1], "counts": {"included": 1}}', "[" * 100_000]
)
def test_a_manifest_that_is_none_is_said(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    (problem,) = verifying.problems(folder)
    assert problem.startswith("manifest.json cannot be read: ")


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a//b", "..", "C:x", "a\\b", ""])
def test_a_name_outside_the_folder_is_never_opened(folder: Path, name: str) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"].append({"name": name, "size": 1, "sha256": "0" * 64})
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert f"{name!r} is no name of a file in this folder" in verifying.problems(folder)


def test_records_are_counted_and_no_transcript_comes_twice(folder: Path) -> None:
    path = folder / "labels.jsonl"
    first = path.read_bytes().splitlines(keepends=True)[0]
    names = ["labels.jsonl", "labels.parquet", "labels.csv", "verify.py"]
    path.write_bytes(path.read_bytes() + first)
    seal(folder, names, 4)
    assert verifying.problems(folder) == [f"labels.jsonl, line 4: transcript {0:064x}:0 comes twice"]
    path.write_bytes(first + b"{}\n")
    seal(folder, names, 2)
    assert verifying.problems(folder) == ["labels.jsonl, line 2 is no record: KeyError: 'transcript'"]
    path.write_bytes(first)
    seal(folder, names, 3)
    assert verifying.problems(folder) == ["labels.jsonl has 1 records, not 3"]
