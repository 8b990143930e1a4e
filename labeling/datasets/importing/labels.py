"""Items, leases, labels and rulings of a release as rows for COPY, under ids that are taken beforehand.

Rows of labels and rulings are never edited, so each is written whole, with the moment that it had.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from auditor.accounts.models import User
from auditor.corpus.copying import copy_rows, next_ids
from auditor.corpus.copytext import row
from auditor.corpus.jsontext import encode_json
from auditor.runs.models import Run
from labeling.adjudication.bulkrules import BULK
from labeling.adjudication.models import BulkRun
from labeling.codebooks.models import CodebookVersion
from labeling.datasets.importing.checking import moment_of
from labeling.datasets.importing.evidence import Evidence
from labeling.datasets.importing.shape import LabelIn, RecordIn, ReferenceIn, RulingIn
from labeling.queues.models import WORK, Round

ITEM = (
    "id", "round_id", "transcript_id", "role", "sample_item_id", '"order"', "wanted", "n_done", "finished_at",
    "escalated_at", "escalation",
)  # fmt: skip
DRAWN = ("id", "sample_id", "transcript_id", '"order"', "stratum", "probability", "overall")
SLOT = ("id", "round_id", "item_id", "slot", "planned_for_id", "reviewer_id", "place", "is_open")
LEASE = (
    "id", "item_id", "slot", "reviewer_id", "state", "reason", "skip_reason", "note", "taken_at", "expires_at", "ended_at",
)  # fmt: skip
REVISION = (
    "id", "item_id", "lease_id", "reviewer_id", "codebook_version_id", "stage", "number", "answers", "derived_label",
    "label", '"group"', "grade", "grade_cap", "lowered_reason", "missing_tests", "confidence", "rationale", "flag",
    "relied_on", "evidence_seen", "active_seconds", "late", "committed_at",
)  # fmt: skip
UNIT = (
    "id", "revision_id", "number", "position", "part", "start", '"end"', "quote", "answers", "derived_label", "label",
    '"group"', "grade", "grade_cap", "lowered_reason", "missing_tests",
)  # fmt: skip
SPAN = ("revision_id", "unit_id", "kind", "position", "part", "start", '"end"', "quote")
RULING = (
    "id", "item_id", "number", "rule", "rule_number", "label", '"group"', "grade", "answers", "units", "spans",
    "codebook_version_id", "reason_code", "reason", "adjudicator_id", "took_id", "mixed", "bulk_run_id", "created_at",
)  # fmt: skip
CITES = ("ruling_id", "labelrevision_id")
CASE = (
    "id", "item_id", "opened_at", "settled_at", "disagreement", "reasons", "axes", "rules_number", "newest_label", "priority",
)  # fmt: skip
CASE_LEASE = ("case_id",)
BEFORE = timedelta(microseconds=1)


@dataclass
class Rows:
    """Rows of one chunk by table, in the order in which tables depend on each other."""

    drawn: list[bytes] = field(default_factory=list)
    items: list[bytes] = field(default_factory=list)
    slots: list[bytes] = field(default_factory=list)
    leases: list[bytes] = field(default_factory=list)
    revisions: list[bytes] = field(default_factory=list)
    units: list[bytes] = field(default_factory=list)
    spans: list[bytes] = field(default_factory=list)
    rulings: list[bytes] = field(default_factory=list)
    cites: list[bytes] = field(default_factory=list)
    cases: list[bytes] = field(default_factory=list)
    case_leases: list[bytes] = field(default_factory=list)

    def copy(self) -> None:
        """Write them all; the caller holds the transaction."""
        for table, columns, rows in (
            ("sampling_sampleitem", DRAWN, self.drawn),
            ("queues_item", ITEM, self.items),
            ("queues_assignment", SLOT, self.slots),
            ("queues_lease", LEASE, self.leases),
            ("annotations_labelrevision", REVISION, self.revisions),
            ("annotations_labelunit", UNIT, self.units),
            ("annotations_labelspan", SPAN, self.spans),
            ("adjudication_ruling", RULING, self.rulings),
            ("adjudication_ruling_cites", CITES, self.cites),
            ("adjudication_case", CASE, self.cases),
            ("adjudication_caselease", CASE_LEASE, self.case_leases),
        ):
            if rows:
                copy_rows(table, columns, rows)


class Ids:
    """Ids of a table, some at a time."""

    def __init__(self, table: str, n: int) -> None:
        self._ids = iter(next_ids(table, n) if n else ())

    def take(self) -> int:
        """The next one."""
        return next(self._ids)


class Labels:
    """Makes the rows of the labels and rulings of one release."""

    def __init__(
        self,
        rounds: Mapping[str, Round],
        versions: Mapping[str, CodebookVersion],
        people: Mapping[str, int],
        evidence: Evidence,
        otherwise: datetime,
        actor: User,
    ) -> None:
        self.rounds, self.versions, self.people, self.evidence = rounds, versions, people, evidence
        self.otherwise = otherwise  # the moment of what does not say it
        self.actor = actor
        self.done: dict[int, dict[int, int]] = {}  # round -> person -> items
        self.said: list[
            tuple[int, str, str, dict[str, Any]]
        ] = []  # transcript, label, who, detail: for lists
        self.ruled: list[tuple[int, str, str, dict[str, Any]]] = []
        self._strata = {
            name: {str(one.get("name", at)): at for at, one in enumerate(round.sample.strata)}
            for name, round in rounds.items()
        }
        self._bulk: dict[tuple[int, str, int], int] = {}
        self._places = count()

    def write(self, records: Sequence[RecordIn], transcripts: Sequence[int]) -> None:
        """The rows of these records."""
        rulings = [[*one["earlier_rulings"], *([one["ruling"]] if one["ruling"] else [])] for one in records]
        sizes = {
            "queues_item": len(records), "sampling_sampleitem": len(records),
            "queues_lease": sum(len({label["reviewer"] for label in one["labels"]}) for one in records),
            "annotations_labelrevision": sum(len(one["labels"]) for one in records),
            "annotations_labelunit": sum(len(label["units"]) for one in records for label in one["labels"]),
            "adjudication_ruling": sum(map(len, rulings)), "adjudication_case": len(records),
        }  # fmt: skip
        sizes["queues_assignment"] = sizes["queues_lease"]
        ids = {table: Ids(table, n) for table, n in sizes.items()}
        rows = Rows()
        for record, ruled, transcript in zip(records, rulings, transcripts, strict=True):
            self._item(record, ruled, transcript, ids, rows)
        rows.copy()

    def _item(
        self, record: RecordIn, rulings: list[RulingIn], transcript: int, ids: Mapping[str, Ids], rows: Rows
    ) -> None:
        round, drawn, labels = self.rounds[record["round"]["name"]], record["sampling"], record["labels"]
        item, sampled = ids["queues_item"].take(), ids["sampling_sampleitem"].take()
        stratum = self._strata[record["round"]["name"]].get(drawn["stratum"], 0)
        rows.drawn.append(
            row(
                sampled,
                round.sample_id,
                transcript,
                drawn["order"],
                stratum,
                repr(drawn["probability"]),
                _real(drawn["overall"]),
            )
        )
        filled = {one["reviewer"] for one in labels if one["stands"]}
        settled = record["ruling"] is not None
        wanted = (
            max(1, len(filled)) if settled else len(filled) + 1
        )  # what is not settled is not finished either
        escalation = record["round"]["escalation"] or ""
        last = max((self._at(one["at"]) for one in labels), default=self.otherwise)
        rows.items.append(
            row(
                item, round.pk, transcript, WORK, sampled, drawn["order"], wanted, len(filled), last if settled else None,
                last if escalation else None, escalation,
            )
        )  # fmt: skip
        revisions = self._labels(round, item, transcript, labels, filled, ids, rows)
        for ruling in rulings:
            self._ruling(round, item, ruling, revisions, ids["adjudication_ruling"].take(), rows)
        if record["ruling"] is not None:
            self._settled(
                round, item, transcript, record["ruling"], max(revisions.values(), default=0), ids, rows
            )

    def _labels(
        self,
        round: Round,
        item: int,
        transcript: int,
        labels: Sequence[LabelIn],
        filled: set[str],
        ids: Mapping[str, Ids],
        rows: Rows,
    ) -> dict[tuple[str, str, int], int]:
        """The label revisions of one item; their ids by whose they are."""
        leases: dict[str, int] = {}
        for slot, name in enumerate(
            sorted({one["reviewer"] for one in labels}, key=lambda one: (one not in filled, one))
        ):
            mine = [self._at(one["at"]) for one in labels if one["reviewer"] == name]
            leases[name] = ids["queues_lease"].take()
            state, reason = ("done", "") if name in filled else ("released", "expired")
            person = self.people[name]
            rows.leases.append(
                row(leases[name], item, slot, person, state, reason, "", "", min(mine), max(mine), max(mine))
            )
            if name in filled:
                slot_id = ids["queues_assignment"].take()
                rows.slots.append(
                    row(slot_id, round.pk, item, slot, person, person, next(self._places), False)
                )
                seats = self.done.setdefault(round.pk, {})
                seats[person] = seats.get(person, 0) + 1
        made: dict[tuple[str, str, int], int] = {}
        for one in sorted(labels, key=lambda label: (self._at(label["at"]), label["number"])):
            pk = ids["annotations_labelrevision"].take()
            made[one["reviewer"], one["stage"], one["number"]] = pk
            rows.revisions.append(self._revision(one, pk, item, leases[one["reviewer"]], transcript))
            self._parts(one, pk, ids["annotations_labelunit"], rows)
            if one["stands"]:
                detail = {
                    "group": one["group"],
                    "words": self._words(one["codebook_digest"], one["label"]),
                    "grade": one["grade"],
                }
                self.said.append((transcript, one["label"], str(self.people[one["reviewer"]]), detail))
        return made

    def _revision(self, one: LabelIn, pk: int, item: int, lease: int, transcript: int) -> bytes:
        return row(
            pk, item, lease, self.people[one["reviewer"]], self.versions[one["codebook_digest"]].pk, one["stage"],
            one["number"], encode_json(one["answers"]), one["derived_label"], one["label"], one["group"], one["grade"],
            one["grade_cap"], one["lowered_reason"] or "", encode_json(one["missing_tests"]), one["confidence"],
            one["rationale"] or "", one["flag"] or "", encode_json(self.evidence.relied(one, transcript)),
            encode_json(self.evidence.seen(one, transcript)), one["active_seconds"], one["late"], self._at(one["at"]),
        )  # fmt: skip

    def _parts(self, one: LabelIn, revision: int, ids: Ids, rows: Rows) -> None:
        units = {}
        for unit in one["units"]:
            units[unit["number"]] = pk = ids.take()
            rows.units.append(
                row(
                    pk, revision, unit["number"], unit["position"], unit["part"], unit["start"], unit["end"],
                    unit["quote"] or "", encode_json(unit["answers"]), unit["derived_label"], unit["label"], unit["group"],
                    unit["grade"], unit["grade_cap"], unit["lowered_reason"] or "", encode_json(unit["missing_tests"]),
                )
            )  # fmt: skip
        rows.spans += [
            row(
                revision, units[span["unit"]], span["kind"], span["position"], span["part"], span["start"], span["end"],
                span["quote"] or "",
            )
            for span in one["spans"]
        ]  # fmt: skip

    def _ruling(
        self,
        round: Round,
        item: int,
        ruling: RulingIn,
        revisions: Mapping[tuple[str, str, int], int],
        pk: int,
        rows: Rows,
    ) -> None:
        def of(reference: ReferenceIn) -> int:
            return revisions[reference["reviewer"], reference["stage"], reference["number"]]

        bulk = self._bulk_run(round, ruling) if ruling["rule"] in BULK else None
        mixed = {key: of(one) for key, one in ruling["mixed"].items() if one is not None}
        rows.rulings.append(
            row(
                pk, item, ruling["number"], ruling["rule"], ruling["rule_number"], ruling["label"], ruling["group"],
                ruling["grade"], encode_json(ruling["answers"]), encode_json(_quoted(ruling["units"])),
                encode_json(_quoted(ruling["spans"])), self.versions[ruling["codebook_digest"]].pk, ruling["reason_code"],
                ruling["reason"] or ("" if ruling["adjudicator"] is None else "—"),
                self.people[ruling["adjudicator"]] if ruling["adjudicator"] else None,
                of(ruling["took"]) if ruling["took"] else None, encode_json(mixed), bulk, self._at(ruling["at"]),
            )
        )  # fmt: skip
        rows.cites += [row(pk, one) for one in sorted({of(one) for one in ruling["cites"]})]

    def _settled(
        self,
        round: Round,
        item: int,
        transcript: int,
        ruling: RulingIn,
        newest: int,
        ids: Mapping[str, Ids],
        rows: Rows,
    ) -> None:
        """What holds is known to lists, and a case that somebody decided is a settled one."""
        words = self._words(ruling["codebook_digest"], ruling["label"])
        detail = {"group": ruling["group"], "words": words, "grade": ruling["grade"]}
        self.ruled.append((transcript, ruling["label"], round.veil_key, detail))
        if ruling["adjudicator"] is None:
            return
        case, at = ids["adjudication_case"].take(), self._at(ruling["at"])
        rows.cases.append(row(case, item, at - BEFORE, at, 0, '["imported"]', "[]", 0, newest, 0))
        rows.case_leases.append(row(case))

    def _bulk_run(self, round: Round, ruling: RulingIn) -> int:
        """The application of a bulk rule that a ruling came from."""
        key = (round.pk, ruling["rule"], ruling["rule_number"])
        if key not in self._bulk:
            at = self._at(ruling["at"])
            run = Run.objects.create(
                project_id=round.project_id, kind="bulk", title=f"{ruling['rule']} of an imported release", task="none",
                status="done", created_by=self.actor, finished_at=at,
            )  # fmt: skip
            made = BulkRun.objects.create(
                round=round,
                number=ruling["rule_number"],
                rule=ruling["rule"],
                run=run,
                created_by=self.actor,
                done_at=at,
            )
            self._bulk[key] = made.pk
        return self._bulk[key]

    def _words(self, digest: str, label: str) -> str:
        labels = self.versions[digest].definition.get("labels", ())
        return next((one["words"] for one in labels if one["code"] == label), label)

    def _at(self, said: str | None) -> datetime:
        return moment_of(said) or self.otherwise


def _quoted(parts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**part, "quote": part.get("quote") or ""} for part in parts]


def _real(value: float | None) -> str | None:
    return None if value is None else repr(value)


def chunked(
    records: Iterable[tuple[int, RecordIn]], size: int, chars: int
) -> Iterator[list[tuple[int, RecordIn]]]:
    """Records in lists that are safe to hold in memory."""
    chunk: list[tuple[int, RecordIn]] = []
    held = 0
    for number, record in records:
        chunk.append((number, record))
        held += sum(
            len(one["text"] or "") + len(one["reasoning"] or "")
            for one in record["transcript"]["messages"] or ()
        )
        if len(chunk) >= size or held >= chars:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk
