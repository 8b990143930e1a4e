"""Making releases: opened as a run, built in the background, then frozen."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.corpus.queries import messages_of
from auditor.interp.models import ProbeTraining, SubjectModel
from auditor.interp.tasks import queue_training
from auditor.judging.actions import write_version
from auditor.judging.examples import excerpt
from auditor.judging.models import JudgeVersion
from auditor.judging.rubric import parse_rubric
from auditor.ledger.actions import record
from auditor.runs.actions import Refused, Ticket, open_run
from labeling.adjudication.actions import settle_due
from labeling.datasets.card import card
from labeling.datasets.exporters import RecordFiles, digest_of, exporters_of
from labeling.datasets.licences import LICENCES
from labeling.datasets.manifest import Tally, context_of, manifest_of
from labeling.datasets.models import Release, ReleaseFile, ReleaseItem
from labeling.datasets.probing import CannotProbe, Contrast, Released, examples
from labeling.datasets.queries import Plan, hidden_from, plan
from labeling.datasets.rows import Records
from labeling.datasets.teaching import Candidate, CannotTeach, checked_answers, chosen, split_of
from labeling.queues.models import Round

TASK = "datasets.build_release"
SETTLED_AT_ONCE = 200


class CannotRelease(ValueError):
    """The release cannot be made like this; the message says why."""


def open_release(
    *, project: Project, name: str, round: Round, parameters: Mapping[str, Any], actor: User
) -> Release:
    """A release waiting to be built; ring for it with `tasks.queue_build`.

    Args:
        parameters: `include_text` and `include_evidence` (both true unless given), `licence` (a key
            of `LICENCES`), `seed` of the pseudonyms (0 unless given; the same seed keeps them).

    Raises:
        CannotRelease: no name or one that is taken, a round of another project, an unknown licence.
    """
    name = name.strip()
    given = {
        "include_text": bool(parameters.get("include_text", True)),
        "include_evidence": bool(parameters.get("include_evidence", True)),
        "licence": str(parameters.get("licence", "unlicensed")),
        "seed": int(parameters.get("seed", 0)),
    }
    if not name:
        raise CannotRelease("Give the dataset a name.")
    if round.project_id != project.pk:
        raise CannotRelease("The round must belong to this project.")
    if given["licence"] not in LICENCES:
        raise CannotRelease(f"There is no licence '{given['licence']}'.")
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        if Release.objects.filter(project=project, name=name).exists():
            raise CannotRelease("A dataset of this name exists; a release is never overwritten.")
        release = Release.objects.create(
            project=project, name=name, round=round, parameters=given, created_by=actor
        )
        _open_run(release, actor)
        record(
            verb="release.opened", subject=release, actor=actor, project_id=project.pk, name=name, round=round.pk,
            parameters=given,
        )  # fmt: skip
    return release


def build_again(*, release: Release, actor: User) -> Release:
    """Another run for a release whose building failed or was cancelled.

    Raises:
        CannotRelease: it is built, or being built.
    """
    with transaction.atomic():
        locked = Release.objects.select_for_update(of=("self",)).select_related("run").get(pk=release.pk)
        if locked.built_at is not None or (locked.run is not None and not locked.run.is_over):
            raise CannotRelease("It is built already, or being built.")
        _open_run(locked, actor)
        record(verb="release.tried_again", subject=locked, actor=actor, project_id=locked.project_id)
    return locked


def build(*, release: Release, ticket: Ticket) -> None:
    """Write the files of a release and freeze it; safe to repeat until it is built.

    Memory is bounded by one chunk of items and one Parquet row group. Files are stored under
    their digests, so equal files are stored once.

    Raises:
        Refused: nothing in the round has a ruling that may be released.
    """
    if release.built_at is not None:
        return
    _settle(release, ticket)
    planned = plan(release.round, release.created_by)
    if not planned.chosen:
        raise Refused(_nothing(planned))
    ticket.beat(done=0, total=len(planned.chosen), note="Writing", force=True)
    with TemporaryDirectory(prefix="auditor-release-") as scratch:
        folder = Path(scratch)
        tally, records = Tally(), Records(release, planned.last_label)
        formats = exporters_of(release.parameters.get("formats", ()))
        with RecordFiles(folder, formats, context_of(release)) as files:
            for chunk in planned.chunks():
                for one in records.of(chunk):
                    files.write(one)
                    tally.add(one)
                ticket.beat(done=tally.records)
        ticket.beat(done=tally.records, note="Storing", force=True)
        described = [_described(folder / name) for name in files.names]
        manifest = manifest_of(release, planned, tally, records, described, timezone.now())
        (folder / "README.md").write_text(card(manifest), encoding="utf-8")
        manifest["files"] = [*described, _described(folder / "README.md")]
        text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (folder / "manifest.json").write_text(text, encoding="utf-8")
        stored = [_store(release, one) for one in (*manifest["files"], _described(folder / "manifest.json"))]
        for file in stored:
            _keep(folder / file.name, file)
    _freeze(release, planned, manifest, stored)


def _open_run(release: Release, actor: User) -> None:
    run = open_run(
        project_id=release.project_id,
        kind="release",
        title=release.name,
        task=TASK,
        actor=actor,
        unit="records",
    )
    release.run = run
    release.save(update_fields=["run"])


def teach_judge(
    *,
    release: Release,
    version: JudgeVersion,
    answers: Mapping[str, Mapping[str, Any]],
    each: int,
    seed: int,
    actor: User,
    with_reasons: bool = False,
) -> JudgeVersion:
    """The judge's next version, with examples from a frozen release; which they are is kept with it.

    Args:
        answers: for each label that teaches, what the judge should answer on each dimension.
        each: examples of each label, at most.
        with_reasons: also send what adjudicators wrote, which may name people.

    Raises:
        CannotTeach: the release is not built or hidden from the actor, an answer is none, or nothing is left.
        DefinitionProblem, SameVersion: see `judging.actions.write_version`.
    """
    if release.built_at is None or hidden_from(release, actor):
        raise CannotTeach(
            "A dataset teaches once it is built, and nothing in it is hidden from you any more."
        )
    if version.imported or version.endpoint is None:
        raise CannotTeach("A judge that came in with a log cannot be taught.")
    if not 1 <= each <= 10:
        raise CannotTeach("Between 1 and 10 examples of each label.")
    said = checked_answers(parse_rubric(version.rubric), answers)
    rows = release.items.select_related("item__transcript", "ruling").order_by("order")
    reasons = {row.item.transcript_id: row.ruling.reason for row in rows}
    everything = [
        Candidate(
            one.pk, f"{one.record_digest}:{one.ordinal}", one.fingerprint, one.prompt_digest, row.ruling.label
        )
        for row in rows
        for one in [row.item.transcript]
    ]
    taken = chosen(everything, labels=said, each=each, seed=seed)
    if not taken:
        raise CannotTeach("No item of the dataset has one of these labels.")
    messages = messages_of([one.transcript_id for one in taken])
    examples = [
        {
            "transcript": one.transcript_id, "fingerprint": one.fingerprint, "label": one.label,
            "text": excerpt(messages[one.transcript_id]), "answer": said[one.label],
            "why": reasons[one.transcript_id] if with_reasons else "",
        }
        for one in taken
    ]  # fmt: skip
    source = {
        "release": release.pk, "name": release.name, "each": each, "seed": seed, "answers": said,
        "files": {file.name: file.digest for file in release.files.all()}, "split": split_of(taken, everything),
    }  # fmt: skip
    return write_version(
        judge=version.judge, endpoint=version.endpoint, model=version.model, rubric=version.rubric,
        template=version.template, parameters=version.parameters, renderer=version.renderer, votes=version.votes,
        examples=examples, examples_from=source, note=f"{len(examples)} examples from {release.name}", actor=actor,
    )  # fmt: skip


def train_probe(
    *,
    release: Release,
    subject: SubjectModel,
    name: str,
    positive: Collection[str],
    negative: Collection[str],
    actor: User,
    held_out: str = "",
    **settings: Any,
) -> ProbeTraining:
    """Train a probe on the labels of a frozen release, in the background.

    Args:
        positive, negative: labels that count as the behaviour, and as its absence; others teach nothing.
        held_out: "name=value" of a condition, or "model=value": what has no part in training.
        settings: see `interp.actions.trainings.open_training`.

    Raises:
        CannotProbe: the release is not built or hidden from the actor, or its labels are not enough.
        CannotDo: the model cannot be read, or a setting cannot be.
    """
    if release.built_at is None or hidden_from(release, actor):
        raise CannotProbe("A dataset trains once it is built, and nothing in it is hidden from you any more.")
    rows = list(release.items.select_related("item__transcript", "ruling").order_by("order"))
    contrast = Contrast.of(positive, negative, known={row.ruling.label for row in rows}, held_out=held_out)
    found = examples(
        (
            Released(
                one.pk, f"{one.record_digest}:{one.ordinal}", row.ruling.label, one.model_name, one.conditions
            )
            for row in rows
            for one in [row.item.transcript]
        ),
        contrast,
    )
    source = {
        "release": release.pk, "name": release.name, "contrast": contrast.to_json(),
        "files": {file.name: file.digest for file in release.files.all()},
    }  # fmt: skip
    return queue_training(
        project=release.project, subject=subject, name=name, examples=found, examples_from=source, actor=actor,
        **settings,
    )  # fmt: skip


def _settle(release: Release, ticket: Ticket) -> None:
    """Items that agree and were not looked at yet belong into the release too."""
    bound = release.round.items.count() // SETTLED_AT_ONCE + 1
    for _ in range(bound):
        ticket.beat(done=0, note="Settling what agrees")
        if settle_due(round_id=release.round_id, limit=SETTLED_AT_ONCE) < SETTLED_AT_ONCE:
            return


def _nothing(planned: Plan) -> str:
    counts = planned.exclusions
    said = {
        "waiting for labels": counts["below_overlap"],
        "waiting for a ruling": counts["open_case"],
        "hidden from you until your own label is committed or the round is closed": counts["hidden"],
    }
    parts = [f"{n} {words}" for words, n in said.items() if n]
    return f"Nothing to release yet: {'; '.join(parts) or 'the round has no items'}."


def _described(path: Path) -> dict[str, Any]:
    return {"name": path.name, "size": path.stat().st_size, "sha256": digest_of(path)}


def _store(release: Release, described: Mapping[str, Any]) -> ReleaseFile:
    digest = described["sha256"]
    path = f"releases/{digest[:2]}/{digest}"
    return ReleaseFile(
        release=release, name=described["name"], path=path, size=described["size"], digest=digest
    )


def _keep(path: Path, file: ReleaseFile) -> None:
    """Put the bytes into the storage unless they are there."""
    if default_storage.exists(file.path) and default_storage.size(file.path) == file.size:
        return
    default_storage.delete(file.path)  # half a file of a worker that died
    with path.open("rb") as bytes_:
        file.path = default_storage.save(file.path, File(bytes_))


def _freeze(release: Release, planned: Plan, manifest: dict[str, Any], files: list[ReleaseFile]) -> None:
    with transaction.atomic():
        locked = Release.objects.select_for_update().get(pk=release.pk)
        if locked.built_at is not None:  # another worker was faster
            return
        locked.manifest, locked.built_at = manifest, timezone.now()
        locked.save(update_fields=["manifest", "built_at"])
        ReleaseFile.objects.bulk_create(files)
        ReleaseItem.objects.bulk_create(
            [
                ReleaseItem(release=locked, order=order, item_id=one.item_id, ruling_id=one.ruling_id)
                for order, one in enumerate(planned.chosen)
            ],
            batch_size=5000,
        )
        record(
            verb="release.built", subject=locked, actor=locked.created_by, project_id=locked.project_id,
            counts=manifest["counts"], files={file.name: file.digest for file in files},
        )  # fmt: skip
