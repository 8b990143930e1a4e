"""Which transcripts: one frozen description shared by lists, facets, samples and exports.

    ?q=words & model=NAME & cond.NAME=VALUE & ch.KEY=lo..hi & ch.KEY==LABEL & label=CODE & id=ID & where=EXPRESSION

The address holds the whole of it. Several values of one name are alternatives; different names all
hold, and so does the expression, in the language of `evidence.language`. A filter that names a channel leaves out every transcript veiled to the person who asks, and
says how many those are.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict

from auditor.corpus.models import Transcript, TranscriptQuerySet
from auditor.corpus.words import WordsError
from auditor.evidence import names
from auditor.evidence.compile import compiled, condition_is, gathers, named, said_by_people
from auditor.evidence.language import names_in, parse
from auditor.evidence.models import HUMAN, Channel, Rollup
from auditor.evidence.queries import MACHINE, Sight, channels_of, scope_of
from auditor.evidence.tokens import FilterError, nearest

__all__ = [
    "CHANNEL", "CONDITION", "UNLABELED", "Bounds", "Filter", "FilterError", "Matched", "check_names", "matching", "nearest", "widened",
]  # fmt: skip

UNLABELED = "none"  # the label of transcripts that nobody has labelled
CHANNEL, CONDITION = "ch.", "cond."
PEOPLE = ("label", "labeled", "ruling")  # fields of the language that tell what people said


@dataclass(frozen=True)
class Bounds:
    """A channel's roll-up between two ends (inclusive; None is open), or with this label."""

    key: str
    lo: float | None = None
    hi: float | None = None
    label: str = ""

    def as_text(self) -> str:
        """`0.5..1`, or `=label`."""
        return f"={self.label}" if self.label else f"{_plain(self.lo)}..{_plain(self.hi)}"

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends as they are written; an open one is empty."""
        return _plain(self.lo), _plain(self.hi)

    def in_words(self, name: str = "") -> str:
        """For people: `quill ≥ 0.5`."""
        name = name or self.key
        if self.label:
            return f"{name} is {self.label}"
        if self.lo is not None and self.hi is not None:
            return f"{name} {_plain(self.lo)} to {_plain(self.hi)}"
        if self.lo is not None:
            return f"{name} ≥ {_plain(self.lo)}"
        return f"{name} ≤ {_plain(self.hi)}" if self.hi is not None else f"{name} has a value"


@dataclass(frozen=True)
class Filter:
    """A description of transcripts; equal descriptions are equal and hash alike."""

    words: str = ""  # web-search form: "a phrase", -without, or
    models: tuple[str, ...] = ()
    conditions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    channels: tuple[Bounds, ...] = ()
    labels: tuple[str, ...] = ()  # codes of people's labels, or UNLABELED
    external_id: str = ""  # whole, or its beginning followed by *
    where: str = ""  # an expression of the filter language

    def __bool__(self) -> bool:
        """Whether it says anything at all."""
        return self != Filter()

    @classmethod
    def from_query(cls, query: QueryDict) -> "Filter":
        """The filter in an address; parameters that are not the filter's are left alone.

        Raises:
            FilterError: the ends of a channel, or the expression, cannot be read.
        """
        conditions, channels = {}, []
        where = _clean(query.get("where", ""))
        if where:
            parse(where)
        for name in sorted(query):
            if name.startswith(CONDITION):
                conditions[_clean(name.removeprefix(CONDITION))] = _several(query.getlist(name))
            elif name.startswith(CHANNEL):
                bounds = _bounds(_clean(name.removeprefix(CHANNEL)), [_clean(v) for v in query.getlist(name)])
                channels += [bounds] if bounds else []
        return cls(
            words=_clean(query.get("q", "")),
            models=_several(query.getlist("model")),
            conditions=tuple(sorted(conditions.items())),
            channels=tuple(sorted(channels, key=lambda bounds: bounds.key)),
            labels=tuple(label for label in _several(query.getlist("label")) if label),
            external_id=_clean(query.get("id", "")),
            where=where,
        )

    def to_pairs(self) -> list[tuple[str, str]]:
        """Name and value of each parameter, in the order that `to_query` writes."""
        pairs = [("q", self.words)] if self.words else []
        pairs += [("model", model) for model in self.models]
        pairs += [(CONDITION + name, value) for name, values in self.conditions for value in values]
        pairs += [(CHANNEL + bounds.key, bounds.as_text()) for bounds in self.channels]
        pairs += [("label", label) for label in self.labels]
        pairs += [("id", self.external_id)] if self.external_id else []
        return pairs + ([("where", self.where)] if self.where else [])

    def to_query(self) -> str:
        """The address form, without a question mark; `from_query` reads it back."""
        return urlencode(self.to_pairs())

    def to_json(self) -> dict[str, Any]:
        """What a sample or release keeps of it."""
        return {
            "words": self.words,
            "models": list(self.models),
            "conditions": {name: list(values) for name, values in self.conditions},
            "channels": [{"key": b.key, "lo": b.lo, "hi": b.hi, "label": b.label} for b in self.channels],
            "labels": list(self.labels),
            "external_id": self.external_id,
            "where": self.where,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Filter":
        """What `to_json` kept."""
        return cls(
            words=kept.get("words", ""),
            models=tuple(kept.get("models", ())),
            conditions=tuple(sorted((n, tuple(v)) for n, v in kept.get("conditions", {}).items())),
            channels=tuple(Bounds(**bounds) for bounds in kept.get("channels", ())),
            labels=tuple(kept.get("labels", ())),
            external_id=kept.get("external_id", ""),
            where=kept.get("where", ""),
        )

    def without(self, name: str, value: str | None = None) -> "Filter":
        """The filter with one parameter, or one value of it, taken away."""
        query = QueryDict(mutable=True)
        for given, text in self.to_pairs():
            if given != name or (value is not None and text != value):
                query.appendlist(given, text)
        return Filter.from_query(query)

    def scopes_named(self, channels: Mapping[str, Channel]) -> frozenset[str]:
        """Whose evidence it asks about, "machine" or "human"; `channels` are the project's, by key.

        Raises:
            FilterError: it names a channel that the project does not have.
        """
        scopes = {scope_of(_channel(bounds.key, channels)) for bounds in self.channels}
        for name in names_in(parse(self.where)) if self.where else ():
            if name.sort == "channel":
                scopes.add(scope_of(names.channel_named(name, channels)))
            elif name.sort == "meta":
                scopes.add(MACHINE)
            elif name.path[0] in PEOPLE:
                scopes.add(HUMAN)
        return frozenset(scopes | {HUMAN}) if self.labels else frozenset(scopes)

    @property
    def chips(self) -> bool:
        """Whether it says anything that is neither words nor expression."""
        return self != Filter(words=self.words, where=self.where)

    @property
    def gathers(self) -> bool:
        """Whether indexes find all that can match; a model alone is an order of its own."""
        if self.words or self.conditions or self.channels or self.external_id:
            return True
        if self.labels and UNLABELED not in self.labels:
            return True
        return bool(self.where) and gathers(parse(self.where))

    def in_words(self, names: Mapping[str, str] | None = None) -> str:
        """For people; `names` gives channels' names by key."""
        said = [f"says {self.words}"] if self.words else []
        said += [f"model {_either(self.models)}"] if self.models else []
        said += [f"{name} is {_either(values)}" for name, values in self.conditions]
        said += [bounds.in_words((names or {}).get(bounds.key, "")) for bounds in self.channels]
        labels = ["unlabeled" if label == UNLABELED else label for label in self.labels]
        said += [f"label {_either(labels)}"] if labels else []
        said += [f"id {self.external_id}"] if self.external_id else []
        said += [self.where] if self.where else []
        return "; ".join(said) or "all transcripts"


