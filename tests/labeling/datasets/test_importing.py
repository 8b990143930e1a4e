"""Bringing a release in: hostile ones leave nothing behind, people cannot sign in, and what is there is not doubled."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from auditor.accounts.models import Membership, Project, User
from auditor.corpus.models import ImportBatch, ImportFile, Transcript
from auditor.evidence.queries import visible_to
from auditor.runs.actions import cancel_run
from auditor.runs.tasks import queue_again
from labeling.agreement.queries import withheld_rounds
from labeling.datasets import actions
from labeling.datasets.importing import opening, writing
from labeling.datasets.importing.opening import CannotOpen
from labeling.datasets.models import ImportedPerson, ReleaseImport
from labeling.datasets.tasks import import_release
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released
from tests.labeling.datasets.test_round_trip import elsewhere as elsewhere
from tests.labeling.datasets.test_round_trip import imported
from tests.labeling.datasets.test_verifying import fetched
from tests.people import signed_in

Line = dict[str, Any]


@pytest.fixture
def folder(round: Round, mia: User, tmp_path: Path) -> Path:
    """A release of two items, with a reading that has quotes."""
    item = round.items.order_by("order")[0]
    make.reading(make.channel(round.project, lo=0, hi=100), item.transcript, 70.5, explanation="It lies.")
    return fetched(released(round, mia), tmp_path / "release")


def rewritten(folder: Path, into: Path, change: Callable[[list[Line]], Any]) -> Path:
    """A copy with other records, whose digests say that it is whole."""
    into.mkdir()
    for path in folder.iterdir():
        (into / path.name).write_bytes(path.read_bytes())
    records = [
        json.loads(line) for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    changed = change(records)
    data = (
        changed
        if isinstance(changed, bytes)
        else b"".join(json.dumps(one).encode() + b"\n" for one in records)
    )
    (into / "labels.jsonl").write_bytes(data)
    sealed(into, "labels.jsonl")
    return into


def sealed(folder: Path, *names: str, **more: Any) -> Path:
    """The manifest and the sums say what is there now."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8")) | more
    for one in manifest["files"]:
        if one["name"] in names:
            data = (folder / one["name"]).read_bytes()
            one |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    listed = [*(one["name"] for one in manifest["files"]), "manifest.json"]
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in listed]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    return folder


def held(project: Project) -> dict[str, int]:
    """How many rows of a project there are in every table that an import writes."""
    tables = {
        "corpus_transcript": "project_id = %s", "corpus_importbatch": "project_id = %s", "queues_round": "project_id = %s",
        "sampling_sample": "project_id = %s", "evidence_channel": "project_id = %s", "codebooks_codebook": "project_id = %s",
        "datasets_importedperson": "project_id = %s",
        "annotations_labelrevision": "item_id IN (SELECT i.id FROM queues_item i JOIN queues_round r ON r.id = i.round_id WHERE r.project_id = %s)",
    }  # fmt: skip
    with connection.cursor() as cursor:
        found = {}
        for table, mine in tables.items():
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {mine}", [project.pk])
            found[table] = cursor.fetchone()[0]
    return found


def _set(*path: str | int, to: Any) -> Callable[[list[Line]], None]:
    def change(records: list[Line]) -> None:
        at: Any = records[1]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = to

    return change


