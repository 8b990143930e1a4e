"""Taking a project away as a whole: every row that belongs to it, and every file that only it names.

Which rows belong to it follows from the models themselves: whatever leads to the project by foreign keys. A new table
is covered as soon as it has one.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import connection, models, transaction

from auditor.accounts.models import Project, User
from auditor.corpus.models import Attachment, SourceFile
from auditor.corpus.sources import forget_unused, storage_lock
from auditor.evidence.models import Block, Shard, Track
from auditor.interp.models import Dictionary, Probe
from labeling.datasets.models import ImportedPerson, ReleaseFile, ReleaseShard

NAMING: tuple[tuple[type[models.Model], str], ...] = (
    (Attachment, "path"), (ReleaseFile, "path"), (Dictionary, "weights"), (Probe, "weights"), (Probe, "adapter"),
)  # fmt: skip


@dataclass
class Files:
    """What a project names in the file storage."""

    paths: set[str] = field(default_factory=set)
    sources: set[int] = field(default_factory=set)
    shards: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _Step:
    """How rows of a table are known to be of a project."""

    model: type[models.Model]
    depth: int
    condition: str  # with one place for the project's id


def belonging() -> list[_Step]:
    """Every table whose rows belong to one project, those furthest from it first."""
    known: dict[type[models.Model], _Step] = {Project: _Step(Project, 0, "id = %s")}
    tables = apps.get_models(include_auto_created=True)
    for sure in (True, False):  # by keys that are never empty wherever there is such a way
        waiting = deque(known)
        while waiting:
            parent = waiting.popleft()
            for model in tables:
                for one in model._meta.concrete_fields if model not in known else ():
                    if one.is_relation and one.related_model is parent and not (sure and one.null):
                        known[model] = _below(known[parent], model, one)
                        waiting.append(model)
                        break
    return sorted(known.values(), key=lambda step: -step.depth)


def _below(above: _Step, model: type[models.Model], key: Any) -> _Step:
    inside = f'SELECT "{key.target_field.column}" FROM "{above.model._meta.db_table}" WHERE {above.condition}'  # noqa: S608  # names of ours
    return _Step(model, above.depth + 1, f'"{key.column}" IN ({inside})')


def files_of(project: Project) -> Files:
    """What the project's rows name in the file storage."""
    steps = {step.model: step for step in belonging()}
    found = Files()
    with connection.cursor() as cursor:

        def column(model: type[models.Model], name: str) -> set[object]:
            step = steps[model]
            cursor.execute(
                f'SELECT DISTINCT "{name}" FROM "{model._meta.db_table}" WHERE {step.condition}',  # noqa: S608
                [project.pk],
            )
            return {value for (value,) in cursor.fetchall() if value not in (None, "")}

        for model, name in NAMING:
            found.paths |= {str(path) for path in column(model, name)}
        for model in steps:
            for one in model._meta.concrete_fields:
                if one.is_relation and one.related_model is SourceFile:
                    found.sources |= {int(str(pk)) for pk in column(model, str(one.column))}
        for model in (Track, Block, ReleaseShard):
            found.shards |= {int(str(pk)) for pk in column(model, "shard_id")}
    return found


def remove_rows(project: Project) -> dict[str, int]:
    """Delete everything that belongs to the project, and the project; how many rows of each table.

    The caller holds the transaction. The database lets rows that stand for ever go only here, since the project's own
    row says that it is being removed.
    """
    counts: dict[str, int] = {}
    people = list(ImportedPerson.objects.filter(project=project).values_list("user_id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('auditor.removing', %s, true)", [str(project.pk)])
        for step in belonging():
            table = step.model._meta.db_table
            cursor.execute(f'DELETE FROM "{table}" WHERE {step.condition}', [project.pk])  # noqa: S608
            if cursor.rowcount:
                counts[table] = cursor.rowcount
        cursor.execute("SELECT set_config('auditor.removing', '', true)")
    if people:  # they stood for people of a release here, and for nobody else
        _, gone = User.objects.filter(pk__in=people).delete()
        counts |= {apps.get_model(label)._meta.db_table: n for label, n in gone.items()}
    return counts


def forget_files(files: Files) -> None:
    """Remove those of the files that no row names any more; call it outside a transaction, once the rows are gone."""
    forget_unused(sorted(files.sources))
    for pk in sorted(files.shards):
        collect_shard(pk)
    for path in sorted(files.paths):
        with transaction.atomic():
            storage_lock(alone=True)
            if not any(model._default_manager.filter(**{name: path}).exists() for model, name in NAMING):
                _delete(path)


def collect_shard(pk: int) -> bool:
    """Remove a shard that no track, block or dataset names, row and bytes; whether it went."""
    with transaction.atomic():
        storage_lock(alone=True)
        row = Shard.objects.filter(pk=pk).first()
        if row is None or any(
            model._default_manager.filter(shard_id=pk).exists() for model in (Track, Block, ReleaseShard)
        ):
            return False
        row.delete()
    with transaction.atomic():
        storage_lock(alone=True)
        if not Shard.objects.filter(path=row.path).exists():
            default_storage.delete(row.path)
    return True


def _delete(path: str) -> None:
    """A file, or the files of a folder."""
    for name in _inside(path):
        default_storage.delete(f"{path}/{name}")
    default_storage.delete(path)


def _inside(path: str) -> Iterable[str]:
    try:
        return default_storage.listdir(path)[1]
    except (NotADirectoryError, FileNotFoundError):
        return []