@dataclass(frozen=True)
class Matched:
    """The transcripts that match, and how many were left out unseen because they are veiled."""

    rows: TranscriptQuerySet
    left_out: int  # all veiled ones of the project, matching or not: which match is what is hidden


def matching(
    filter: Filter,
    *,
    project_id: int,
    sight: Sight,
    naming: Iterable[Channel] = (),
    channels: Mapping[str, Channel] | None = None,
    counted: bool = True,
    scan: bool = False,
    among: TranscriptQuerySet | None = None,
) -> Matched:
    """The project's transcripts that match, as far as `sight` may know.

    Args:
        naming: channels that the result will be sorted, counted or stratified by; they veil as the
            filter's own do.
        scan: see `evidence.compile`.
        among: those of the project's transcripts that are asked about; all of them if not given.
        channels: the project's channels by key, where the caller has them already.
        counted: False where the same filter was checked before: names are trusted, `left_out` stays 0.

    Raises:
        FilterError: a channel, condition or metadata that the project does not have.
    """
    if channels is None:
        wanted = filter.channels or filter.where
        channels = {channel.key: channel for channel in channels_of(project_id)} if wanted else {}
    scopes = filter.scopes_named(channels) | {scope_of(channel) for channel in naming}
    if counted:
        check_names(filter, project_id=project_id, sight=sight)
    rows = _narrowed(
        Transcript.objects.of(project_id) if among is None else among, filter, channels, project_id, scan
    )
    if not scopes:
        return Matched(rows=rows, left_out=0)
    left_out = sight.n_veiled(project_id, scopes) if counted else 0
    return Matched(rows=sight.unveiled(rows, scopes), left_out=left_out)


