"""The names that a project's filters may use, from a bounded look at its transcripts."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.cache import cache
from django.db.models import F, Func, TextField, Value

from auditor.corpus.models import Transcript, TranscriptQuerySet
from auditor.evidence.models import Channel
from auditor.evidence.nodes import FIELDS, Name, Node, name_text, names_in
from auditor.evidence.queries import MACHINE, Sight
from auditor.evidence.tokens import fault, nearest
from auditor.evidence.veils import NO_VEIL
from auditor.web.prepared import prepared

LOOKED_AT = 200  # transcripts: half the newest, half the oldest
DEEPEST = 4  # names of a metadata path
MOST = 300
KEPT = 600  # seconds
NEWEST = "SELECT id FROM corpus_transcript WHERE project_id = %s ORDER BY id DESC LIMIT 1"
# Whether one of the newest that are not veiled has a value at a path; as a range, by the project's own index.
HAS = f"""
    SELECT EXISTS (SELECT FROM (
        SELECT t.metadata FROM corpus_transcript t WHERE t.project_id >= %s AND t.project_id <= %s
        AND {NO_VEIL % {"expressions": "t.id, %s, 'machine'"}}
        ORDER BY t.project_id DESC, t.id DESC LIMIT %s) newest
    WHERE jsonb_extract_path_text(newest.metadata, VARIADIC %s::text[]) IS NOT NULL)
"""  # noqa: S608 - made of constants
Narrowed = Callable[[TranscriptQuerySet], TranscriptQuerySet]


def conditions(project_id: int) -> tuple[str, ...]:
    """The conditions that transcripts looked at declare."""
    key = f"conditions:{project_id}:{_newest(project_id)}"
    found: tuple[str, ...] | None = cache.get(key)
    if found is None:
        found = tuple(
            sorted({name for declared in _looked_at(project_id, "conditions", _all) for name in declared})
        )
        cache.set(key, found, KEPT)
    return found


def metadata(project_id: int, sight: Sight) -> tuple[tuple[str, ...], ...]:
    """Paths of metadata on transcripts that are not veiled to the person."""
    return _metadata(project_id, sight, sight.is_veiled_anywhere(project_id, [MACHINE]))


def _metadata(project_id: int, sight: Sight, veiled: bool) -> tuple[tuple[str, ...], ...]:
    if veiled:
        return _paths_of(project_id, lambda rows: sight.unveiled(rows, [MACHINE]))
    key = f"paths:{project_id}:{_newest(project_id)}"
    paths: tuple[tuple[str, ...], ...] | None = cache.get(key)
    if paths is None:
        paths = _paths_of(project_id, _all)
        cache.set(key, paths, KEPT)
    return paths


def _all(rows: TranscriptQuerySet) -> TranscriptQuerySet:
    return rows


def _paths_of(project_id: int, narrowed: Narrowed) -> tuple[tuple[str, ...], ...]:
    seen: dict[tuple[str, ...], None] = {}
    for metadata in _looked_at(project_id, "metadata", narrowed):
        for path in _paths(metadata, ()):
            if len(seen) < MOST:
                seen[path] = None
    return tuple(sorted(seen))


def has_condition(project_id: int, name: str) -> bool:
    """Whether any transcript of the project declares it; looks through all of them if none does."""
    key = f"condition:{project_id}:{_newest(project_id)}:{_digest(name)}"
    there: bool | None = cache.get(key)
    if there is None:
        there = Transcript.objects.of(project_id).filter(conditions__has_key=name).exists()
        cache.set(key, there, KEPT)
    return there


def check(node: Node, *, project_id: int, sight: Sight) -> None:
    """Whether all conditions and metadata that it names are known.

    Raises:
        FilterError: where an unknown name stands, and the nearest there is.
    """
    wanted = list(names_in(node))
    named = [name for name in wanted if name.sort == "condition"]
    declared = conditions(project_id) if named else ()
    for name in named:
        if name.path[0] not in declared and not has_condition(project_id, name.path[0]):
            near = _near(name, [Name("condition", (one,)) for one in declared])
            raise fault(f"No transcript has a condition {name.path[0]}.", name.position, near)
    named = [name for name in wanted if name.sort == "meta"]
    veiled = bool(named) and sight.is_veiled_anywhere(project_id, [MACHINE])
    if veiled:  # their paths are not kept, so what they name is looked for alone
        named = [name for name in named if not _newest_have(name.path, project_id, sight)]
    paths = _metadata(project_id, sight, veiled) if named else ()
    for name in named:
        if not _has_path(name.path, paths, project_id, sight):
            near = _near(name, [Name("meta", path) for path in paths])
            raise fault(f"No transcript has {name_text(name)}.", name.position, near)


def channel_named(name: Name, channels: Mapping[str, Channel]) -> Channel:
    """The channel of this name.

    Raises:
        FilterError: the project has none; the nearest may be a field of the language.
    """
    (key,) = name.path
    if key in channels:
        return channels[key]
    near = nearest(key, [*FIELDS, *channels])
    near = near if near in FIELDS or not near else name_text(Name("channel", (near,)))
    raise fault(f"There is no channel {key}.", name.position, near)


def _near(name: Name, others: list[Name]) -> str:
    return nearest(name_text(name), [name_text(other) for other in others])


def _newest_have(path: tuple[str, ...], project_id: int, sight: Sight) -> bool:
    with prepared() as cursor:
        cursor.execute(HAS, [project_id, project_id, sight.person_id, LOOKED_AT // 2, list(path)])
        ((found,),) = cursor.fetchall()
    return bool(found)


def _has_path(
    path: tuple[str, ...], paths: tuple[tuple[str, ...], ...], project_id: int, sight: Sight
) -> bool:
    if any(known[: len(path)] == path for known in paths):
        return True
    key = f"path:{project_id}:{_newest(project_id)}:{sight.person_id}:{_digest(*path)}"
    there: bool | None = cache.get(key)
    if there is None:
        rows = sight.unveiled(Transcript.objects.of(project_id), [MACHINE])
        segments = [Value(segment) for segment in path]
        text = Func(F("metadata"), *segments, function="jsonb_extract_path_text", output_field=TextField())
        there = rows.annotate(there=text).filter(there__isnull=False).exists()
        cache.set(key, there, KEPT)
    return there


def _digest(*names: str) -> str:
    return hashlib.sha256("\0".join(names).encode()).hexdigest()


def _newest(project_id: int) -> int:
    """Changes whenever anything is imported."""
    with prepared() as cursor:
        cursor.execute(NEWEST, [project_id])
        found = cursor.fetchone()
    return int(found[0]) if found else 0


def _looked_at(project_id: int, field: str, narrowed: Narrowed) -> Iterator[dict[str, Any]]:
    """The field of the newest and of the oldest; as a range, the project must be read by its own index."""
    mine = Transcript.objects.filter(project_id__gte=project_id, project_id__lte=project_id)
    for sign in ("-", ""):
        rows = narrowed(mine).order_by(f"{sign}project_id", f"{sign}pk")
        yield from rows.values_list(field, flat=True)[: LOOKED_AT // 2]


def _paths(value: Any, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths of everything in it that is no object, and of what lies too deep."""
    if isinstance(value, dict) and value and len(above) < DEEPEST:
        for name, inner in value.items():
            yield from _paths(inner, (*above, name))
    elif above:
        yield above
