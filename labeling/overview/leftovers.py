"""Files of the storage that no row names any more: a worker that died between rows and files leaves some, and they go here.

A file is looked for in every column that names files. It goes only if it is a day old, so that whoever has stored it had
time to write its row, and only while nobody else stores or removes anything.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from posixpath import dirname

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import OperationalError, connection, models, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from auditor.corpus.models import SourceFile
from auditor.corpus.sources import forget_unused, storage_is_free
from auditor.evidence.models import Shard
from labeling.overview.removal import NAMING, collect_shard

FOLDERS = (
    "attachments",
    "dictionaries",
    "probes",
    "releases",
    "shards",
    "sources",
)  # whose files are named by rows
NAMED: tuple[tuple[type[models.Model], str], ...] = (*NAMING, (Shard, "path"), (SourceFile, "path"))
AGE = timedelta(days=1)
PATIENCE = "2s"  # for locks that others hold
LOOKED_AT, REMOVED = 10_000, 500  # files at once


def sweep(*, now: datetime | None = None) -> int:
    """Remove what no row names, as long as nobody stores anything meanwhile; how many files went. Safe to run at any time.

    Rows that name files and are named by nothing themselves (source files, shards) go first.
    """
    before = (now or timezone.now()) - AGE
    with transaction.atomic():
        if not storage_is_free():
            return 0
    gone = 0
    try:
        with _impatient():
            for pk in _unreferenced(SourceFile, before):
                gone += forget_unused([pk])
            for pk in _unreferenced(Shard, before):
                gone += collect_shard(pk)
    except OperationalError:  # somebody stores now; whoever waits long for them holds up all others
        return gone
    for paths in _batches(path for folder in FOLDERS for path in _inside(folder)):
        old = [path for path in unnamed(paths) if _is_older(path, before)]
        for start in range(0, len(old), REMOVED):
            with transaction.atomic():
                if not storage_is_free():
                    return gone
                for path in unnamed(old[start : start + REMOVED]):
                    default_storage.delete(path)
                    gone += 1
    return gone


@contextmanager
def _impatient() -> Iterator[None]:
    """While this lasts no lock is waited for longer than `PATIENCE`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [PATIENCE])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def unnamed(paths: Iterable[str]) -> list[str]:
    """Those of these files that no row names, nor the folder that they are in."""
    wanted = list(paths)
    asked = {*wanted, *map(dirname, wanted)}
    named: set[str] = set()
    for model, column in NAMED:
        rows = model._default_manager.filter(**{f"{column}__in": asked})
        named |= set(rows.values_list(column, flat=True))
    return [path for path in wanted if path not in named and dirname(path) not in named]


def _unreferenced(kind: type[SourceFile] | type[Shard], before: datetime) -> list[int]:
    """Rows of before that no other row refers to."""
    rows = kind._default_manager.filter(created_at__lt=before)
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if field.is_relation and field.related_model is kind:
                rows = rows.exclude(Exists(model._default_manager.filter(**{field.name: OuterRef("pk")})))
    return list(rows.values_list("pk", flat=True))


def _inside(folder: str) -> Iterator[str]:
    """Every file in a folder of the storage and below."""
    try:
        folders, files = default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (f"{folder}/{name}" for name in sorted(files))
    for name in sorted(folders):
        yield from _inside(f"{folder}/{name}")


def _batches(paths: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for path in paths:
        some.append(path)
        if len(some) == LOOKED_AT:
            yield some
            some = []
    if some:
        yield some


def _is_older(path: str, before: datetime) -> bool:
    try:
        return default_storage.get_modified_time(path) < before
    except FileNotFoundError:
        return False
