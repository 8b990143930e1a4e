"""Which committed labels another version of their codebook touches, and how; as one person may know it.

Every final label made under an earlier version is read anew: same answers, same evidence, the other
version's questions and rules. Transcripts on which colleagues' labels are veiled from the person are
left out of rows and counts altogether, since each row says what somebody answered.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, OuterRef

from auditor.accounts.models import User
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import channels_of, visible_to
from labeling.annotations.models import FINAL, LabelRevision, LabelSpan, LabelUnit
from labeling.annotations.rail import most_severe
from labeling.codebooks.models import Codebook as CodebookRow
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.parts import Codebook
from labeling.codebooks.rereading import GRADE, KINDS, MOVES, UNCHANGED, Reread, Said, reread
from labeling.queues.models import WORK, Item, Round

UNIT = ("revision_id", "pk", "answers", "label", "derived_label", "grade", "grade_cap")


@dataclass(frozen=True)
class TouchedLabel:
    """One committed label, and what it would be."""

    item_id: int
    transcript_id: int
    transcript_name: str
    round_id: int
    version: int  # number of the version it was made under
    label: str
    grade: str
    now: Reread
    again: bool  # the transcript is already being labelled under the other version

    @property
    def kind(self) -> str:
        return self.now.kind

    @property
    def move(self) -> tuple[str, str]:
        """From what to what, as far as it has labels."""
        return (self.label, self.now.label)


@dataclass(frozen=True)
class Touched:
    """All labels of a codebook's earlier versions, read by another."""

    labels: tuple[TouchedLabel, ...]
    some_left_out: bool  # on transcripts where this person may not know what colleagues said
    rounds: dict[int, Round] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many labels there are of each kind."""
        found = Counter(one.kind for one in self.labels)
        return {kind: found[kind] for kind in KINDS}

    @property
    def n_touched(self) -> int:
        return sum(one.kind != UNCHANGED for one in self.labels)

    def of_kind(self, kind: str) -> list[TouchedLabel]:
        return [one for one in self.labels if one.kind == kind]

    def ways(self, kind: str) -> list[tuple[str, int]]:
        """What exactly happens to the labels of a kind, most frequent first."""
        return Counter(_way(one) for one in self.of_kind(kind)).most_common()

    def to_label_again(self, kinds: Iterable[str]) -> dict[int, list[int]]:
        """Round id -> the transcripts of its touched labels that nobody labels under the other version yet."""
        wanted = set(kinds) - {UNCHANGED}
        found: dict[int, dict[int, None]] = defaultdict(dict)
        for one in self.labels:
            if one.kind in wanted and not one.again:
                found[one.round_id][one.transcript_id] = None
        return {round_id: list(ids) for round_id, ids in sorted(found.items())}


def touched(
    *, codebook: CodebookRow, by: Codebook, person: User, version: CodebookVersion | None = None
) -> Touched:
    """The final labels made under versions before `version` (a draft: under any), read by the definition `by`."""
    revisions = LabelRevision.objects.filter(
        codebook_version__codebook=codebook, stage=FINAL, item__role=WORK
    )
    again = Item.objects.none()
    if version is not None:
        revisions = revisions.filter(codebook_version__number__lt=version.number)
        again = Item.objects.filter(
            transcript_id=OuterRef("item__transcript_id"), round__codebook_version=version
        )
    newest = LabelRevision.objects.filter(stage=FINAL).order_by("-number")
    rows = list(
        revisions.exclude(
            Exists(
                newest.filter(
                    item_id=OuterRef("item_id"), reviewer_id=OuterRef("reviewer_id"), number__gt=OuterRef("number")
                )
            )
        )
        .annotate(again=Exists(again))
        .order_by("item__round_id", "item__order", "pk")
        .values_list(
            "pk", "item_id", "item__transcript_id", "item__transcript__external_id", "item__round_id",
            "codebook_version__number", "label", "grade", "relied_on", "again",
        )
    )  # fmt: skip
    sight = visible_to(person)
    veiled = sight.veiled_ids({row[2] for row in rows}, HUMAN)
    rows = [row for row in rows if row[2] not in veiled]
    read = _read_all(by, rows, codebook.project_id)
    labels = tuple(
        TouchedLabel(
            item,
            transcript,
            name or f"t-{transcript}",
            round_id,
            number,
            label,
            step,
            read[pk],
            bool(labelled),
        )
        for pk, item, transcript, name, round_id, number, label, step, _, labelled in rows
    )
    return Touched(
        labels=labels,
        some_left_out=sight.is_veiled_anywhere(codebook.project_id, [HUMAN]),
        rounds=Round.objects.in_bulk({one.round_id for one in labels}),
    )


def _read_all(by: Codebook, rows: list[tuple[Any, ...]], project_id: int) -> dict[int, Reread]:
    """Revision id -> what becomes of it; what reads alike is read once."""
    kinds = dict(channels_of(project_id).values_list("key", "kind"))
    relied = {
        row[0]: frozenset(kinds[one["channel"]] for one in row[8] if one.get("channel") in kinds)
        for row in rows
    }
    known: dict[tuple[object, ...], Reread] = {}
    units: dict[int, list[tuple[Said, Reread]]] = defaultdict(list)
    for pk, said in _units(relied):
        if said.key not in known:
            known[said.key] = reread(by, said)
        units[pk].append((said, known[said.key]))
    return {row[0]: _of_all(by, units[row[0]], stood=row[6]) for row in rows}


def _units(relied: dict[int, frozenset[str]]) -> Iterable[tuple[int, Said]]:
    spans: dict[int, set[str]] = defaultdict(set)
    ids = list(relied)
    for unit, kind in (
        LabelSpan.objects.filter(revision_id__in=ids).order_by().values_list("unit_id", "kind").distinct()
    ):
        spans[unit].add(kind)
    rows = LabelUnit.objects.filter(revision_id__in=ids).order_by("revision_id", "number")
    for revision, pk, answers, label, derived, step, cap in rows.values_list(*UNIT).iterator(chunk_size=5000):
        yield revision, Said(answers, label, derived, step, cap, relied[revision] | spans[pk])


def _of_all(by: Codebook, units: list[tuple[Said, Reread]], *, stood: str) -> Reread:
    """What the whole label becomes: while every unit has a label, the most severe speaks."""
    said, first = min(units, key=lambda unit: KINDS.index(unit[1].kind))
    if not first.label or len(units) == 1:
        return first
    now = units[most_severe(by, [(one.label, one.grade) for _, one in units])][1]
    part = f"{stood} stays; within it {said.label} → {first.label}"
    inside = first.kind == MOVES and now.label == stood
    return Reread(first.kind, now.label, now.grade, part if inside else first.why)


def _way(one: TouchedLabel) -> str:
    if one.now.why:
        return one.now.why
    if one.kind == GRADE:
        return f"{one.label}: {one.grade} → {one.now.grade}"
    return f"{one.label} → {one.now.label}"
