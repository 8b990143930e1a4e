"""A release is built: planned as of one moment, written file by file, stored under its digests.

Written twice from one definition and moment its bytes are the same, which `check` proves for any release.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from auditor.corpus.sources import storage_lock, store_once
from auditor.ledger.actions import record
from auditor.runs.actions import Refused, Ticket
from auditor.runs.beating import beating
from labeling.adjudication.actions import settle_due
from labeling.adjudication.models import Ruling
from labeling.annotations.models import LabelRevision
from labeling.codebooks.queries import definition_of
from labeling.codebooks.written import write_text
from labeling.datasets import verifying
from labeling.datasets.actions.holding import channels_of, hold
from labeling.datasets.agreeing import figures_of
from labeling.datasets.card import card
from labeling.datasets.carrying import write_attachments
from labeling.datasets.citing import cff
from labeling.datasets.collecting import seldom_collected
from labeling.datasets.definition import Definition
from labeling.datasets.exporters import RecordFiles, digest_of, exporters_of
from labeling.datasets.manifest import Tally, beginning_of, codebook_file, context_of, manifest_of
from labeling.datasets.models import Release, ReleaseChannel, ReleaseFile
from labeling.datasets.planning import Plan, asks_evidence, plan
from labeling.datasets.queries import hidden_from
from labeling.datasets.reading_ahead import beside, read_ahead
from labeling.datasets.redaction import TooSlow
from labeling.datasets.rows import Records
from labeling.datasets.rows.evidence import declared
from labeling.datasets.tracking import TrackFiles
from labeling.datasets.worthing import prevalence_of, worth_of
from labeling.queues.models import Round

SETTLED_AT_ONCE = 200
VERIFY = "verify.py"  # the text of `verifying`
RECENT = timedelta(hours=1)  # a moment that transactions may still write into
Beat = Callable[[int, str], None]


@dataclass(frozen=True)
class Made:
    """The files of a release in a folder, with what each is."""

    manifest: dict[str, Any]
    files: list[dict[str, Any]]  # name, size, sha256


@seldom_collected()
def build(*, release: Release, ticket: Ticket) -> None:
    """Write the files of a release and store them; safe to repeat until it is built.

    Its moment is fixed first, so its items are the same when a worker dies and another goes on; beside the writing they are
    written down, and nothing is stored before they are. Memory is bounded by the plan, one chunk of items and one Parquet row
    group. Files are stored under their digests, so equal files are stored once.

    Raises:
        Refused: nothing in the rounds may be released, or a pattern takes too long.
    """
    if release.built_at is not None:
        return

    def beat(done: int, note: str) -> None:
        ticket.beat(done=done, note=note)

    rounds = rounds_of(release)
    planned = _fixed(release, rounds, beat)
    ticket.beat(done=0, total=len(planned.chosen), note="Writing", force=True)
    with (
        beside(lambda: hold(release, planned)) as held,
        TemporaryDirectory(prefix="auditor-release-") as scratch,
    ):
        folder = Path(scratch)
        made = write_files(release, planned, rounds, folder, beat, held)
        ticket.beat(done=len(planned.chosen), note="Storing", force=True)
        with beating(ticket), transaction.atomic():
            storage_lock()  # until the rows that name them are there, nobody takes these files for unused
            stored = [stored_file(release, one) for one in made.files]
            for file in stored:
                keep_file(folder / file.name, file)
            _finish(release, made.manifest, stored)


@seldom_collected()
def check(*, release: Release, ticket: Ticket) -> None:
    """Build once more, in a folder that goes away, and compare every file with what is stored.

    Raises:
        Refused: a file differs or is missing, or the maker may no longer see all that is in it.
    """
    if release.built_at is None or release.as_of is None:
        raise Refused("It is not built yet.")
    if hidden_from(release, release.created_by):
        raise Refused(
            "Something in it is hidden from whoever made it, so it cannot be built on their behalf now."
        )
    rounds = rounds_of(release)
    planned = _planned(release, rounds, release.as_of, lambda done, note: ticket.beat(done=done, note=note))
    ticket.beat(done=0, total=len(planned.chosen), note="Writing once more", force=True)
    with TemporaryDirectory(prefix="auditor-check-") as scratch:
        made = write_files(
            release, planned, rounds, Path(scratch), lambda done, note: ticket.beat(done=done, note=note)
        )
    stored = dict(release.files.values_list("name", "digest"))
    again = {one["name"]: one["sha256"] for one in made.files}
    differing = sorted(name for name in stored.keys() | again.keys() if stored.get(name) != again.get(name))
    with transaction.atomic():
        record(
            verb="release.checked", subject=release, actor=ticket.run.created_by, project_id=release.project_id,
            differing=differing,
        )  # fmt: skip
    if differing:
        raise Refused(f"Not the same: {', '.join(differing)}.")
    ticket.beat(
        done=len(planned.chosen), note=f"All {len(stored)} files are the same, byte for byte.", force=True
    )


def rounds_of(release: Release) -> list[Round]:
    """The rounds that a release takes labels from, with what planning and writing look at."""
    rows = release.rounds.select_related("codebook_version__codebook", "sample")
    return list(rows.defer("sample__frame_ids").order_by("pk"))


def write_files(
    release: Release,
    planned: Plan,
    rounds: Sequence[Round],
    folder: Path,
    beat: Beat,
    held: Callable[[], None] | None = None,
) -> Made:
    """Every file of a release into a folder; the manifest comes last and names all others.

    Args:
        held: returns once the items are written down, which they are beside the records; files that the release does not
            make are read after that.
    """
    beginning = beginning_of(release, planned, rounds)
    tally, records = Tally(), Records(release, planned)
    formats = exporters_of(Definition.from_json(release.parameters).formats)
    tracks = TrackFiles(folder, records.definition.tracks, records.sight, planned.moment)
    if tracks.keys and held is not None:
        held()
    try:
        with (
            beside(lambda: figures_of(planned, rounds)) as agreement,
            tracks,
            RecordFiles(folder, formats, context_of(release, rounds, beginning)) as files,
            read_ahead(records.fetched(chunk) for chunk in planned.chunks()) as chunks,
        ):
            for found in chunks:
                made = []
                for one in records.made(found):
                    files.write(one)
                    tally.add(one)
                    if tracks.keys:
                        made.append(one)
                if made:
                    tracks.add(found.chosen, made)
                beat(tally.records, "Writing")
    except TooSlow as problem:
        raise Refused(str(problem)) from problem
    if held is not None:
        held()
    beat(tally.records, "Copying attachments")
    carried = write_attachments(
        folder, release, tally.carried, beat=lambda: beat(tally.records, "Copying attachments")
    )
    names = [*files.names, *tracks.names, *carried]
    newest = max((one.codebook_version for one in rounds), key=lambda one: one.number)
    for version in {one.pk: one for one in [*records.versions, newest]}.values():
        name = codebook_file(version.number, beginning)
        (folder / name).write_text(write_text(definition_of(version)), encoding="utf-8")
        names.append(name)
    beat(tally.records, "Measuring agreement")
    manifest = manifest_of(
        beginning, planned, tally, records, definition_of(newest), agreement(),
        [described(folder, name) for name in names],
    )  # fmt: skip
    return Made(manifest, write_words(release, manifest, folder))


def write_words(release: Release, manifest: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """The card, the citation, what verifies them, and the manifest itself; what all files are."""
    words = ("CITATION.cff", "README.md", VERIFY)
    (folder / "README.md").write_text(card(manifest, release.prose), encoding="utf-8")
    (folder / "CITATION.cff").write_text(cff(manifest), encoding="utf-8")
    (folder / VERIFY).write_bytes(Path(verifying.__file__).read_bytes())
    others = [one for one in manifest["files"] if one["name"] not in words]
    manifest["files"] = [*others, *(described(folder, name) for name in words)]
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / verifying.MANIFEST).write_text(text, encoding="utf-8")
    named = [*manifest["files"], described(folder, verifying.MANIFEST)]
    sums = "".join(
        f"{one['sha256']}  {one['name']}\n" for one in sorted(named, key=lambda one: str(one["name"]))
    )
    (folder / verifying.SUMS).write_text(sums, encoding="utf-8")
    return [*named, described(folder, verifying.SUMS)]


def described(folder: Path, name: str) -> dict[str, Any]:
    """A file as the manifest lists it."""
    path = folder / name
    return {"name": name, "size": path.stat().st_size, "sha256": digest_of(path)}


def stored_file(release: Release, one: Mapping[str, Any]) -> ReleaseFile:
    """The row of a file, which is not saved yet."""
    digest = one["sha256"]
    path = f"releases/{digest[:2]}/{digest}"
    return ReleaseFile(release=release, name=one["name"], path=path, size=one["size"], digest=digest)


def keep_file(path: Path, file: ReleaseFile) -> None:
    """Move the bytes into the storage unless they are there."""
    if default_storage.exists(file.path) and default_storage.size(file.path) == file.size:
        return
    default_storage.delete(file.path)  # half a file of a worker that died
    store_once(file.path, path)


def _fixed(release: Release, rounds: Sequence[Round], beat: Beat) -> Plan:
    """The plan, with the moment and what it does not tell written down; made once, then the same each time."""
    if release.as_of is None:
        definition = Definition.from_json(release.parameters)
        if definition.moment is None:
            for round in rounds:
                _settle(round, beat)
        moment = definition.moment or timezone.now()
        _wait_for_writers(moment)
    else:
        moment = release.as_of
    planned = _planned(release, rounds, moment, beat)
    if not planned.chosen:
        raise Refused(_nothing(planned))
    with transaction.atomic():
        locked = Release.objects.select_for_update().get(pk=release.pk)
        first = locked.as_of is None
        release.as_of = locked.as_of = locked.as_of or moment
        if not release.channels.exists():
            ReleaseChannel.objects.bulk_create(
                ReleaseChannel(release=release, channel=one, declared=declared(one))
                for one in channels_of(release, planned)
            )
        if first:
            locked.named = _names(release, rounds, planned)
            locked.save(update_fields=["as_of", "named"])
        release.named = locked.named
    return planned


def _planned(release: Release, rounds: Sequence[Round], moment: datetime, beat: Beat) -> Plan:
    definition = Definition.from_json(release.parameters)
    return plan(
        rounds, definition, release.created_by, moment,
        matched=release.named.get("matched"),
        beat=lambda n: beat(0, f"Looking for near duplicates: {n:,} read"),
    )  # fmt: skip


def _names(release: Release, rounds: Sequence[Round], planned: Plan) -> dict[str, Any]:
    """What the moment does not tell: what things are called, and what others measured, as it stands now."""
    definition = Definition.from_json(release.parameters)
    project = release.project
    channels = [one.channel for one in release.channels.select_related("channel")]
    named: dict[str, Any] = {
        "worth": worth_of(channels, release.created_by, planned.moment),
        "prevalence": prevalence_of(rounds, release.created_by, planned.moment),
        "project": {"name": project.name, "slug": project.slug},
        "created_by": release.created_by.name,
        "rounds": {str(one.pk): one.name for one in rounds},
    }
    if asks_evidence(definition):
        named["matched"] = sorted(planned.matched or ())
    if not definition.pseudonyms:
        ids = [one.item_id for one in planned.chosen]
        reviewers = LabelRevision.objects.filter(item_id__in=ids).order_by()
        ruled = Ruling.objects.filter(item_id__in=ids, adjudicator__isnull=False).order_by()
        people = {*reviewers.values_list("reviewer_id", "reviewer__name").distinct()}
        people |= {*ruled.values_list("adjudicator_id", "adjudicator__name").distinct()}
        named["people"] = {str(pk): name for pk, name in sorted(people)}
    return named


def _wait_for_writers(moment: datetime) -> None:
    """Let labels, rulings and readings of before the moment that are being written come in first.

    A row gets its moment before its transaction is committed; without the wait one could turn up after the plan was
    made, and the same moment would mean two things.

    Raises:
        OperationalError: somebody writes for longer than ten seconds; the run is tried again.
    """
    if moment < timezone.now() - RECENT:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '10s'")
        cursor.execute(
            "LOCK TABLE annotations_labelrevision, adjudication_ruling, evidence_reading, evidence_track,"
            " evidence_block IN SHARE MODE"
        )


def _settle(round: Round, beat: Beat) -> None:
    """Items that agree and were not looked at yet belong into the release too."""
    bound = round.items.count() // SETTLED_AT_ONCE + 1
    for _ in range(bound):
        beat(0, "Settling what agrees")
        if settle_due(round_id=round.pk, limit=SETTLED_AT_ONCE) < SETTLED_AT_ONCE:
            return


def _nothing(planned: Plan) -> str:
    said = {
        "below_overlap": "waiting for labels",
        "open_case": "waiting for a ruling",
        "hidden": "hidden from you until your own label is committed or the round is closed",
    }
    parts = [
        f"{n:,} {said.get(reason, planned.words.get(reason, reason))}"
        for reason in planned.words
        if (n := planned.exclusions[reason])
    ]
    return f"Nothing to release yet: {'; '.join(parts) or 'there are no items'}."


def _finish(release: Release, manifest: dict[str, Any], files: list[ReleaseFile]) -> None:
    with transaction.atomic():
        locked = Release.objects.select_for_update().get(pk=release.pk)
        if locked.built_at is not None:  # another worker was faster
            return
        locked.manifest, locked.built_at = manifest, timezone.now()
        locked.save(update_fields=["manifest", "built_at"])
        ReleaseFile.objects.bulk_create(files)
        record(
            verb="release.built", subject=locked, actor=locked.created_by, project_id=locked.project_id,
            counts=manifest["counts"], files={file.name: file.digest for file in files},
        )  # fmt: skip
