"""How the transcripts divide by model, condition, channel and label, as far as a person may know.

Each facet counts what the other filters leave. Where that is more than can be counted one by one, it is
counted on a part that stands for all of it, scaled up and marked.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, F, Func, JSONField, Max, Q, Value
from django.db.models.fields.json import KeyTextTransform

from auditor.corpus.models import TranscriptQuerySet
from auditor.evidence import nodes
from auditor.evidence.bins import Tally
from auditor.evidence.estimates import SMALL, Glance, glance, rounded, sized
from auditor.evidence.filters import UNLABELED, Filter, matching, widened
from auditor.evidence.histograms import Counted, Histogram, histogram, tallies
from auditor.evidence.language import name_of
from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.nodes import Compare, Flag, Has, Name, Node
from auditor.evidence.queries import MACHINE, SCOPES, Sight
from auditor.evidence.rewriting import holds

MOST_VALUES = 12  # of one facet, the most frequent
MOST_CONDITIONS = 8
CACHED = 300  # seconds that counts of a whole large project are kept
FLAGS: dict[str, Node] = {
    "imported with a warning": Flag(Name("flag", ("warned",))), "has reasoning": Has(Name("number", ("reasoning",))),
    "has tool calls": Has(Name("number", ("tool_calls",))), "is a branch": Flag(Name("flag", ("branch",))),
}  # fmt: skip
HUES = {"intent": "intent", "hallucination": "halluc", "honest": "honest", "undetermined": "unsure"}


@dataclass(frozen=True)
class Choice:
    """One value of a facet."""

    value: str
    words: str
    n: int
    chosen: bool
    hue: str = ""


@dataclass(frozen=True)
class Condition:
    """A value that the expression can demand: of a metadata field, or a plain yes."""

    node: Node
    words: str
    n: int
    chosen: bool


@dataclass(frozen=True)
class Facets:
    """All that the side of a list shows."""

    models: list[Choice]
    conditions: list[tuple[str, list[Choice]]]
    histograms: list[Histogram]
    labels: list[Choice]
    flags: list[Condition]
    fields: list[tuple[str, list[Condition]]]
    about: bool  # counts are estimates


@dataclass(frozen=True)
class _Counts:
    """Plain counts: the same for everybody who may see the same evidence."""

    models: dict[str, int]
    conditions: dict[str, dict[str, int]]
    channels: dict[int, Counted]
    labels: list[tuple[str, str, str, int]]  # code, words, hue, transcripts
    flags: dict[str, int]
    fields: list[tuple[str, list[tuple[Any, int]]]]
    about: bool


def facets(
    filter: Filter,
    *,
    project_id: int,
    sight: Sight,
    channels: Mapping[str, Channel],
    shown: Sequence[Channel],
    total: int,
    fields: Sequence[tuple[str, ...]] = (),
) -> Facets:
    """The facets beside a list filtered by `filter`.

    Args:
        channels: the project's, by key.
        shown: the machine channels to draw histograms of.
        total: transcripts in the project.
        fields: paths of the metadata to count values of.
    """
    part = glance(project_id) if total > SMALL else None
    part = sized(part, project_id, total) if part is not None else None
    counting = _Counting(filter, project_id, sight, channels, part)
    if part is not None and not filter and not sight.is_veiled_anywhere(project_id, SCOPES):
        keys = ",".join([*(str(channel.pk) for channel in shown), *map(repr, fields)])
        key = f"facets:{project_id}:{total}:{hashlib.sha256(keys.encode()).hexdigest()}"
        counts = cache.get(key) or counting.counts(shown, fields)
        cache.set(key, counts, CACHED)
    else:
        counts = counting.counts(shown, fields)
    return _chosen(counts, filter, shown)


def hue_of(group: Any) -> str:
    """The colour class of a label's group."""
    return HUES.get(str(group or ""), "human")


