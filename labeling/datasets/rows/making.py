"""Makes the records of one release, chunk by chunk, in a fixed number of queries each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import visible_to
from auditor.evidence.spoken import Spoken
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.datasets.definition import EVERYTHING, NO_EVIDENCE, Definition
from labeling.datasets.models import Release
from labeling.datasets.planning import Chosen, Plan
from labeling.datasets.redaction import Redactor
from labeling.datasets.rows.evidence import Channels
from labeling.datasets.rows.fetching import (
    ItemRow,
    LabelRow,
    RulingRow,
    TranscriptRow,
    items_of,
    labels_of,
    rulings_of,
    talk_of,
    transcripts_of,
)
from labeling.datasets.rows.labels import Relied, label_record, ruling_record, sorted_labels, standing_of
from labeling.datasets.rows.people import People
from labeling.datasets.rows.texts import Texts
from labeling.datasets.sources import soft
from labeling.queues.models import Round


@dataclass(frozen=True)
class Fetched:
    """What the database says of a chunk's items, by the ids of items and transcripts."""

    chosen: Sequence[Chosen]
    items: Mapping[int, ItemRow]
    transcripts: Mapping[int, TranscriptRow]
    labels: Mapping[int, list[LabelRow]]
    rulings: Mapping[int, list[RulingRow]]
    messages: Mapping[int, list[dict[str, Any]]]
    readings: Mapping[int, list[Spoken]]