def check_names(filter: Filter, *, project_id: int, sight: Sight) -> None:
    """Whether the conditions and the metadata that it names are there.

    Raises:
        FilterError: where an unknown name stands, and the nearest there is.
    """
    _check_conditions(filter, project_id)
    if filter.where:
        names.check(parse(filter.where), project_id=project_id, sight=sight)


def _narrowed(
    rows: TranscriptQuerySet, filter: Filter, channels: Mapping[str, Channel], project_id: int, scan: bool
) -> TranscriptQuerySet:
    if filter.words:
        try:
            rows = rows.saying(filter.words)
        except WordsError as problem:
            raise FilterError(
                problem.message, parameter="q", position=problem.position, nearest=problem.nearest
            ) from problem
    if filter.models:
        rows = rows.filter(model_name__in=filter.models)
    for name, values in filter.conditions:
        either = Q()
        for value in values:
            either |= condition_is(name, value, scan=scan)
        rows = rows.filter(either)
    for bounds in filter.channels:
        here = Rollup.objects.filter(channel=channels[bounds.key], transcript_id=OuterRef("pk"))
        here = here.filter(label=bounds.label) if bounds.label else here.filter(value__isnull=False)
        if bounds.lo is not None:
            here = here.filter(value__gte=bounds.lo)
        if bounds.hi is not None:
            here = here.filter(value__lte=bounds.hi)
        rows = rows.filter(Exists(here))
    if filter.labels:
        said = said_by_people()
        codes = [label for label in filter.labels if label != UNLABELED]
        either = Q(Exists(said.filter(label__in=codes))) if codes else Q()
        rows = rows.filter(either | ~Exists(said) if UNLABELED in filter.labels else either)
    if filter.external_id:
        rows = rows.filter(_named(filter.external_id))
    if filter.where:
        rows = rows.filter(compiled(parse(filter.where), project_id=project_id, channels=channels, scan=scan))
    return rows


def _named(text: str) -> Q:
    """Transcripts of this external id, of ids that begin so, or known by their number alone."""
    return Q(external_id__startswith=text[:-1]) if text.endswith("*") else named(text)


def _check_conditions(filter: Filter, project_id: int) -> None:
    """Look up names only where nothing has the value: the usual case costs one index probe."""
    for name, values in filter.conditions:
        either = Q()
        for value in values:
            either |= Q(conditions__contains={name: value})
        if Transcript.objects.of(project_id).filter(either).exists():
            continue
        known = names.conditions(project_id)
        if name not in known and not names.has_condition(project_id, name):
            raise FilterError(
                f"No transcript has a condition {name}.",
                parameter=CONDITION + name,
                position=len(CONDITION),
                nearest=nearest(name, known),
            )


def _channel(key: str, channels: Mapping[str, Channel]) -> Channel:
    if key not in channels:
        raise FilterError(
            f"There is no channel {key}.",
            parameter=CHANNEL + key,
            position=len(CHANNEL),
            nearest=nearest(key, channels),
        )
    return channels[key]


def _bounds(key: str, values: list[str]) -> Bounds | None:
    """One channel's ends; a form without scripts sends the two ends as two values."""
    shown = f"{CHANNEL}{key}="
    if len(values) == 2 and not any(".." in v or v.startswith("=") for v in values):
        values = ["..".join(values)] if any(values) else []
    values = [value for value in values if value]
    if not values:
        return None
    if len(values) > 1:
        raise FilterError(f"Channel {key} is given twice.", parameter=shown + values[1], position=len(shown))
    text = values[0]
    if text.startswith("=") and len(text) > 1:
        return Bounds(key, label=text[1:])
    low, dots, high = text.partition("..")
    if not dots:
        raise FilterError(
            f"{key}: write a range as lo..hi, not {text}.", parameter=shown + text, position=len(shown)
        )
    lo = _end(low, key, shown + text, len(shown))
    hi = _end(high, key, shown + text, len(shown) + len(low) + 2)
    if lo is not None and hi is not None and lo > hi:
        raise FilterError(
            f"{key}: the range {text} ends before it begins.", parameter=shown + text, position=len(shown)
        )
    return Bounds(key, lo, hi)


def _end(text: str, key: str, shown: str, position: int) -> float | None:
    if not text.strip():
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FilterError(f"{key}: {text} is not a number.", parameter=shown, position=position)
    return number + 0.0  # no negative zero


def _plain(number: float | None) -> str:
    if number is None:
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _several(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({_clean(value) for value in values}))


def _clean(text: str) -> str:
    """Without edges of space, and without what the database cannot hold."""
    return text.replace("\0", "").encode(errors="replace").decode().strip()


def _either(values: Iterable[str]) -> str:
    return " or ".join(value or "(none)" for value in values)


def widened(filter: Filter, *, channel: str) -> Filter:
    """The filter without its bounds on one channel, for counting what other bounds would give."""
    return replace(filter, channels=tuple(b for b in filter.channels if b.key != channel))
