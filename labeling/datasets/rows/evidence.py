"""What channels say about a transcript, as part of a record: each one's value, and the readings behind it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from auditor.evidence.actions import rolled
from auditor.evidence.models import Channel
from auditor.evidence.spoken import Spoken
from labeling.datasets.definition import READINGS, Definition
from labeling.datasets.rows.texts import Texts

DECLARED = ("key", "name", "kind", "unit", "rollup", "lo", "hi", "polarity", "notice", "detail")


def declared(channel: Channel) -> dict[str, Any]:
    """What a channel is, as its producer says."""
    return {name: getattr(channel, name) for name in DECLARED}


def digest_of(said: Mapping[str, Any]) -> str:
    """sha256 hex over what a channel declares."""
    return hashlib.sha256(orjson.dumps(dict(said), option=orjson.OPT_SORT_KEYS)).hexdigest()


class Channels:
    """The channels of one release as they were declared when it was made, and how often each speaks."""

    def __init__(self, definition: Definition, known: Mapping[int, Mapping[str, Any]]) -> None:
        self.definition = definition
        self.known: dict[int, Mapping[str, Any]] = dict(known)  # id -> declared
        self.met: dict[str, int] = {}  # key -> on how many records
        self._digests: dict[int, str] = {}
        self._rows: dict[int, Channel] = {}

    def of(self, channel_id: int) -> Channel:
        """The channel, read once."""
        if channel_id not in self._rows:
            self._rows[channel_id] = Channel.objects.get(pk=channel_id)
        return self._rows[channel_id]

    def record(self, readings: Iterable[Spoken], texts: Texts) -> list[dict[str, Any]]:
        """One entry a channel, by key, from the transcript's readings, oldest first."""
        by_channel: dict[int, list[Spoken]] = defaultdict(list)
        for reading in readings:
            by_channel[reading.channel_id].append(reading)
        found = [
            self._entry(channel, some, texts)
            for pk, some in by_channel.items()
            if self.definition.has_channel((channel := self.of(pk)).key)
        ]
        for one in found:
            self.met[one["channel"]] = self.met.get(one["channel"], 0) + 1
        return sorted(found, key=lambda one: str(one["channel"]))

    def digest(self, channel: Channel) -> str:
        """Of what it declared when the release was made."""
        if channel.pk not in self._digests:
            self._digests[channel.pk] = digest_of(self.known.setdefault(channel.pk, declared(channel)))
        return self._digests[channel.pk]

    def _entry(self, channel: Channel, readings: list[Spoken], texts: Texts) -> dict[str, Any]:
        value, label = rolled(channel, readings)
        return {
            "channel": channel.key,
            "kind": channel.kind,
            "unit": channel.unit,
            "digest": self.digest(channel),
            "value": value,
            "label": texts.redactor.covered(label),
            "n": len(readings),
            "readings": [_reading(one, texts) for one in readings]
            if self.definition.evidence == READINGS
            else None,
        }


def _reading(reading: Spoken, texts: Texts) -> dict[str, Any]:
    redactor = texts.redactor
    return {
        "position": reading.position,
        "part": reading.part,
        "start": reading.start,
        "end": reading.end,
        "identifier": reading.identifier,
        "value": reading.value,
        "label": redactor.covered(reading.label, counted=False),
        "explanation": redactor.covered(reading.explanation),
        "detail": redactor.everywhere(reading.detail) if redactor else reading.detail,
        "quotes": reading.quotes
        if texts.has_all
        else [{**quote, "text": texts.quote(quote["text"], quote)} for quote in reading.quotes],
    }
