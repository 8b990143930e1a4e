"""A checked release into a project: in one transaction, so that there is all of it or nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.corpus.models import ImportBatch
from auditor.ledger.actions import record
from labeling.adjudication.actions.writing import CHANNEL as RULINGS
from labeling.annotations.publishing import CHANNEL as LABELS
from labeling.datasets.importing import attachments, tracks
from labeling.datasets.importing.checking import Checked, identity_of, records_of
from labeling.datasets.importing.evidence import Evidence
from labeling.datasets.importing.labels import Labels, chunked
from labeling.datasets.importing.opening import CannotOpen, Opened
from labeling.datasets.importing.people import people_of
from labeling.datasets.importing.scaffolding import channels_in, round_in, seat, versions_in
from labeling.datasets.importing.transcripts import Transcripts
from labeling.datasets.models import ReleaseImport
from labeling.datasets.verifying import MANIFEST
from labeling.queues.models import Round

CHUNK, CHUNK_CHARS = 500, 8_000_000  # records, and characters of text, held at once
Step = Callable[[int], None]


def write_release(
    *, into: ReleaseImport, release: Opened, checked: Checked, actor: User, step: Step = lambda n: None
) -> list[ImportBatch]:
    """Write everything that a release holds, and how it came here; the imports that its transcripts belong to.

    Cost: a fixed number of statements for each chunk of records, whose rows go in by COPY. Memory: one chunk, and about
    200 bytes for each record.

    Raises:
        CannotOpen: the project has something else under one of its names; nothing is written.
    """
    project = into.project
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        versions, channels = versions_in(project, checked, actor), channels_in(project, checked, actor)
        transcripts = _transcripts(project, into.name, release, checked, actor, step)
        rounds = _rounds(project, release, checked, transcripts.ids, versions, actor)
        evidence = Evidence(project.pk, channels, f"release:{into.pk}")
        labels = Labels(
            rounds, versions, people_of(project, checked.people), evidence, _moment(release.manifest), actor
        )
        for chunk in chunked(records_of(release), CHUNK, CHUNK_CHARS):
            records = [one for _, one in chunk]
            ids = [transcripts.ids[identity_of(one)] for one in records]
            evidence.write(records, ids, transcripts.fresh)
            labels.write(records, ids)
            evidence.people(labels.said, LABELS, transcripts.fresh)
            evidence.people(labels.ruled, RULINGS, transcripts.fresh)
            labels.said, labels.ruled = [], []
            step(len(records))
        for round in rounds.values():
            seat(round, labels.done.get(round.pk, {}))
        # last, since nothing may be removed from the storage from here to the end
        tracked = {str(one.get("key")) for one in release.manifest["tracks"]}
        tracks.write(release, transcripts.ids, channels, tracked, f"release:{into.pk}", step)
        attachments.write(release, checked.attachments, transcripts.carried, step)
        _done(into, release, checked, transcripts, list(rounds.values()), actor)
    return transcripts.batches


def _transcripts(
    project: Project, name: str, release: Opened, checked: Checked, actor: User, step: Step
) -> Transcripts:
    """The transcripts, those that branch off others after them."""
    made = Transcripts(project, name, actor, whole=checked.whole)
    for depth in range(max(checked.depth.values(), default=0) + 1):
        mine = ((n, one) for n, one in records_of(release) if checked.depth[identity_of(one)] == depth)
        for chunk in chunked(mine, CHUNK, CHUNK_CHARS):
            made.write(chunk)
            step(len(chunk))
    return made


def _rounds(
    project: Project,
    release: Opened,
    checked: Checked,
    ids: dict[str, int],
    versions: dict[str, Any],
    actor: User,
) -> dict[str, Round]:
    """A closed round for each of the release's that has records."""
    drawn: dict[str, list[int]] = {}
    digests: dict[str, str] = {}
    for _, one in records_of(release):
        name = one["round"]["name"]
        drawn.setdefault(name, []).append(ids[identity_of(one)])
        if digests.setdefault(name, one["round"]["codebook_digest"]) != one["round"]["codebook_digest"]:
            raise CannotOpen(f"the records of round {name!r} name several codebooks")
    return {
        name: round_in(project, checked.rounds[name], versions[digests[name]], drawn[name], actor)
        for name in checked.rounds
        if name in drawn
    }


def _moment(manifest: dict[str, Any]) -> datetime:
    """When everything in the release stood at the latest."""
    try:
        moment = datetime.fromisoformat(str(manifest["as_of"]))
        return moment if moment.tzinfo else moment.astimezone()
    except (KeyError, ValueError) as problem:
        raise CannotOpen(f"{MANIFEST}: as_of is no moment") from problem


def _done(
    into: ReleaseImport,
    release: Opened,
    checked: Checked,
    transcripts: Transcripts,
    rounds: list[Round],
    actor: User,
) -> None:
    into.counts = {
        "records": checked.records,
        "transcripts": len(transcripts.fresh),
        "already_there": checked.records - len(transcripts.fresh),
        "labels": checked.labels,
        "rulings": checked.rulings,
        "readings": checked.readings,
        "tracks": checked.tracks,
        "attachments": len(checked.attachments),
        "people": len(checked.people),
        "channels": len(checked.channels),
    }
    into.digest, into.done_at = release.digest, timezone.now()
    into.save(update_fields=["counts", "digest", "done_at"])
    into.rounds.set(rounds)
    record(
        verb="release.imported", subject=into, actor=actor, project_id=into.project_id, name=into.name,
        digest=release.digest, counts=into.counts,
    )  # fmt: skip