HOSTILE: list[tuple[str, Callable[[list[Line]], Any], str]] = [
    ("no json", lambda _: b"{\n{\n", "labels.jsonl, line 1: Invalid JSON"),
    ("a list", lambda _: b"[]\n", "labels.jsonl, line 1: Input should be an object"),
    ("an empty record", lambda _: b"{}\n", "labels.jsonl, line 1: transcript: Field required"),
    ("a field too many", _set("extra", to=1), "labels.jsonl, line 2: extra: Extra inputs are not permitted"),
    ("a digest that is none", _set("transcript", "record_digest", to="x"), "line 2: transcript.record_digest: String should match"),
    ("a number as text", _set("transcript", "ordinal", to="0"), "line 2: transcript.ordinal: Input should be a valid integer"),
    ("a number too large", _set("transcript", "ordinal", to=2**31), "line 2: transcript.ordinal: Input should be less than or equal to"),
    ("a role", _set("transcript", "messages", 0, "role", to="root"), "line 2: transcript.messages.0.role: Value error, an unknown role"),
    ("a gap", _set("transcript", "messages", 0, "position", to=7), "line 2: transcript.messages.0.position: not 0"),
    ("other words", _set("transcript", "messages", 0, "text", to="Hello"), "line 2: the messages have another fingerprint"),
    ("bytes", _set("transcript", "messages", 0, "parts", to=[{"kind": "image", "payload": "x"}]), "a part without a kind, or with bytes"),
    ("a nul", _set("transcript", "external_id", to="a\0b"), "line 2: transcript.external_id: Value error, characters that cannot be stored"),
    ("a nul in json", _set("transcript", "metadata", to={"a": ["\0"]}), "line 2: transcript.metadata: Value error, characters"),
    ("nan", lambda r: json.dumps(r[0] | {"source": {"a": float("nan")}}).encode(), "line 1: source"),
    ("a deep one", _set("transcript", "metadata", to=__import__("functools").reduce(lambda a, _: {"a": a}, range(150), {})), "line 2: "),
    ("twice", lambda r: r.append(r[0]), "labels.jsonl, line 3: sampling.order: 0 comes twice in Round one"),
    ("one missing", lambda r: r.pop(), "labels.jsonl has 1 records, and manifest.json says otherwise"),
    ("a round", _set("round", "name", to="Other"), "line 2: round: a round or policy that the manifest does not have"),
    ("a codebook", _set("labels", 0, "codebook_digest", to="0" * 64), "line 2: codebook_digest: no codebook of the release has 000000000000…"),
    ("a label", _set("labels", 0, "label", to="Z"), "line 2: labels.label: the codebook has no label 'Z'"),
    ("a stage", _set("labels", 0, "stage", to="third"), "line 2: labels.0.stage: Input should be 'blind' or 'final'"),
    ("a moment", _set("labels", 0, "at", to="yesterday"), "line 2: at: 'yesterday' is no moment"),
    ("a confidence", _set("labels", 0, "confidence", to=9), "line 2: labels.0.confidence: Input should be less than or equal to 5"),
    ("a ruling by nobody", _set("ruling", "adjudicator", to=None), "line 2: ruling.adjudicator: rulings of adjudicators have one"),
    ("a rule", _set("ruling", "rule", to="dice"), "line 2: ruling.rule: there is no rule 'dice'"),
    ("a cited stranger", _set("ruling", "cites", 0, "reviewer", to="r-nobody"), "line 2: ruling: it cites a label of r-nobody"),
    ("odds above one", _set("sampling", "probability", to=1.5), "line 2: sampling.probability: Input should be less than or equal to 1"),
    ("a channel", lambda r: r[0]["evidence"][0].update(channel="judge.other"), "manifest.json does not declare channel 'judge.other'"),
    ("a channel of people", lambda r: r[0]["evidence"][0].update(kind="human"), "does not declare channel 'judge.quill' like this"),
    ("a span that ends first", lambda r: r[0]["labels"][-1]["spans"][0].update(end=0), "line 1: labels.spans: it ends before it begins"),
    ("a span of no unit", lambda r: r[0]["labels"][-1]["spans"][0].update(unit=5), "line 1: labels.spans: of a unit that the label does not have"),
    ("a parent of itself", lambda r: r[0]["transcript"].update(parent={"record_digest": r[0]["transcript"]["record_digest"], "ordinal": 0}), "branches off itself"),
]  # fmt: skip


def test_a_hostile_release_is_refused_with_file_line_and_reason_and_nothing_stays(
    folder: Path, elsewhere: Project, mia: User, tmp_path: Path
) -> None:
    empty = held(elsewhere)
    for number, (name, change, said) in enumerate(HOSTILE):
        into = imported(rewritten(folder, tmp_path / f"hostile-{number}", change), elsewhere, mia)
        assert into.run is not None
        assert into.run.status == "failed", name
        assert said in into.run.note, (name, into.run.note)
        assert into.run.note.endswith("Nothing was imported."), name
        assert into.done_at is None
        assert held(elsewhere) == empty, name
    into = imported(folder, elsewhere, mia)  # and the real one still comes in
    assert into.counts["records"] == 2


