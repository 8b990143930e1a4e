"""A worker that dies between rows and files leaves nothing for ever, and what a row names never goes."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from auditor.accounts.actions import create_project
from auditor.accounts.models import Project, User
from auditor.corpus.models import Attachment, SourceFile
from auditor.corpus.records import ParsedMessage
from auditor.corpus.sources import LOCK, keep_source
from auditor.evidence.models import Shard, Track
from auditor.evidence.shards import keep_shard
from auditor.evidence.tracks import NewTrack, write_tracks
from auditor.intake.actions import import_file
from auditor.interp.models import Probe
from auditor.runs.actions import cancel_run
from auditor.runs.models import Run
from labeling.datasets import actions as datasets
from labeling.datasets.models import Release, ReleaseFile
from labeling.datasets.tasks import build_release, import_release
from labeling.overview import actions, leftovers
from labeling.overview.leftovers import sweep
from labeling.overview.removal import belonging
from labeling.overview.tasks import remove_project, sweep_files
from labeling.queues.models import Round
from tests import make
from tests.auditor.interp import scene as interp
from tests.labeling.datasets.test_verifying import fetched
from tests.labeling.overview.test_settings import storage as storage


@pytest.fixture
def full(project: Project, mia: User, ana: User, bo: User, storage: Path, tmp_path: Path) -> Release:
    """A project that names files of each kind: a source, an attachment, a shard, and those of a release with all of it."""
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"id": "x", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]}\n'
    )
    import_file(project=project, path=log, file_name="log.jsonl", format="openai_chat", actor=mia)
    carried = {"kind": "image", "media_type": "image/png", "payload": b"a picture"}
    transcript = make.transcript(
        project, [*make.CHAT, ParsedMessage(role="user", text="See", parts=(carried,))]
    )
    with transaction.atomic():
        channel = make.channel(project, "probe.lies", kind="probe", unit="token")
        write_tracks(
            tracks=[NewTrack(channel, transcript.pk, 1, "text", [0, 3], [3, 5], [0.5, 1.0])], source="test"
        )
    made = make.round(project, [transcript], [ana, bo], name="Reviewed")
    for reviewer in (ana, bo):
        make.label(made.items.get(), reviewer, "H")
    return built(made, mia)


def built(round: Round, by: User) -> Release:
    release = datasets.open_release(
        project=round.project, name="First", rounds=[round], actor=by,
        parameters={"attachments": True, "tracks": ["probe.lies"]},
    )  # fmt: skip
    build_release(release.run_id)
    release.refresh_from_db()
    assert release.built_at is not None
    return release


def files_in(storage: Path) -> set[str]:
    return {one.relative_to(storage).as_posix() for one in storage.rglob("*") if one.is_file()}


def later() -> datetime:
    """Two days have passed."""
    return timezone.now() + timedelta(days=2)


def test_what_a_row_names_never_goes(full: Release, storage: Path) -> None:
    before = files_in(storage)
    assert {one.split("/")[0] for one in before} == {"attachments", "releases", "shards", "sources"}
    rows = SourceFile.objects.count(), Shard.objects.count()
    assert sweep(now=later()) == 0
    assert files_in(storage) == before
    assert (SourceFile.objects.count(), Shard.objects.count()) == rows


def test_what_no_row_names_goes_once_it_is_old(full: Release, storage: Path) -> None:
    before = files_in(storage)
    for name in ("releases/00/x", "attachments/ff/y", "shards/aa/z.bin", "sources/bb/w.zst", "probes/cc/v"):
        default_storage.save(name, ContentFile(b"left"))
    default_storage.save("elsewhere/t", ContentFile(b"of somebody else"))
    with transaction.atomic():
        loose, _ = keep_shard([b"loose"])
    assert sweep() == 0  # whoever stored it may still write the row
    assert sweep(now=later()) == 6
    assert files_in(storage) == {*before, "elsewhere/t"}
    assert not Shard.objects.filter(pk=loose.pk).exists()
    assert sweep(now=later()) == 0


def test_a_source_that_nothing_names_goes_with_its_row(full: Release, storage: Path, tmp_path: Path) -> None:
    (tmp_path / "never used").write_bytes(b"never used")
    source = keep_source(tmp_path / "never used")
    assert sweep() == 0
    assert sweep(now=later()) == 1
    assert not SourceFile.objects.filter(pk=source.pk).exists()
    assert not default_storage.exists(source.path)


def test_a_folder_that_a_row_names_keeps_what_is_in_it(project: Project, mia: User, storage: Path) -> None:
    for name in ("abc", "def"):
        default_storage.save(f"probes/adapters/{name}/adapter_model.safetensors", ContentFile(b"weights"))
    interp.probe(project, mia)
    Probe.objects.update(adapter="probes/adapters/abc")
    assert sweep(now=later()) == 1
    assert default_storage.exists("probes/adapters/abc/adapter_model.safetensors")
    assert not default_storage.exists("probes/adapters/def/adapter_model.safetensors")


def test_a_worker_killed_between_rows_and_files_leaves_nothing_for_ever(
    full: Release, project: Project, mia: User, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create_project(name="Other", owner=mia)
    shared = {"kind": "image", "media_type": "image/png", "payload": b"a picture"}
    make.transcript(other, [ParsedMessage(role="user", text="See", parts=(shared,))])
    actions.archive(project=project, actor=mia)
    run = actions.ask_removal(project=project, typed=project.name, actor=mia)
    pk = project.pk

    def killed(_: Any) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patched:
        patched.setattr(actions, "forget_files", killed)
        with pytest.raises(SystemExit):
            remove_project(run.pk)
    assert not Project.objects.filter(pk=pk).exists()
    assert not ReleaseFile.objects.exists()
    assert len(files_in(storage)) > 10
    sweep_files()
    assert len(files_in(storage)) > 10  # nothing of it is a day old
    assert sweep(now=later()) > 10
    kept = Attachment.objects.get()
    assert files_in(storage) == {kept.path}
    assert kept.batch.project == other
    assert not SourceFile.objects.exclude(files__batch__project=other).exists()
    assert not Shard.objects.exists()


def test_while_somebody_stores_nothing_is_removed(full: Release, storage: Path) -> None:
    default_storage.save("releases/00/x", ContentFile(b"left"))
    before = files_in(storage)
    another = connection.copy()
    try:
        with another.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s)", [LOCK])
            assert sweep(now=later()) == 0
            assert files_in(storage) == before
            cursor.execute("SELECT pg_advisory_unlock_shared(%s)", [LOCK])
        assert sweep(now=later()) == 1
    finally:
        another.close()


def test_who_begins_to_store_meanwhile_is_not_held_up(
    project: Project, storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "never used").write_bytes(b"never used")
    source = keep_source(tmp_path / "never used")
    monkeypatch.setattr(leftovers, "PATIENCE", "50ms")
    monkeypatch.setattr(leftovers, "storage_is_free", lambda: True)  # as it was a moment ago
    another = connection.copy()
    try:
        with another.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s)", [LOCK])
            assert sweep(now=later()) == 0
        assert SourceFile.objects.filter(pk=source.pk).exists()
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("0",)
    finally:
        another.close()
    assert sweep(now=later()) == 1


def elsewhere_with(release: Release, by: User, folder: Path) -> tuple[Project, Round]:
    """Another project, into which the release was brought."""
    elsewhere = create_project(name="Elsewhere", owner=by)
    into = datasets.open_import(project=elsewhere, path=fetched(release, folder), file_name="it", actor=by)
    assert into.run_id is not None
    import_release(into.run_id)
    into.refresh_from_db()
    assert into.done_at is not None
    for run in Run.objects.open().filter(project=elsewhere):  # full text, which nobody asks for here
        cancel_run(run=run, actor=by)
    return elsewhere, into.rounds.get()


def rows_of(project_id: int) -> dict[str, int]:
    """How many rows of each table belong to the project."""
    found = {}
    with connection.cursor() as cursor:
        for step in belonging():
            cursor.execute(
                f'SELECT count(*) FROM "{step.model._meta.db_table}" WHERE {step.condition}', [project_id]
            )
            if n := cursor.fetchone()[0]:
                found[step.model._meta.db_table] = n
    return found


def test_of_an_imported_release_nothing_stays_once_its_project_is_deleted(
    full: Release, project: Project, mia: User, storage: Path, tmp_path: Path
) -> None:
    people = User.objects.count()
    before = files_in(storage)
    elsewhere, round = elsewhere_with(full, mia, tmp_path / "it")
    release = built(round, mia)
    held = rows_of(elsewhere.pk)
    for table in (
        "evidence_track", "corpus_attachment", "annotations_labelrevision", "adjudication_ruling", "datasets_releaseimport",
        "datasets_importedperson", "datasets_releasefile", "datasets_releaseshard", "evidence_reading", "corpus_importbatch",
    ):  # fmt: skip
        assert table in held
    assert User.objects.count() > people
    datasets.keep(release=release, kept=True, actor=mia)
    actions.archive(project=elsewhere, actor=mia)
    with pytest.raises(actions.NotAllowed, match="must be kept: First"):
        actions.ask_removal(project=elsewhere, typed=elsewhere.name, actor=mia)
    Release.objects.filter(pk=release.pk).update(kept_at=None)
    run = actions.ask_removal(project=elsewhere, typed=elsewhere.name, actor=mia)
    Release.objects.filter(pk=release.pk).update(kept_at=timezone.now())  # said meanwhile
    remove_project(run.pk)
    run.refresh_from_db()
    assert (run.status, "must be kept" in run.note) == ("failed", True)
    assert rows_of(elsewhere.pk).keys() == held.keys()
    Release.objects.filter(pk=release.pk).update(kept_at=None)
    pk = elsewhere.pk
    run.status = "queued"
    run.save(update_fields=["status"])
    remove_project(run.pk)
    assert not Project.objects.filter(pk=pk).exists()
    assert rows_of(pk) == {}
    assert User.objects.count() == people  # those who stood for people of the release went with it
    assert files_in(storage) == before
    assert {one.channel.project_id for one in Track.objects.select_related("channel")} == {project.pk}
    assert sweep(now=later()) == 0
    connection.check_constraints()