class Records:
    """The records of a release as of its moment.

    What is hidden from the release's maker was left out by the plan; readings are read on their behalf all the same.
    """

    def __init__(self, release: Release, planned: Plan) -> None:
        self.release, self.planned, self.moment = release, planned, planned.moment
        self.definition = Definition.from_json(release.parameters)
        self.redactor = Redactor(self.definition.redactions)
        names = {int(pk): name for pk, name in release.named.get("people", {}).items()}
        self.people = People(self.definition, release.project_id, names)
        self.channels = Channels(
            self.definition, {one.channel_id: one.declared for one in release.channels.all()}
        )
        self.rounds: dict[int, Round] = {
            one.pk: one for one in release.rounds.select_related("codebook_version").all()
        }
        self.sight = visible_to(release.created_by)
        self.sources: dict[str, int] = {}  # digest -> bytes, of the source files behind the records
        self._versions: dict[int, tuple[CodebookVersion, Codebook]] = {}
        # reading -> the key of its channel, None for people's; of those asked for last
        self._elsewhere: dict[int, str | None] = {}

    @property
    def versions(self) -> list[CodebookVersion]:
        """The codebook's versions by which labels and rulings of the records were made, oldest first."""
        return sorted((version for version, _ in self._versions.values()), key=lambda one: one.number)

    def fetched(self, chosen: Sequence[Chosen]) -> Fetched:
        """All that the database says of these items; it changes nothing here, so another thread may do it."""
        ids, transcript_ids = [one.item_id for one in chosen], [one.transcript_id for one in chosen]
        return Fetched(
            chosen,
            items=items_of([(one.item_id, one.drawn_id) for one in chosen]),
            transcripts=transcripts_of(transcript_ids),
            labels=labels_of(ids, self.moment),
            rulings=rulings_of(ids, self.moment),
            messages=talk_of(transcript_ids) if self.definition.messages else {},
            readings=self._readings(transcript_ids),
        )

    def made(self, found: Fetched) -> Iterator[dict[str, Any]]:
        """The records of what was fetched, in order."""
        keys, relied = self._seen(found.labels.values(), found.readings.values())
        for one in found.chosen:
            yield self._record(
                one, found.items[one.item_id], found.transcripts[one.transcript_id], found.messages.get(one.transcript_id),
                found.labels[one.item_id], found.rulings[one.item_id], found.readings.get(one.transcript_id, []), keys, relied,
            )  # fmt: skip

    def _record(
        self, one: Chosen, item: ItemRow, transcript: TranscriptRow, messages: list[dict[str, Any]] | None,
        labels: list[LabelRow], rulings: list[RulingRow], readings: list[Spoken], keys: Mapping[int, str],
        relied: Mapping[int, Relied],
    ) -> dict[str, Any]:  # fmt: skip
        before = self.redactor.code_points
        texts = Texts(self.definition, self.redactor, messages)
        by_id = {label.pk: label for label in labels}
        standing = standing_of(labels, self.rounds[one.round_id])
        counted = {label.pk for label in standing}
        earlier = [self._ruling(ruling, texts, by_id) for ruling in rulings]
        holding = earlier.pop() if earlier and rulings[-1].pk == one.ruling_id else None
        made = {
            "transcript": self._transcript(transcript, texts),
            "round": self._round(one.round_id, item, texts),
            "source": self._source(one),
            "split": one.split or None,
            "group": one.cluster or None,
            "soft": soft([label.label for label in standing]),
            "ruling": holding,
            "earlier_rulings": earlier,
            "labels": [
                label_record(
                    label, stands=label.pk in counted, version=self._version(label.version_id)[0],
                    people=self.people, texts=texts, keys=keys, relied=relied,
                )
                for label in sorted_labels(labels, self.people)
            ],
            "sampling": self._sampling(one, item),
            "evidence": None
            if self.definition.evidence == NO_EVIDENCE
            else self.channels.record(readings, texts),
        }  # fmt: skip
        self.redactor.records += self.redactor.code_points > before
        return made

    def _readings(self, transcript_ids: Sequence[int]) -> dict[int, list[Spoken]]:
        found: dict[int, list[Spoken]] = defaultdict(list)
        if self.definition.evidence == NO_EVIDENCE:
            return found
        for reading in self.sight.spoken_at(transcript_ids, self.moment):
            found[reading.transcript_id].append(reading)
        return found

    def _seen(
        self, labels: Iterable[Sequence[LabelRow]], readings: Iterable[Sequence[Spoken]]
    ) -> tuple[dict[int, str], dict[int, Relied]]:
        """The channels of all readings that were seen, and the readings that reviewers point at, current or not."""
        given = [one for some in labels for one in some]
        here = {one.pk: one for some in readings for one in some}
        keys = {pk: self.channels.of(one.channel_id).key for pk, one in here.items()}
        seen = {pk for one in given for pk in one.evidence_seen} - keys.keys()
        pointed = {int(cited["reading"]) for one in given for cited in one.relied_on if cited.get("reading")}
        if seen:
            keys |= self._keys_elsewhere(seen)
        relied: dict[int, Relied] = {
            pk: Relied(keys[pk], one.position, one.part, one.start, one.end, one.value, one.label)
            for pk in pointed
            if (one := here.get(pk)) is not None
        }
        if missing := pointed - relied.keys():
            rows = self.sight.readings_named(missing).exclude(channel__kind=HUMAN)
            for row in rows:
                place = (row.position, row.part, row.start, row.end)
                relied[row.pk] = Relied(row.channel.key, *place, row.value, row.label)
        return keys, relied

    def _keys_elsewhere(self, reading_ids: set[int]) -> dict[int, str]:
        """The channels of readings that are not current, or stand on other transcripts."""
        if not reading_ids <= self._elsewhere.keys():
            others = Channel.objects.filter(readings__pk__in=reading_ids).exclude(kind=HUMAN)
            known = dict(others.values_list("readings__pk", "key"))
            self._elsewhere = {pk: known.get(pk) for pk in reading_ids}
        return {pk: key for pk in reading_ids if (key := self._elsewhere[pk]) is not None}

    def _version(self, version_id: int) -> tuple[CodebookVersion, Codebook]:
        found = self._versions.get(version_id)
        if found is None:
            version = CodebookVersion.objects.get(pk=version_id)
            found = self._versions[version_id] = (version, definition_of(version))
        return found

    def _ruling(self, ruling: RulingRow, texts: Texts, labels: Mapping[int, LabelRow]) -> dict[str, Any]:
        version, codebook = self._version(ruling.version_id)
        return ruling_record(
            ruling, codebook=codebook, version=version, people=self.people, texts=texts, labels=labels
        )

    def _transcript(self, row: TranscriptRow, texts: Texts) -> dict[str, Any]:
        if row.file is not None:
            self.sources[row.file[0]] = row.file[1]
        made = {**row.said, "messages": texts.messages}
        if EVERYTHING not in self.definition.metadata:
            made["metadata"] = {
                name: value for name, value in made["metadata"].items() if self.definition.has_metadata(name)
            }
        if self.redactor:
            for name in ("external_id", "conditions", "metadata", "warnings"):
                made[name] = self.redactor.everywhere(made[name])
            made["source"] = {**made["source"], "file": self.redactor.everywhere(made["source"]["file"])}
        return made

    def _round(self, round_id: int, item: ItemRow, texts: Texts) -> dict[str, Any]:
        round = self.rounds[round_id]
        version, _ = self._version(round.codebook_version_id)
        escalated = item.escalated_at is not None and item.escalated_at <= self.moment
        return {
            "name": self.release.named["rounds"][str(round_id)],
            "policy": round.policy,
            "codebook": version.number,
            "codebook_digest": version.digest,
            "escalation": texts.written(item.escalation if escalated else ""),
        }

    def _source(self, one: Chosen) -> dict[str, Any]:
        _, codebook = self._version(self.rounds[one.round_id].codebook_version_id)
        entry = codebook.by_code.get(one.label)
        return {
            "kind": self.definition.source,
            "label": one.label or None,
            "words": entry.words if entry else one.label or None,
            "group": one.group or None,
            "grade": one.grade or None,
            "how": one.how or None,
            "share": one.share,
            "of": one.of,
        }

    def _sampling(self, one: Chosen, drawn: ItemRow) -> dict[str, Any]:
        sample = self.planned.samples[one.round_id]
        stratum = sample.strata[drawn.stratum] if drawn.stratum < len(sample.strata) else {}
        return {
            "sample": sample.name,
            "design": sample.design,
            "seed": sample.seed,
            "stratum": str(stratum.get("name", drawn.stratum)),
            "stratum_size": stratum.get("size"),
            "stratum_drawn": stratum.get("drawn"),
            "order": drawn.order,
            "probability": drawn.probability,
            "overall": drawn.overall,
            "carries_back": sample.carries_back,
            "frame_size": sample.frame_size,
        }
