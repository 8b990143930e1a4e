"""A project that rests can be read and not written; one that is deleted goes as a whole, files included."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.urls import reverse

from auditor.accounts.actions import create_project
from auditor.accounts.models import Membership, Project, Role, Scope, User
from auditor.accounts.tokens import make_token
from auditor.corpus.models import Message, Transcript
from auditor.evidence.models import Shard
from auditor.evidence.shards import keep_shard
from auditor.ledger.actions import ProjectRests
from auditor.ledger.models import Event
from auditor.runs.actions import open_run
from labeling.annotations.models import LabelRevision
from labeling.datasets import actions as datasets
from labeling.datasets.models import Release, ReleaseShard
from labeling.datasets.tasks import build_release
from labeling.overview import actions
from labeling.overview.removal import belonging, collect_shard
from labeling.overview.tasks import remove_project
from labeling.queues.models import Round
from tests import make
from tests.people import signed_in


@pytest.fixture
def storage(settings: Any, tmp_path: Path) -> Path:
    stores = {**settings.STORAGES, "default": {**settings.STORAGES["default"]}}
    stores["default"]["OPTIONS"] = {**stores["default"]["OPTIONS"], "location": tmp_path / "files"}
    settings.STORAGES = stores
    return tmp_path / "files"


@pytest.fixture
def released(project: Project, mia: User, ana: User, bo: User, storage: Path) -> Release:
    """A project with everything from transcripts to a dataset."""
    transcript = make.transcript(project)
    make.reading(make.channel(project), transcript, 0.5)
    made = make.round(project, [transcript], [ana, bo], name="Reviewed")
    for reviewer in (ana, bo):
        make.label(made.items.get(), reviewer, "H", stage="blind", finishes=False)
        make.label(made.items.get(), reviewer, "H", spans=[("misleads", 1, 0, 3, "Yes")])
    release = datasets.open_release(project=project, name="First", rounds=[made], parameters={}, actor=mia)
    build_release(release.run_id)
    release.refresh_from_db()
    assert release.built_at is not None
    return release


def url(name: str, project: Project) -> str:
    return reverse(f"overview:{name}", args=[project.slug])


def test_an_archived_project_leaves_the_lists_and_is_read_only(
    project: Project, released: Release, mia: User, ana: User
) -> None:
    browser = signed_in(mia)
    assert "Archive it" in browser.get(url("settings", project)).content.decode()
    browser.post(url("archive", project))
    assert "1 archived project" in browser.get("/?all").content.decode().replace("\\xa0", " ").replace(
        "\xa0", " "
    )
    assert browser.get(reverse("datasets:release", args=[project.slug, released.pk])).status_code == 200
    answer = browser.post(reverse("datasets:freeze", args=[project.slug, released.pk]))
    assert answer.status_code == 409
    assert "archived and read only" in answer.content.decode()
    with pytest.raises(ProjectRests), transaction.atomic():  # a command or a program that knows of no page
        datasets.freeze(release=released, actor=mia)
    released.refresh_from_db()
    assert released.frozen_at is None
    browser.post(url("archive", project), {"back": "1"})
    browser.post(reverse("datasets:freeze", args=[project.slug, released.pk]))
    released.refresh_from_db()
    assert released.frozen_at is not None


def test_programs_are_told_too(project: Project, mia: User, client: Any) -> None:
    _, secret = make_token(
        membership=Membership.objects.get(project=project, user=mia), name="p", scope=Scope.MANAGE, actor=mia
    )
    actions.archive(project=project, actor=mia)
    said = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
    assert client.get("/api/v1/codebooks", **said).status_code == 200
    answer = client.post(
        "/api/v1/codebooks", {"name": "x", "text": "y"}, content_type="application/json", **said
    )
    assert answer.status_code == 409
    assert "archived" in answer.json()["detail"]


def test_what_is_still_going_keeps_a_project_from_resting(project: Project, mia: User) -> None:
    open_run(project_id=project.pk, kind="import", title="x", task="x", actor=mia)
    with pytest.raises(actions.NotAllowed, match="still going"):
        actions.archive(project=project, actor=mia)


def test_only_owners_see_the_settings(project: Project, ada: User, mia: User) -> None:
    Membership.objects.filter(project=project, user=mia).update(role=Role.OWNER)
    for name in ("archive", "remove"):
        assert signed_in(ada).post(url(name, project)).status_code == 404
    assert signed_in(ada).get(url("settings", project)).status_code == 404


def test_a_project_is_deleted_by_its_typed_name_and_nothing_of_it_stays(
    project: Project, released: Release, mia: User, storage: Path
) -> None:
    other = create_project(name="Other", owner=mia)
    kept = make.transcript(other)
    pk = project.pk
    browser = signed_in(mia)
    browser.post(url("archive", project))
    wrong = browser.post(url("remove", project), {"name": "ledger audit!"})
    assert wrong.status_code == 422
    assert "That is not its name" in wrong.content.decode()
    run = actions.ask_removal(project=project, typed=project.name, actor=mia)
    paths = list(released.files.values_list("path", flat=True))
    assert all(default_storage.exists(path) for path in paths)
    remove_project(run.pk)
    connection.check_constraints()
    assert not Project.objects.filter(pk=pk).exists()
    assert list(Transcript.objects.all()) == [kept]
    assert {one.transcript_id for one in Message.objects.all()} == {kept.pk}
    assert not LabelRevision.objects.exists()
    assert not Round.objects.exists()
    assert not any(default_storage.exists(path) for path in paths)
    event = Event.objects.get(verb="project.removed")
    assert (event.detail["name"], event.actor_name) == ("Ledger audit", "Mia")
    assert event.detail["rows"]["annotations_labelrevision"] == 4
    assert (
        Event.objects.filter(project_id=pk, verb="label.committed").exists()
        or Event.objects.filter(project_id=pk).exists()
    )


def test_every_table_of_a_project_is_known() -> None:
    """Whatever has a project, a transcript or a run by a key goes with the project."""
    known = {step.model._meta.db_table for step in belonging()}
    for table in (
        "corpus_message", "corpus_searchedmessage", "evidence_reading", "evidence_block", "annotations_labelspan",
        "adjudication_ruling_cites", "datasets_releaseitem", "llm_reply", "runs_run", "accounts_membership",
    ):  # fmt: skip
        assert table in known
    assert not known & {"accounts_user", "ledger_event", "corpus_sourcefile", "evidence_shard"}


def test_a_dataset_that_must_be_kept_keeps_its_project(
    project: Project, released: Release, mia: User
) -> None:
    datasets.keep(release=released, kept=True, actor=mia)
    actions.archive(project=project, actor=mia)
    with pytest.raises(actions.NotAllowed, match="must be kept: First"):
        actions.ask_removal(project=project, typed=project.name, actor=mia)
    assert "must be kept" in signed_in(mia).get(url("settings", project)).content.decode()


def test_a_project_in_use_is_archived_first(project: Project, mia: User) -> None:
    with pytest.raises(actions.NotAllowed, match="Archive it first"):
        actions.ask_removal(project=project, typed=project.name, actor=mia)


def test_a_shard_that_a_dataset_names_is_never_collected(released: Release) -> None:
    named, _ = keep_shard([b"named"])
    loose, _ = keep_shard([b"loose"])
    ReleaseShard.objects.create(release=released, shard=named)
    assert collect_shard(loose.pk)
    assert not collect_shard(named.pk)
    assert list(Shard.objects.all()) == [named]
    assert default_storage.exists(named.path)
    assert not default_storage.exists(loose.path)