@dataclass(frozen=True)
class _Counting:
    filter: Filter
    project_id: int
    sight: Sight
    channels: Mapping[str, Channel]
    part: Glance | None  # of a project too large to be counted one by one

    def counts(self, shown: Sequence[Channel], fields: Sequence[tuple[str, ...]]) -> _Counts:
        bounded = {bounds.key for bounds in self.filter.channels}
        rows = self._rows(self.filter)
        channels = tallies(
            self.sight,
            shown,
            rows=rows if self.filter or self.part else None,
            apart={c.key: self._rows(widened(self.filter, channel=c.key)) for c in shown if c.key in bounded},
        )
        scale = self._scale
        return _Counts(
            models=_scaled(self._models(), scale),
            conditions={name: _scaled(found, scale) for name, found in self._conditions(rows).items()},
            channels={pk: _larger(counted, scale) for pk, counted in channels.items()},
            labels=self._labels(),
            flags=_scaled(self._flags(rows), scale),
            fields=[(nodes.name_text(Name("meta", path)), self._field(path)) for path in fields],
            about=self.part is not None,
        )

    @property
    def _scale(self) -> float:
        return self.part.scale if self.part is not None else 1.0

    def _rows(
        self, filter: Filter, naming: Iterable[Channel] = (), *, whole: bool = False
    ) -> TranscriptQuerySet:
        """What matches; of a large project the part that stands for it, unless the `whole` is asked for."""
        rows = matching(
            filter, project_id=self.project_id, sight=self.sight, channels=self.channels, naming=naming,
            counted=False, scan=self.part is not None and not whole,
        ).rows  # fmt: skip
        return rows if self.part is None or whole else rows.filter(self.part.within)

    def _flags(self, rows: TranscriptQuerySet) -> dict[str, int]:
        counted = rows.order_by().aggregate(
            warned=Count("pk", filter=~Q(warnings=[])), reasoning=Count("pk", filter=Q(n_reasoning__gt=0)),
            calls=Count("pk", filter=Q(n_tool_calls__gt=0)), branches=Count("pk", filter=Q(parent__isnull=False)),
        )  # fmt: skip
        return dict(zip(FLAGS, counted.values(), strict=True))

    def _field(self, path: tuple[str, ...]) -> list[tuple[Any, int]]:
        """The most frequent values of a metadata field, on transcripts whose metadata the person may see."""
        rows = self.sight.unveiled(self._rows(self.filter), [MACHINE]).order_by()
        here = Func(
            F("metadata"), *[Value(segment) for segment in path], function="jsonb_extract_path",
            output_field=JSONField(),
        )  # fmt: skip
        counted = (
            rows.annotate(here=here).filter(here__isnull=False).values_list("here").annotate(n=Count("pk"))
        )
        return [
            (value, _times(n, self._scale)) for value, n in counted.order_by("-n")[: 2 * MOST_VALUES]
            if isinstance(value, str | int | float | bool) and len(str(value)) <= 80
        ][:MOST_VALUES]  # fmt: skip

    def _models(self) -> dict[str, int]:
        rows = self._rows(replace(self.filter, models=())).order_by()
        counted = rows.values_list("model_name").annotate(n=Count("pk"))
        return dict(counted.order_by("-n", "model_name")[:MOST_VALUES])

    def _conditions(self, rows: TranscriptQuerySet) -> dict[str, dict[str, int]]:
        """Counts by condition; a condition that is filtered by is counted as if it were not."""
        found = _by_condition(rows)
        for name, _ in self.filter.conditions:
            others = tuple(condition for condition in self.filter.conditions if condition[0] != name)
            widest = _by_condition(self._rows(replace(self.filter, conditions=others)))
            found[name] = widest.get(name, {})
        return found

    def _labels(self) -> list[tuple[str, str, str, int]]:
        """People's labels, most frequent first, and how many transcripts have none."""
        human = [channel for channel in self.channels.values() if channel.kind == HUMAN]
        if not human:
            return []
        others = replace(self.filter, labels=())
        rows = self._rows(others, naming=human, whole=True)
        said = self.sight.readings_on(human).exclude(label="").order_by()
        if others:
            said = said.filter(transcript__in=rows.values("pk"))
        counted = said.values_list("label").annotate(
            n=Count("transcript_id", distinct=True),
            words=Max(KeyTextTransform("words", "detail")),
            group=Max(KeyTextTransform("group", "detail")),
        )
        found = [
            (code, words or code, hue_of(group), n)
            for code, n, words, group in counted.order_by("-n", "label")[:MOST_VALUES]
        ]
        labelled = said.aggregate(n=Count("transcript_id", distinct=True))["n"]
        if self.part is None:
            return [*found, (UNLABELED, "unlabeled", "", rows.count() - labelled)]
        without = self._rows(replace(others, labels=(UNLABELED,)), naming=human)
        return [*found, (UNLABELED, "unlabeled", "", _times(without.count(), self._scale))]


