"""How the transcripts divide by model, condition, channel and label, as far as a person may know.

Each facet counts what the other filters leave. In a large project that would take too long, and the
counts are those of the whole project, marked as such.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Max
from django.db.models.fields.json import KeyTextTransform

from auditor.corpus.models import TranscriptQuerySet
from auditor.evidence.filters import UNLABELED, Filter, matching, widened
from auditor.evidence.histograms import Counted, Histogram, histogram, tallies
from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import SCOPES, Sight

SMALL = 50_000  # transcripts; above, counts are of the whole project
MOST_VALUES = 12  # of one facet, the most frequent
MOST_CONDITIONS = 8
CACHED = 300  # seconds that counts of a whole large project are kept
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
class Facets:
    """All that the side of a list shows."""

    models: list[Choice]
    conditions: list[tuple[str, list[Choice]]]
    histograms: list[Histogram]
    labels: list[Choice]
    whole: bool  # counts are of the whole project, whatever the filter


@dataclass(frozen=True)
class _Counts:
    """Plain counts: the same for everybody who may see the same evidence."""

    models: dict[str, int]
    conditions: dict[str, dict[str, int]]
    channels: dict[int, Counted]
    labels: list[tuple[str, str, str, int]]  # code, words, hue, transcripts


def facets(
    filter: Filter,
    *,
    project_id: int,
    sight: Sight,
    channels: Mapping[str, Channel],
    shown: Sequence[Channel],
    total: int,
) -> Facets:
    """The facets beside a list filtered by `filter`.

    Args:
        channels: the project's, by key.
        shown: the machine channels to draw histograms of.
        total: transcripts in the project.
    """
    whole = total > SMALL
    counting = _Counting(Filter() if whole else filter, project_id, sight, channels)
    if whole and not sight.n_veiled(project_id, SCOPES):
        key = f"facets:{project_id}:{total}:" + ",".join(str(channel.pk) for channel in shown)
        counts = cache.get(key) or counting.counts(shown)
        cache.set(key, counts, CACHED)
    else:
        counts = counting.counts(shown)
    return _chosen(counts, filter, shown, whole)


def hue_of(group: Any) -> str:
    """The colour class of a label's group."""
    return HUES.get(str(group or ""), "human")


@dataclass(frozen=True)
class _Counting:
    filter: Filter
    project_id: int
    sight: Sight
    channels: Mapping[str, Channel]

    def counts(self, shown: Sequence[Channel]) -> _Counts:
        bounded = {bounds.key for bounds in self.filter.channels}
        rows = self._rows(self.filter)
        return _Counts(
            models=self._models(),
            conditions=self._conditions(rows),
            channels=tallies(
                self.sight,
                shown,
                rows=rows if self.filter else None,
                apart={
                    c.key: self._rows(widened(self.filter, channel=c.key)) for c in shown if c.key in bounded
                },
            ),
            labels=self._labels(),
        )

    def _rows(self, filter: Filter, naming: Iterable[Channel] = ()) -> TranscriptQuerySet:
        return matching(
            filter,
            project_id=self.project_id,
            sight=self.sight,
            channels=self.channels,
            naming=naming,
            counted=False,
        ).rows

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
        rows = self._rows(others, naming=human)
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
        return [*found, (UNLABELED, "unlabeled", "", rows.count() - labelled)]


def _chosen(counts: _Counts, filter: Filter, shown: Sequence[Channel], whole: bool) -> Facets:
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
        whole=whole,
    )


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