def zipped(path: Path, files: dict[str, bytes], **more: Any) -> Path:
    """An archive of these files."""
    with zipfile.ZipFile(path, "w", **more) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_an_archive_that_is_none_or_lies_is_refused(
    folder: Path, elsewhere: Project, mia: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    manifest = json.loads(files["manifest.json"])
    bomb = zipped(
        tmp_path / "bomb.zip", {**files, "labels.jsonl": b"\0" * 50_000_000}, compression=zipfile.ZIP_DEFLATED
    )
    foreign = json.dumps({**manifest, "format": "other/1"}).encode()
    sums = {
        name: hashlib.sha256(data).hexdigest() for name, data in {**files, "manifest.json": foreign}.items()
    }
    cases: list[tuple[Path, str]] = [
        (tmp_path / "none.zip", "the archive cannot be read"),
        (zipped(tmp_path / "empty.zip", {}), "the archive has no manifest.json: it is no release"),
        (zipped(tmp_path / "less.zip", {k: v for k, v in files.items() if k != "SHA256SUMS"}), "SHA256SUMS is missing"),
        (zipped(tmp_path / "cut.zip", {k: v for k, v in files.items() if k != "labels.jsonl"}), "labels.jsonl is missing"),
        (bomb, "labels.jsonl has 50,000,000 bytes, not "),
        (zipped(tmp_path / "other.zip", {**files, "labels.jsonl": files["labels.jsonl"][:-2] + b" \n"}), "labels.jsonl: its sha256 is not the one"),
        (zipped(tmp_path / "manifest.zip", {**files, "manifest.json": files["manifest.json"] + b" "}), "manifest.json: its sha256 is not the one"),
        (
            zipped(tmp_path / "foreign.zip", {**files, "manifest.json": foreign, "SHA256SUMS": "".join(f"{d}  {n}\n" for n, d in sums.items()).encode()}),
            "its format is 'other/1'",
        ),
    ]  # fmt: skip
    (tmp_path / "none.zip").write_bytes(b"PK\x03\x04 no archive")
    empty = held(elsewhere)
    for path, said in cases:
        into = imported(path, elsewhere, mia)
        assert into.run is not None
        assert (into.run.status, said in into.run.note) == ("failed", True), (path.name, into.run.note)
        assert held(elsewhere) == empty
    monkeypatch.setattr(opening, "MOST_FILES", 3)
    many = imported(zipped(tmp_path / "many.zip", {f"{n}": b"" for n in range(4)}), elsewhere, mia)
    assert many.run is not None
    assert "more than 3 files" in many.run.note


def test_a_release_in_a_folder_of_the_archive_comes_in(
    folder: Path, elsewhere: Project, mia: User, tmp_path: Path
) -> None:
    files = {f"first-release/{path.name}": path.read_bytes() for path in folder.iterdir()}
    into = imported(
        zipped(tmp_path / "it.zip", {**files, "__MACOSX/x": b""}, compression=zipfile.ZIP_DEFLATED),
        elsewhere,
        mia,
    )
    assert (into.name, into.counts["transcripts"], into.counts["people"]) == ("First", 2, 3)


def test_people_are_users_that_cannot_sign_in_and_belong_to_nobody(
    folder: Path, elsewhere: Project, mia: User
) -> None:
    imported(folder, elsewhere, mia)
    people = [one.user for one in ImportedPerson.objects.filter(project=elsewhere).select_related("user")]
    assert len(people) == 3
    for user in people:
        assert user.name.startswith("r-")
        assert user.email.endswith("@imported.invalid")
        assert (user.is_active, user.has_usable_password()) == (False, False)
        assert not Membership.objects.filter(user=user).exists()


def test_labels_rulings_and_readings_are_where_lists_and_figures_look(
    folder: Path, elsewhere: Project, mia: User
) -> None:
    into = imported(folder, elsewhere, mia)
    round = into.rounds.get()
    assert isinstance(round, Round)
    assert round.closed_at is not None
    assert withheld_rounds([round], mia) == set()
    first = Transcript.objects.get(project=elsewhere, external_id="pay-0")
    said = {(one.channel.key, one.label, one.value) for one in visible_to(mia).readings([first.pk])}
    assert said == {("judge.quill", "", 70.5), ("people.label", "U", None), ("people.ruling", "U", None)}
    batch = ImportBatch.objects.get(project=elsewhere)
    assert (batch.format, batch.transcripts_written) == ("release", 2)
    assert [(one.name, one.source) for one in ImportFile.objects.filter(batch=batch)] == [
        ("made.jsonl", None)
    ]
    address = f"/p/{elsewhere.slug}/transcripts/{first.pk}/"
    page = signed_in(mia).get(address)
    assert page.status_code == 200


def test_the_same_release_comes_in_once(folder: Path, elsewhere: Project, mia: User) -> None:
    first = imported(folder, elsewhere, mia)
    assert first.run is not None
    import_release(first.run.pk)  # rung for twice
    before = held(elsewhere)
    second = imported(folder, elsewhere, mia)
    assert second.run is not None
    assert "This project has imported “First” already." in second.run.note
    assert held(elsewhere) == before


def test_another_release_of_the_same_transcripts_adds_what_is_new(
    folder: Path, round: Round, elsewhere: Project, mia: User, tmp_path: Path
) -> None:
    imported(folder, elsewhere, mia)
    other = imported(fetched(released(round, mia, "Second", seed=1), tmp_path / "second"), elsewhere, mia)
    assert (other.counts["transcripts"], other.counts["already_there"]) == (0, 2)
    names = sorted(Round.objects.filter(project=elsewhere).values_list("name", flat=True))
    assert names == ["Round one", "Round one (imported)"]
    assert elsewhere.codebooks.get().versions.count() == 1


def test_it_comes_into_the_project_that_it_was_made_in(folder: Path, round: Round, mia: User) -> None:
    into = imported(folder, round.project, mia)
    assert into.counts["already_there"] == 2
    assert sorted(one.name for one in Round.objects.filter(project=round.project)) == [
        "Round one",
        "Round one (imported)",
    ]


def test_a_worker_that_dies_while_writing_leaves_nothing_and_the_next_one_writes_all(
    folder: Path, elsewhere: Project, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = held(elsewhere)

    def dies(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(writing, "_done", dies)
    into = imported(folder, elsewhere, mia)
    assert into.run is not None
    assert into.run.status == "queued"  # for the sweep
    assert held(elsewhere) == empty
    monkeypatch.undo()
    import_release(into.run.pk)
    into.refresh_from_db()
    assert into.counts["labels"] == 6


def test_a_cancelled_import_writes_nothing_and_goes_on_when_asked(
    folder: Path, elsewhere: Project, mia: User
) -> None:
    into = actions.open_import(project=elsewhere, path=folder, file_name="it", actor=mia)
    assert into.run is not None
    cancel_run(run=into.run, actor=mia)
    import_release(into.run.pk)
    assert held(elsewhere)["corpus_transcript"] == 0
    queue_again(run=into.run, actor=mia)
    import_release(into.run.pk)
    assert held(elsewhere)["corpus_transcript"] == 2


def test_a_channel_that_is_something_else_here_is_refused(
    folder: Path, elsewhere: Project, mia: User
) -> None:
    make.channel(elsewhere, "judge.quill", kind="probe")
    into = imported(folder, elsewhere, mia)
    assert into.run is not None
    assert "channel judge.quill exists as probe" in into.run.note
    assert Transcript.objects.filter(project=elsewhere).count() == 0


def test_a_folder_that_is_no_release_is_refused_at_once(
    elsewhere: Project, mia: User, tmp_path: Path
) -> None:
    with pytest.raises(CannotOpen, match=r"has no manifest\.json"):
        actions.open_import(project=elsewhere, path=tmp_path, file_name="x", actor=mia)
    assert ReleaseImport.objects.count() == 0


def test_a_redacted_release_comes_in_under_fingerprints_of_its_own(
    round: Round, elsewhere: Project, mia: User, tmp_path: Path
) -> None:
    patterns = [{"name": "month", "text": "March"}]
    folder = fetched(released(round, mia, redactions=patterns), tmp_path / "redacted")
    into = imported(folder, elsewhere, mia)
    assert into.run is not None
    assert into.run.status == "done", into.run.note
    said = Transcript.objects.filter(project=elsewhere).values_list("messages__text", flat=True)
    assert not any("March" in text for text in said)


def test_a_release_without_messages_cannot_come_in(
    round: Round, elsewhere: Project, mia: User, tmp_path: Path
) -> None:
    into = imported(fetched(released(round, mia, messages=False), tmp_path / "bare"), elsewhere, mia)
    assert into.run is not None
    assert "the release holds no messages" in into.run.note


def test_lines_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(opening, "LONGEST", 100)
    archive = tmp_path / "it.zip"
    opening.pack(folder, archive)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with (
        opening.opened(io.BytesIO(archive.read_bytes()), scratch) as release,
        pytest.raises(CannotOpen, match=r"labels\.jsonl, line 1: longer"),
    ):
        list(release.lines())
    assert list(scratch.iterdir()) == []
