"""Readings of a release, and what people said as readings on the channels of people."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from auditor.evidence.actions import CitedQuote, NewReading, declare_channel, write_readings
from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import ids_by_place
from auditor.evidence.quotes import Located
from labeling.adjudication.actions.writing import CHANNEL as RULINGS
from labeling.annotations.publishing import CHANNEL as LABELS
from labeling.datasets.importing.shape import ChannelIn, LabelIn, QuoteIn, RecordIn, ReliedIn

PLACE = ("position", "part", "start", "end")


class Evidence:
    """Writes the readings of records and finds them again for the labels that refer to them."""

    def __init__(self, project_id: int, channels: Mapping[str, Channel], source: str) -> None:
        self.project_id, self.channels, self.source = project_id, channels, source
        self._by_channel: dict[tuple[int, str], list[int]] = {}  # (transcript, channel) -> reading ids
        self._by_place: dict[tuple[Any, ...], int] = {}

    def write(self, records: Sequence[RecordIn], ids: Sequence[int], unseen: Container[int]) -> None:
        """The readings of these records on their transcripts."""
        new = [
            reading
            for record, pk in zip(records, ids, strict=True)
            for said in record["evidence"] or ()
            for reading in self._readings(said, pk)
        ]
        write_readings(readings=new, source=self.source, unseen=unseen)
        mentioned = [key for record in records for label in record["labels"] for key in _mentioned(label)]
        if not mentioned:
            self._by_channel, self._by_place = {}, {}
            return
        there = {self.channels[key].pk: key for key in set(mentioned) if key in self.channels}
        self._by_place = ids_by_place(ids, there)
        found: dict[tuple[int, str], list[int]] = defaultdict(list)
        for place, pk in self._by_place.items():
            found[place[1], there[place[0]]].append(pk)
        self._by_channel = {place: sorted(pks) for place, pks in found.items()}

    def seen(self, label: LabelIn, transcript_id: int) -> list[int]:
        """The readings of the channels that had been shown before this label."""
        return sorted(
            pk for key in label["evidence_seen"] for pk in self._by_channel.get((transcript_id, key), ())
        )

    def relied(self, label: LabelIn, transcript_id: int) -> list[dict[str, Any]]:
        """What the label relies on, as labels keep it."""
        found = []
        for one in label["relied_on"]:
            pk = self._reading(one, transcript_id)
            if pk is None:
                continue
            cited: dict[str, Any] = {"reading": pk, "channel": one["channel"]}
            if (pointed := one["pointed"]) is not None:
                cited["place"] = {name: pointed[name] for name in PLACE} | {"quote": pointed["quote"]}  # type: ignore[literal-required]
                cited["value"] = pointed["value"]
            found.append(cited)
        return found

    def people(
        self, said: Iterable[tuple[int, str, str, Mapping[str, Any]]], key: str, unseen: Container[int]
    ) -> None:
        """Labels (transcript, label, identifier, detail) on a channel of people, so that lists find them."""
        channel = self._people_channel(key)
        new = [
            NewReading(channel, pk, None, label, identifier=who, detail=detail)
            for pk, label, who, detail in said
        ]
        write_readings(readings=new, source=self.source, unseen=unseen)

    def _people_channel(self, key: str) -> Channel:
        names = {
            LABELS: ("Reviewers' labels", "what a reviewer concluded"),
            RULINGS: ("Rulings", "what the item is held to be"),
        }
        found = Channel.objects.filter(project_id=self.project_id, key=key).first()
        return found or declare_channel(
            project_id=self.project_id,
            key=key,
            kind=HUMAN,
            actor=None,
            name=names[key][0],
            polarity=names[key][1],
        )

    def _readings(self, said: ChannelIn, transcript_id: int) -> Iterator[NewReading]:
        channel = self.channels[said["channel"]]
        if said["readings"] is None:  # one value is all that the release has
            yield NewReading(channel, transcript_id, said["value"], said["label"])
            return
        for one in said["readings"]:
            yield NewReading(
                channel, transcript_id, one["value"], one["label"], one["position"], one["part"], one["start"], one["end"],
                one["identifier"], one["explanation"], one["detail"],
                tuple(CitedQuote(quote["text"] or "", found=_located(quote)) for quote in one["quotes"]),
            )  # fmt: skip

    def _reading(self, one: ReliedIn, transcript_id: int) -> int | None:
        channel = self.channels.get(one["channel"])
        if channel is None:
            return None
        place = (channel.pk, transcript_id, one["position"], one["part"], one["start"], one["end"])
        pk = self._by_place.get((*place, ""))
        if pk is None:  # a channel that speaks several times of one place, each time under a name
            pk = next((found for key, found in self._by_place.items() if key[:6] == place), None)
        return pk


def _mentioned(label: LabelIn) -> list[str]:
    return [*label["evidence_seen"], *(one["channel"] for one in label["relied_on"])]


def _located(quote: QuoteIn) -> Located:
    return Located(quote["position"], quote["part"], quote["start"], quote["end"], quote["status"])
