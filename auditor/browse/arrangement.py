"""How a list is laid out: what it is sorted by and which channels have a column; all of it in the address."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from auditor.evidence.filters import CHANNEL, Filter, FilterError, nearest
from auditor.evidence.models import HUMAN, Channel

MOST_COLUMNS = 3
MOST_HISTOGRAMS = 6
SORTS = {"id": "pk", "model": "model_name", "length": "n_messages"}  # as in the address -> the field
KINDS_FIRST = ("judge", "probe", "sae", "score")


@dataclass(frozen=True)
class Arrangement:
    """A filter, an order and columns: what one address of the list shows."""

    filter: Filter
    sort: str = "id"  # a key of SORTS, or "ch.KEY"
    descending: bool = True
    columns: tuple[str, ...] = ()  # channel keys; empty: the usual ones

    @classmethod
    def from_query(cls, query: QueryDict, filter: Filter) -> "Arrangement":
        """What the address asks for; a sort that does not exist is the usual one."""
        given = query.get("sort", "-id")
        sort = given.removeprefix("-")
        columns = tuple(dict.fromkeys(key for key in query.getlist("col") if key and "\0" not in key))
        if sort not in SORTS and not sort.startswith(CHANNEL):
            return cls(filter, columns=columns)
        return cls(filter, sort, given.startswith("-"), columns)

    @property
    def channel_key(self) -> str:
        """The channel it is sorted by, or nothing."""
        return self.sort.removeprefix(CHANNEL) if self.sort.startswith(CHANNEL) else ""

    def to_query(self, **more: str) -> str:
        """The address form; what is usual is left out."""
        pairs = self.filter.to_pairs()
        order = ("-" if self.descending else "") + self.sort
        pairs += [("sort", order)] if order != "-id" else []
        pairs += [("col", key) for key in self.columns]
        return urlencode(pairs + [(name, value) for name, value in more.items() if value])

    def sorted_by(self, sort: str) -> "Arrangement":
        """Sorted by this; a second time turns the order round."""
        first_down = sort != "model"
        return replace(self, sort=sort, descending=not self.descending if sort == self.sort else first_down)

    def filtered(self, filter: Filter) -> "Arrangement":
        """The same layout of other transcripts."""
        return replace(self, filter=filter)

    def settled(self, channels: Mapping[str, Channel]) -> "Arrangement":
        """Without columns that are unknown, too many, or the usual ones anyway.

        Raises:
            FilterError: it is sorted by a channel that the project does not have.
        """
        if self.channel_key and self.channel_key not in channels:
            raise FilterError(
                f"There is no channel {self.channel_key} to sort by.",
                parameter="sort=" + self.sort,
                position=len("sort=" + CHANNEL),
                nearest=nearest(self.channel_key, channels),
            )
        known = tuple(key for key in self.columns if key in channels and channels[key].kind != HUMAN)
        known = known[:MOST_COLUMNS]
        return replace(self, columns=() if known == usual_columns(channels.values()) else known)

    def column_channels(self, channels: Mapping[str, Channel]) -> list[Channel]:
        """The channels that have a column; one that the list is sorted by always has."""
        keys = list(self.columns or usual_columns(channels.values()))
        sorting = self.channel_key
        if sorting and sorting not in keys and channels[sorting].kind != HUMAN:
            keys = [*keys[: MOST_COLUMNS - 1], sorting]
        return [channels[key] for key in keys]

    def histogram_channels(self, channels: Mapping[str, Channel]) -> list[Channel]:
        """The channels whose histograms stand beside the list: those in use first."""
        used = [bounds.key for bounds in self.filter.channels]
        used += [channel.key for channel in self.column_channels(channels)]
        rest = [channel.key for channel in by_turns(channels.values())]
        machine = [channels[key] for key in dict.fromkeys(used + rest) if channels[key].kind != HUMAN]
        return machine[: max(MOST_HISTOGRAMS, len(self.filter.channels))]


def usual_columns(channels: Iterable[Channel]) -> tuple[str, ...]:
    """The columns of a list that asks for none."""
    return tuple(channel.key for channel in by_turns(channels)[:MOST_COLUMNS])


def by_turns(channels: Iterable[Channel]) -> Sequence[Channel]:
    """The machine channels, the first of each kind before the second of any."""
    kinds: dict[str, list[Channel]] = {kind: [] for kind in KINDS_FIRST}
    for channel in channels:
        if channel.kind != HUMAN:
            kinds.setdefault(channel.kind, []).append(channel)
    turns = [(turn, order, c) for order, of in enumerate(kinds.values()) for turn, c in enumerate(of)]
    return [channel for _, _, channel in sorted(turns, key=lambda item: item[:2])]