def _chosen(counts: _Counts, filter: Filter, shown: Sequence[Channel]) -> Facets:
    """The counts with what is chosen marked."""
    chosen = dict(filter.conditions)
    bounds = {b.key: b for b in filter.channels}
    labels = [Choice(code, words, n, code in filter.labels, hue) for code, words, hue, n in counts.labels]
    known = {choice.value for choice in labels}
    return Facets(
        models=_choices(counts.models, filter.models),
        conditions=[
            (name, _choices(found, chosen.get(name, ())))
            for name, found in sorted(
                counts.conditions.items(), key=lambda item: (item[0] not in chosen, item[0])
            )
        ][:MOST_CONDITIONS],
        histograms=[histogram(c, counts.channels[c.pk], bounds.get(c.key)) for c in shown],
        labels=labels + [Choice(code, code, 0, True) for code in filter.labels if code not in known],
        flags=[
            Condition(node, words, counts.flags[words], holds(filter, node)) for words, node in FLAGS.items()
            if counts.flags[words] or holds(filter, node)
        ],
        fields=[(name, [_demand(name, value, n, filter) for value, n in found]) for name, found in counts.fields],
        about=counts.about,
    )  # fmt: skip


def _demand(name: str, value: Any, n: int, filter: Filter) -> Condition:
    """That a metadata field has this value."""
    kind: Any = "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    node = Compare(name_of(name), "=", nodes.Value(kind, value))
    return Condition(node, str(value).lower() if kind == "boolean" else str(value), n, holds(filter, node))


def _times(n: int, scale: float) -> int:
    return n if scale == 1.0 else rounded(n * scale)


def _scaled(counts: Mapping[str, int], scale: float) -> dict[str, int]:
    return {value: _times(n, scale) for value, n in counts.items()}


def _larger(counted: Counted, scale: float) -> Counted:
    """What was counted on a part, as of the whole."""
    if scale == 1.0:
        return counted
    bars = {bar: Tally(_times(t.n, scale), t.least, t.most) for bar, t in counted.bars.items()}
    return replace(counted, bars=bars, labels=_scaled(counted.labels, scale))


def _by_condition(rows: TranscriptQuerySet) -> dict[str, dict[str, int]]:
    """Name -> value -> transcripts, the most frequent values first."""
    try:
        sql, params = rows.order_by().values("conditions").query.sql_with_params()
    except EmptyResultSet:
        return {}
    found: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT c.key, c.value, count(*) FROM ({sql}) AS t, jsonb_each_text(t.conditions) AS c"  # noqa: S608  # the ORM's own, values are bound
            " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 500",
            params,
        )
        for name, value, n in cursor.fetchall():
            values = found.setdefault(name, {})
            if len(values) < MOST_VALUES:
                values[value] = n
    return found


def _choices(counts: Mapping[str, int], chosen: Iterable[str]) -> list[Choice]:
    """The values by count, and any chosen one that has none."""
    wanted = set(chosen)
    known = [Choice(value, value, n, value in wanted) for value, n in counts.items()]
    return known + [Choice(value, value, 0, True) for value in sorted(wanted - counts.keys())]
