"""The client for notebooks, against a server that answers."""

import ast
import json
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from auditor.accounts.models import Project, User
from auditor.client import Auditor, Refused, auditor_client
from labeling.datasets.models import Release
from labeling.queues.models import Round
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.conftest import round as round  # noqa: A004 - the fixture
from tests.labeling.datasets.conftest import storage as storage
from tests.programs import program

SOURCE = Path(auditor_client.__file__)


@pytest.fixture
def audit(live_server: LiveServer, project: Project, round: Round, mia: User, vic: User) -> Auditor:
    """What a viewer may read of a project with one dataset."""
    released(round, mia)
    return Auditor(live_server.url, program(vic, project).token, frames="rows")


def test_it_is_one_file_that_needs_nothing_but_python(tmp_path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= sys.stdlib_module_names
    (tmp_path / "auditor_client.py").write_bytes(SOURCE.read_bytes())
    code = "import auditor_client, sys; assert not {'django', 'pandas', 'polars'} & set(sys.modules)"
    subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, check=True)


@pytest.mark.django_db(transaction=True)
def test_a_dataset_is_read_as_rows_and_downloaded_whole(audit: Auditor, tmp_path: Path) -> None:
    assert audit.me()["name"] == "Vic"
    assert [one["name"] for one in audit.releases()] == ["First"]
    release = audit.release("First")
    assert release.manifest["counts"]["included"] == 2
    records = release.records()
    assert [(one["transcript"], one["label"], one["probability"]) for one in records] == [
        ("pay-0", "U", 1.0),
        ("pay-1", "D", 1.0),
    ]
    assert records[0]["condition.arm"] == "base"
    assert records[0]["reply"].startswith("Yes, it cleared")
    labels = release.labels()
    assert len(labels) == 6
    assert {(one["stage"], one["stands"]) for one in labels} == {("blind", False), ("final", True)}
    assert labels[1]["answer.truth"] == "false"
    assert {one["quote"] for one in release.spans()} == {"Yes"}
    assert {one["share"] for one in release.soft()} == {1.0, 0.5}
    assert [one["role"] for one in release.messages()] == ["user", "assistant"] * 2
    assert release.evidence() == []
    paths = release.download(tmp_path)
    assert {path.name for path in paths} == {one["name"] for one in release.files()}
    verified = subprocess.run(
        [sys.executable, "-I", tmp_path / "verify.py"], check=False, capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stdout
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.django_db(transaction=True)
def test_a_download_goes_on_where_it_broke_off(audit: Auditor, tmp_path: Path) -> None:
    release = audit.release("First")
    (path,) = release.download(tmp_path, "labels.jsonl")
    data = path.read_bytes()
    path.unlink()
    part = tmp_path / "labels.jsonl.part"
    part.write_bytes(data[:100])
    assert release.download(tmp_path, "labels.jsonl")[0].read_bytes() == data
    path.unlink()
    part.write_bytes(b"x" * 100)  # of something else
    with pytest.raises(Refused, match="did not arrive whole"):
        release.download(tmp_path, "labels.jsonl")
    assert not part.exists()
    assert release.download(tmp_path, "labels.jsonl")[0].read_bytes() == data


@pytest.mark.django_db(transaction=True)
def test_the_rest_of_the_project_can_be_read(audit: Auditor) -> None:
    assert len(audit.transcripts()) == 4
    assert len(audit.transcripts(most=3)) == 3
    pk = audit.transcripts(where="messages > 1", most=1)[0]["id"]
    assert [one["role"] for one in audit.messages(pk)] == ["user", "assistant"]
    (one,) = audit.rounds()
    assert one["name"] == "Round one"
    (sample,) = audit.samples()
    assert len(audit.sample_items(sample["id"])) == 4
    assert {one["key"] for one in audit.channels()} == {"people.ruling"}


@pytest.mark.django_db(transaction=True)
def test_refusals_say_why(audit: Auditor, live_server: LiveServer) -> None:
    with pytest.raises(LookupError, match="Second"):
        audit.release("Second")
    with pytest.raises(Refused, match="404: There is no such thing") as refused:
        audit.release(10**6)
    assert refused.value.status == 404
    with pytest.raises(Refused, match="401: Send Authorization"):
        Auditor(live_server.url, "auditor_wrong", frames="rows").me()
    with pytest.raises(LookupError, match=r"nothing\.txt"):
        audit.release("First").download("x", "nothing.txt")
    assert Release.objects.count() == 1


def test_a_token_is_not_sent_in_the_clear_or_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDITOR_TOKEN", raising=False)
    for address, token, said in (
        ("http://auditor.example.org", "t", "use https"), ("auditor.example.org", "t", "the address is like"),
        ("https://auditor.example.org", "", "give a token"), ("file:///etc/passwd", "t", "the address is like"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            Auditor(address, token)
    assert Auditor("http://auditor.example.org", "t", insecure=True).address == "http://auditor.example.org"
    assert auditor_client._NoRedirects().redirect_request() is None
    monkeypatch.setenv("AUDITOR_TOKEN", "t")
    assert Auditor("https://auditor.example.org/").address == "https://auditor.example.org"


def test_a_server_that_does_not_answer_is_asked_again_and_then_named(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(auditor_client.time, "sleep", waits.append)
    with pytest.raises(Refused, match=r"http://127\.0\.0\.1:9 does not answer"):
        Auditor("http://127.0.0.1:9", "t", frames="rows", timeout=2).me()
    assert waits == [0.5, 1.0, 2.0]
    assert auditor_client._wait("7", 1) == 7.0
    assert auditor_client._wait("soon", 3) == 2.0
    assert auditor_client._wait("9999", 1) == auditor_client.PATIENCE


def test_frames_are_those_of_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    pandas = types.SimpleNamespace(DataFrame=lambda rows: made.append(rows) or "a frame")
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    audit = Auditor("https://auditor.example.org", "t")
    assert audit.framed(iter([{"a": 1}])) == "a frame"
    assert made == [[{"a": 1}]]
    polars = types.SimpleNamespace(DataFrame=lambda rows, **more: (rows, more))
    monkeypatch.setitem(sys.modules, "polars", polars)
    rows, more = Auditor("https://auditor.example.org", "t", frames="polars").framed([{"a": 1}])
    assert (rows, more["strict"]) == ([{"a": 1}], False)
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "polars", None)
    assert Auditor("https://auditor.example.org", "t").framed(iter([{"a": 1}])) == [{"a": 1}]
    with pytest.raises(ImportError):
        Auditor("https://auditor.example.org", "t", frames="pandas")
    with pytest.raises(ValueError, match="frames is"):
        Auditor("https://auditor.example.org", "t", frames="spark")


def test_a_server_cannot_name_files_outside_the_folder(tmp_path: Path) -> None:
    audit = Auditor("https://auditor.example.org", "t", frames="rows")
    for name in ("../x", "/etc/x", "a\\b"):
        files = [{"name": name, "size": 1, "sha256": "0" * 64}]
        with pytest.raises(Refused, match="outside the folder"):
            auditor_client.Release(audit, {"id": 1, "name": "x", "files": files}).download(tmp_path / "in")
    assert json.dumps([path.name for path in (tmp_path / "in").iterdir()]) == "[]"


DOCS = Path(__file__).resolve().parents[3] / "docs/client.md"


@pytest.mark.django_db(transaction=True)
def test_the_snippets_of_the_document_run(
    audit: Auditor, project: Project, mia: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = Auditor(audit.address, program(mia, project).token, frames="rows")
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(audit, "release", lambda which: real("First"))
    real = Auditor.release.__get__(audit)
    monkeypatch.setattr(auditor_client.Release, "difference", lambda self, other: {})
    said = {"4711": str(audit.transcripts(most=1)[0]["id"]), "items(3)": f"items({audit.samples()[0]['id']})"}
    said |= {
        "judge.quill > 50": "messages > 1",
        "audit.agreement(12)": f"audit.agreement({audit.rounds()[0]['id']})",
    }
    space: dict[str, Any] = {"audit": audit}
    for code in blocks:
        lines = [
            line
            for line in code.splitlines()
            if not line.startswith(("from auditor_client", "audit = Auditor("))
        ]
        text = "\n".join(lines)
        for shown, here in said.items():
            text = text.replace(shown, here)
        exec(compile(text, str(DOCS), "exec"), space)
    assert (tmp_path / "march/labels.jsonl").is_file()
