"""From rows of the database to records of a dataset, chunk by chunk, in a fixed number of queries each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Prefetch
from django.utils.crypto import salted_hmac

from auditor.corpus.models import Message
from auditor.corpus.queries import messages_of
from auditor.evidence.models import HUMAN, Channel, Rollup
from auditor.evidence.queries import visible_to
from labeling.adjudication.models import Ruling
from labeling.annotations.models import BLIND, LabelRevision, LabelUnit
from labeling.codebooks.queries import definition_of
from labeling.codebooks.rules import derive
from labeling.datasets.models import Release
from labeling.datasets.queries import Chosen
from labeling.queues.models import Item


class Records:
    """Makes the records of one release.

    What is hidden from the release's maker was left out by the plan; readings are read on their
    behalf all the same.
    """

    def __init__(self, release: Release, last_label: int) -> None:
        self.release = release
        self.last_label = last_label
        self.include_text: bool = release.parameters.get("include_text", True)
        self.include_evidence: bool = release.parameters.get("include_evidence", True)
        self.sight = visible_to(release.created_by)
        self.sample = release.round.sample
        self.codebook = definition_of(release.round.codebook_version)
        self.strata = [str(one.get("name", index)) for index, one in enumerate(self.sample.strata)]
        self.reviewers: set[str] = set()
        self.sources: dict[str, int] = {}  # digest -> bytes, of the source files behind the records

    def of(self, chosen: Sequence[Chosen]) -> Iterator[dict[str, Any]]:
        """The records of these items, in order."""
        ids = [one.item_id for one in chosen]
        rows = Item.objects.select_related("transcript__file", "sample_item").in_bulk(ids)
        cited = Prefetch("cites", LabelRevision.objects.only("label", "missing_tests"))
        rulings = Ruling.objects.select_related("took", "codebook_version").prefetch_related(cited)
        rulings = rulings.defer("codebook_version__definition")  # large, and the same for all
        ruled = rulings.in_bulk([one.ruling_id for one in chosen])
        labels = self._labels(ids)
        transcripts = [rows[pk].transcript_id for pk in ids]
        messages = messages_of(transcripts) if self.include_text else {}
        evidence = self._evidence(transcripts)
        seen = _channel_keys(
            {reading for given in labels.values() for one in given for reading in one.evidence_seen}
        )
        for one in chosen:
            item = rows[one.item_id]
            source = item.transcript.file
            if source is not None:
                self.sources[source.digest] = source.size
            yield {
                "transcript": self._transcript(item, messages.get(item.transcript_id)),
                "ruling": self._ruling(ruled[one.ruling_id]),
                "labels": [self._label(label, seen) for label in self._sorted(labels[item.pk])],
                "sampling": self._sampling(item),
                "evidence": evidence.get(item.transcript_id, []) if self.include_evidence else None,
            }

    def pseudonym(self, user_id: int | None) -> str | None:
        """A name for a person that is the same throughout the release and leads back to nobody.

        It depends on the release's seed and on this installation's secret.
        """
        if user_id is None:
            return None
        said = f"{self.release.parameters.get('seed', 0)}:{self.release.project_id}:{user_id}"
        return f"r-{salted_hmac('labeling.datasets.pseudonym', said, algorithm='sha256').hexdigest()[:12]}"

    def _labels(self, item_ids: list[int]) -> dict[int, list[LabelRevision]]:
        found: dict[int, list[LabelRevision]] = defaultdict(list)
        rows = LabelRevision.objects.filter(item_id__in=item_ids, pk__lte=self.last_label).select_related(
            "codebook_version"
        )
        for revision in rows.defer("codebook_version__definition").prefetch_related("units", "spans"):
            found[revision.item_id].append(revision)
        return found

    def _sorted(self, labels: Iterable[LabelRevision]) -> list[LabelRevision]:
        return sorted(
            labels, key=lambda one: (self.pseudonym(one.reviewer_id), one.stage != BLIND, one.number)
        )

    def _evidence(self, transcript_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        if not self.include_evidence:
            return found
        rows = self.sight.rollups(transcript_ids).exclude(channel__kind=HUMAN).select_related("channel")
        for rollup in rows.order_by("transcript_id", "channel__key"):
            found[rollup.transcript_id].append(_rolled(rollup))
        return found

    def _transcript(self, item: Item, messages: list[Message] | None) -> dict[str, Any]:
        row = item.transcript
        return {
            "external_id": row.external_id,
            "record_digest": row.record_digest,
            "ordinal": row.ordinal,
            "fingerprint": row.fingerprint,
            "model": row.model_name,
            "conditions": row.conditions,
            "messages": None if messages is None else [_message(message) for message in messages],
        }

    def _ruling(self, ruling: Ruling) -> dict[str, Any]:
        if ruling.took is not None:
            missing = _words(ruling.took.missing_tests)
        elif ruling.adjudicator_id is None:
            agreeing = [one for one in ruling.cites.all() if one.label == ruling.label]
            missing = sorted({test for one in agreeing for test in _words(one.missing_tests)})
        else:
            missing = [test.key for test in derive(self.codebook, ruling.answers).missing_tests]
        return {
            "label": ruling.label,
            "words": self.codebook.by_code[ruling.label].words,
            "group": ruling.group,
            "grade": ruling.grade,
            "rule": ruling.rule,
            "number": ruling.number,
            "rule_number": ruling.rule_number,
            "reason_code": ruling.reason_code,
            "reason": ruling.reason,
            "answers": ruling.answers,
            "units": [self._quoted(unit) for unit in ruling.units],
            "spans": [self._quoted(span) for span in ruling.spans],
            "adjudicator": self.pseudonym(ruling.adjudicator_id),
            "took": self.pseudonym(ruling.took.reviewer_id) if ruling.took else None,
            "codebook": ruling.codebook_version.number,
            "codebook_digest": ruling.codebook_version.digest,
            "missing_tests": missing,
        }

    def _quoted(self, part: dict[str, Any]) -> dict[str, Any]:
        """A unit or span of a ruling, without the words where the release holds no text."""
        return part if self.include_text else {**part, "quote": None}

    def _label(self, label: LabelRevision, seen: dict[int, str]) -> dict[str, Any]:
        name = self.pseudonym(label.reviewer_id)
        self.reviewers.add(str(name))
        units = list(label.units.all())
        numbers = {unit.pk: unit.number for unit in units}
        return {
            "reviewer": name,
            "stage": label.stage,
            "number": label.number,
            "label": label.label,
            "derived_label": label.derived_label,
            "group": label.group,
            "grade": label.grade,
            "grade_cap": label.grade_cap,
            "answers": label.answers,
            "confidence": label.confidence,
            "rationale": label.rationale,
            "lowered_reason": label.lowered_reason,
            "missing_tests": _words(label.missing_tests),
            "spans": [
                {
                    "kind": span.kind,
                    "position": span.position,
                    "part": span.part,
                    "start": span.start,
                    "end": span.end,
                    "quote": span.quote if self.include_text else None,
                    "unit": numbers[span.unit_id],
                }
                for span in label.spans.all()
            ],
            "units": [self._unit(unit) for unit in units],
            "flag": label.flag,
            "evidence_seen": sorted({seen[reading] for reading in label.evidence_seen if reading in seen}),
            "relied_on": sorted({cited["channel"] for cited in label.relied_on if cited.get("channel")}),
            "active_seconds": label.active_seconds,
            "late": label.late,
            "codebook": label.codebook_version.number,
        }

    def _unit(self, unit: LabelUnit) -> dict[str, Any]:
        return {
            "number": unit.number,
            "position": unit.position,
            "part": unit.part,
            "start": unit.start,
            "end": unit.end,
            "quote": unit.quote if self.include_text else None,
            "label": unit.label,
            "derived_label": unit.derived_label,
            "group": unit.group,
            "grade": unit.grade,
            "grade_cap": unit.grade_cap,
            "answers": unit.answers,
            "lowered_reason": unit.lowered_reason,
            "missing_tests": _words(unit.missing_tests),
        }

    def _sampling(self, item: Item) -> dict[str, Any]:
        drawn = item.sample_item
        assert drawn is not None  # releases hold items that were drawn, and no others
        return {
            "sample": self.sample.name,
            "design": self.sample.design,
            "seed": self.sample.seed,
            "stratum": self.strata[drawn.stratum] if drawn.stratum < len(self.strata) else str(drawn.stratum),
            "probability": drawn.probability,
            "overall": drawn.overall,
            "carries_back": self.sample.carries_back,
            "frame_size": self.sample.frame_size,
        }


def _message(message: Message) -> dict[str, Any]:
    return {
        "position": message.position,
        "role": message.role,
        "text": message.text,
        "reasoning": message.reasoning,
        "parts": message.parts,
        "model": message.model_name,
    }


def _rolled(rollup: Rollup) -> dict[str, Any]:
    return {
        "channel": rollup.channel.key,
        "kind": rollup.channel.kind,
        "value": rollup.value,
        "label": rollup.label,
        "readings": rollup.n,
    }


def _words(tests: Iterable[Any]) -> list[str]:
    """Missing tests by key, however the label kept them."""
    return [str(test.get("key", "")) if isinstance(test, dict) else str(test) for test in tests]


def _channel_keys(reading_ids: set[int]) -> dict[int, str]:
    """The channel of each reading that had been seen, whether or not it is current still."""
    rows = Channel.objects.filter(readings__pk__in=reading_ids).exclude(kind=HUMAN)
    return dict(rows.values_list("readings__pk", "key"))
