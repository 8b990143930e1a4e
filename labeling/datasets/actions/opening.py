"""A release begins: what it is to be is checked and written down, and a run is opened for it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.evidence.filters import Filter, FilterError, matching
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.ledger.actions import record
from auditor.runs.actions import open_run
from labeling.datasets.actions.refusals import CannotRelease
from labeling.datasets.definition import EVERYTHING, BadDefinition, Definition
from labeling.datasets.models import Release, ReleaseRound
from labeling.datasets.planning import asks_evidence
from labeling.queues.models import Round

TASK = "datasets.build_release"
CHECK = "datasets.check_release"


def open_release(
    *, project: Project, name: str, rounds: Sequence[Round], parameters: Mapping[str, Any], actor: User
) -> Release:
    """A release waiting to be built; ring for it with `tasks.queue_build`.

    Args:
        parameters: a `definition.Definition` as plain data; what is missing is as usual.

    Raises:
        CannotRelease: no name or one that is taken, rounds of another project or by several codebooks, or settings
            that cannot be.
    """
    name = name.strip()
    if not name or len(name) > 150:
        raise CannotRelease("Give the dataset a name of at most 150 characters.", "name")
    definition = checked(project=project, rounds=rounds, parameters=parameters, actor=actor)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        if Release.objects.filter(project=project, name=name).exists():
            raise CannotRelease("A dataset of this name exists; a release is never overwritten.", "name")
        release = Release.objects.create(
            project=project, name=name, parameters=definition.to_json(), created_by=actor
        )
        ReleaseRound.objects.bulk_create(
            ReleaseRound(release=release, round=one) for one in sorted(rounds, key=lambda one: one.pk)
        )
        _open_run(release, actor)
        record(
            verb="release.opened", subject=release, actor=actor, project_id=project.pk, name=name,
            rounds=[one.pk for one in rounds], parameters=definition.published(),
        )  # fmt: skip
    return release


def checked(
    *, project: Project, rounds: Sequence[Round], parameters: Mapping[str, Any], actor: User
) -> Definition:
    """The definition that somebody asks for, if a release can be like that.

    Raises:
        CannotRelease: it cannot; the message says why.
    """
    try:
        definition = Definition.from_json(parameters)
        filter = Filter.from_json(definition.filter)
        late = asks_evidence(definition)
        matching(filter, project_id=project.pk, sight=visible_to(actor))
    except BadDefinition as problem:
        raise CannotRelease(str(problem), problem.field) from problem
    except (FilterError, TypeError, KeyError, AttributeError) as problem:
        words = str(problem) if isinstance(problem, FilterError) else "The filter cannot be read."
        raise CannotRelease(words, "filter") from problem
    if not rounds:
        raise CannotRelease("Choose a round at least.", "rounds")
    if any(one.project_id != project.pk for one in rounds):
        raise CannotRelease("The round must belong to this project.", "rounds")
    if len({one.codebook_version.codebook_id for one in rounds}) > 1:
        raise CannotRelease("The rounds of one dataset are all by one codebook.", "rounds")
    moment = definition.moment
    if moment is not None and moment > timezone.now():
        raise CannotRelease("That moment has not come yet.", "as_of")
    if moment is not None and late:
        raise CannotRelease(
            "What channels and people say is filtered as it stands now. A dataset of a past moment takes filters of "
            "words, models, conditions and metadata.",
            "filter",
        )
    _check_channels(project, definition)
    return definition


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


def open_check(*, release: Release, actor: User) -> Release:
    """A run that builds the release once more and compares every file; ring for it with `tasks.queue_check`.

    Raises:
        CannotRelease: it is not built, or being checked.
    """
    with transaction.atomic():
        rows = Release.objects.select_for_update(of=("self",)).select_related("check_run")
        locked = rows.get(pk=release.pk)
        if locked.built_at is None or (locked.check_run is not None and not locked.check_run.is_over):
            raise CannotRelease("It is not built yet, or being checked.")
        locked.check_run = open_run(
            project_id=locked.project_id, kind="release check", title=locked.name, task=CHECK, actor=actor,
            unit="records",
        )  # fmt: skip
        locked.save(update_fields=["check_run"])
        record(verb="release.check_asked", subject=locked, actor=actor, project_id=locked.project_id)
    return locked


def same_again(release: Release, moment: datetime | None = None) -> dict[str, Any]:
    """The parameters of a release like this one, of its own moment or another."""
    definition = Definition.from_json(release.parameters)
    when = moment or release.as_of
    return (definition.at(when) if when else definition).to_json()


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


def _check_channels(project: Project, definition: Definition) -> None:
    named = {*definition.channels, *definition.tracks} - {EVERYTHING}
    known = set(Channel.objects.filter(project=project, key__in=named).values_list("key", flat=True))
    if unknown := sorted(named - known):
        field = "channels" if unknown[0] in definition.channels else "tracks"
        raise CannotRelease(f"There is no channel '{unknown[0]}' here.", field)
