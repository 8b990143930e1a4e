"""What a release is asked to be, as plain data that says everything: equal definitions of one moment give equal bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from labeling.datasets.exporters import FORMATS
from labeling.datasets.licences import LICENCES
from labeling.datasets.redaction import BadPattern, Pattern
from labeling.datasets.sources import ADJUDICATED, SOURCES
from labeling.datasets.splits import BadSplits, Split

NO_EVIDENCE, ROLLED_UP, READINGS = "none", "rollups", "readings"
EVIDENCE = {
    NO_EVIDENCE: "No evidence",
    ROLLED_UP: "One value a channel",
    READINGS: "Every reading, with its place, explanation and quotes",
}
TEXTS = ("messages", "reasoning", "tools", "rationales")
EVERYTHING = "*"  # in a list of names: all there are
MOST_AUTHORS, LONGEST_PROSE = 1000, 20_000


class BadDefinition(ValueError):
    """The release cannot be like this; the message says why, `field` which part of the definition."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Definition:
    """Scope and contents of a release. The rounds are the release's own rows."""

    source: str = ADJUDICATED  # one of `sources.SOURCES`
    least_labels: int = 1  # standing labels that an item needs, where no ruling is asked for
    filter: Mapping[str, Any] = field(default_factory=dict)  # a `Filter` as JSON; {} where it says nothing
    splits: tuple[Split, ...] = ()
    split_seed: int = 0
    messages: bool = True
    reasoning: bool = True
    tools: bool = True  # what tool calls and results say; their names stay
    rationales: bool = True  # what people wrote: rationales, reasons, flags
    attachments: bool = False  # the bytes of images, sounds and files that messages carry, as files
    metadata: tuple[str, ...] = (EVERYTHING,)
    evidence: str = READINGS
    channels: tuple[str, ...] = (EVERYTHING,)
    tracks: tuple[str, ...] = ()  # channels whose values for each token are included
    pseudonyms: bool = True
    seed: int = 0  # of the pseudonyms
    redactions: tuple[Pattern, ...] = ()
    licence: str = "unlicensed"
    authors: str = ""  # for the citation; empty: whoever made it
    formats: tuple[str, ...] = ()  # besides those that every release has
    as_of: str = ""  # ISO moment; empty: when it is built first

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Definition":
        """From plain data, with what is missing as usual. Unknown names are refused, so that a typo is no default.

        Raises:
            BadDefinition: something in it cannot be.
        """
        given = _renamed(given)
        if unknown := sorted(set(given) - set(cls.__dataclass_fields__)):
            raise BadDefinition(f"A dataset has no setting '{unknown[0]}'.", unknown[0])
        try:
            splits = Split.several(_rows(given, "splits"))
        except BadSplits as problem:
            raise BadDefinition(str(problem), "splits") from problem
        try:
            redactions = Pattern.several(_rows(given, "redactions"))
        except BadPattern as problem:
            raise BadDefinition(str(problem), "redactions") from problem
        made = cls(
            source=_one_of(given, "source", SOURCES, ADJUDICATED),
            least_labels=_whole(given, "least_labels", 1, least=1, most=50),
            filter=_mapping(given, "filter"),
            splits=splits,
            split_seed=_whole(given, "split_seed", 0),
            **{name: bool(given.get(name, True)) for name in (*TEXTS, "pseudonyms")},
            attachments=bool(given.get("attachments", False)),
            metadata=_names(given, "metadata", (EVERYTHING,)),
            evidence=_one_of(given, "evidence", EVIDENCE, READINGS),
            channels=_names(given, "channels", (EVERYTHING,)),
            tracks=_names(given, "tracks", ()),
            seed=_whole(given, "seed", 0),
            redactions=redactions,
            licence=_one_of(given, "licence", LICENCES, "unlicensed"),
            authors=str(given.get("authors", "")).strip(),
            formats=_names(given, "formats", ()),
            as_of=str(given.get("as_of", "") or ""),
        )
        if unknown := [key for key in made.formats if key not in FORMATS]:
            raise BadDefinition(f"There is no format '{unknown[0]}'.", "formats")
        if not made.messages and (wanting := [key for key in made.formats if FORMATS[key].needs_text]):
            raise BadDefinition(f"{FORMATS[wanting[0]].name} are made of messages; include them.", "formats")
        if len(made.authors) > MOST_AUTHORS:
            raise BadDefinition(f"Authors take at most {MOST_AUTHORS} characters.", "authors")
        if made.as_of:
            made.moment  # noqa: B018  # checked by being read
        if not made.messages and made.attachments:
            raise BadDefinition("Messages carry the attachments; include them.", "attachments")
        if not made.messages and (made.tracks):
            raise BadDefinition("Token tracks say where words stand; they need the messages.", "tracks")
        return made

    def to_json(self) -> dict[str, Any]:
        """As a release keeps it."""
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "splits": [{"name": one.name, "share": one.share} for one in self.splits],
            "redactions": [one.to_json() for one in self.redactions],
            **{name: list(getattr(self, name)) for name in ("metadata", "channels", "tracks", "formats")},
        }

    def published(self) -> dict[str, Any]:
        """As its files say it: without the patterns, which may be what they hide."""
        data = self.to_json()
        data["redactions"] = [
            {"name": one.called(number), "kind": "expression" if one.regex else "text"}
            for number, one in enumerate(self.redactions, start=1)
        ]
        return data

    @property
    def moment(self) -> datetime | None:
        """The moment that it is of; None while it is not known.

        Raises:
            BadDefinition: what is kept is no moment with an offset.
        """
        if not self.as_of:
            return None
        try:
            moment = datetime.fromisoformat(self.as_of)
        except ValueError as problem:
            raise BadDefinition("A moment is written as 2026-11-27T14:00:00+00:00.", "as_of") from problem
        if moment.tzinfo is None:
            raise BadDefinition(
                "Say which time zone the moment is in, as 2026-11-27T14:00:00+00:00.", "as_of"
            )
        return moment

    def at(self, moment: datetime) -> "Definition":
        """The same of this moment."""
        return replace(self, as_of=moment.isoformat())

    def has_metadata(self, name: str) -> bool:
        """Whether a field of the metadata goes in."""
        return EVERYTHING in self.metadata or name in self.metadata

    def has_channel(self, key: str) -> bool:
        """Whether a channel of evidence goes in."""
        return self.evidence != NO_EVIDENCE and (EVERYTHING in self.channels or key in self.channels)


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they were called before there were fields to choose."""
    data = dict(given)
    if "include_text" in data:
        text = bool(data.pop("include_text"))
        for name in ("messages", "reasoning", "tools"):
            data.setdefault(name, text)
    if "include_evidence" in data:
        evidence = bool(data.pop("include_evidence"))
        data.setdefault("evidence", READINGS if evidence else NO_EVIDENCE)
    return data


def _rows(given: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = given.get(name) or []
    if not isinstance(rows, list | tuple) or not all(isinstance(one, Mapping) for one in rows):
        raise BadDefinition(f"{name} is a list of objects.", name)
    return list(rows)


def _mapping(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name) or {}
    if not isinstance(value, Mapping):
        raise BadDefinition(f"{name} is an object.", name)
    return value


def _names(given: Mapping[str, Any], name: str, usual: Sequence[str]) -> tuple[str, ...]:
    value = given.get(name, usual)
    if value is None or isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise BadDefinition(f"{name} is a list of names.", name)
    return tuple(dict.fromkeys(one for one in value if one))


def _one_of(given: Mapping[str, Any], name: str, known: Mapping[str, str], usual: str) -> str:
    value = str(given.get(name, usual))
    if value not in known:
        raise BadDefinition(f"There is no {name} '{value[:60]}'.", name)
    return value


def _whole(given: Mapping[str, Any], name: str, usual: int, *, least: int = 0, most: int = 2**31) -> int:
    try:
        value = int(given.get(name, usual))
    except (TypeError, ValueError) as problem:
        raise BadDefinition(f"{name} is a whole number.", name) from problem
    if not least <= value <= most:
        raise BadDefinition(f"{name} lies between {least} and {most}.", name)
    return value
