"""How two releases differ, transcript by transcript, from what the database keeps of each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from labeling.datasets.models import Release

ADDED, REMOVED, RELABELLED, MOVED = "added", "removed", "relabelled", "moved"
KINDS = {
    ADDED: "Only in the newer",
    REMOVED: "Only in the older",
    RELABELLED: "Another label",
    MOVED: "Another split",
}
COLUMNS = (
    "change", "external_id", "record_digest", "ordinal", "label_before", "label_after", "group_before", "group_after",
    "grade_before", "grade_after", "how_before", "how_after", "split_before", "split_after", "ruling_before",
    "ruling_after", "rule", "reason_code", "reason",
)  # fmt: skip
# A transcript is known by its record, so releases of one project are compared by the row itself.
SQL = """
SELECT t.id, t.external_id, t.record_digest, t.ordinal, b.transcript_id IS NOT NULL, a.transcript_id IS NOT NULL,
    coalesce(b.label, ''), coalesce(a.label, ''), coalesce(b."group", ''), coalesce(a."group", ''),
    coalesce(b.grade, ''), coalesce(a.grade, ''), coalesce(b.how, ''), coalesce(a.how, ''),
    coalesce(b.split, ''), coalesce(a.split, ''), rb.number, ra.number,
    coalesce(ra.rule, ''), coalesce(ra.reason_code, ''), coalesce(ra.reason, '')
FROM (SELECT * FROM datasets_releaseitem WHERE release_id = %(before)s) b
FULL JOIN (SELECT * FROM datasets_releaseitem WHERE release_id = %(after)s) a USING (transcript_id)
JOIN corpus_transcript t ON t.id = transcript_id
LEFT JOIN adjudication_ruling rb ON rb.id = b.ruling_id
LEFT JOIN adjudication_ruling ra ON ra.id = a.ruling_id
WHERE a.transcript_id IS NULL OR b.transcript_id IS NULL
    OR (a.label, a.grade, a.split) IS DISTINCT FROM (b.label, b.grade, b.split)
ORDER BY t.external_id, t.record_digest, t.ordinal
"""


@dataclass(frozen=True)
class Change:
    """One transcript that the two releases have differently."""

    transcript_id: int
    external_id: str
    record_digest: str
    ordinal: int
    kinds: tuple[str, ...]
    label: tuple[str, str]  # before, after; empty where it is not in
    group: tuple[str, str]
    grade: tuple[str, str]
    how: tuple[str, str]
    split: tuple[str, str]
    ruling: tuple[int | None, int | None]  # numbers
    rule: str
    reason_code: str
    reason: str

    @property
    def name(self) -> str:
        """How people refer to the transcript."""
        return self.external_id or f"t-{self.transcript_id}"

    def row(self) -> list[Any]:
        """As `COLUMNS`."""
        pairs = (self.label, self.group, self.grade, self.how, self.split, self.ruling)
        told = [value for pair in pairs for value in pair]
        return [
            "+".join(self.kinds), self.external_id, self.record_digest, self.ordinal, *told, self.rule,
            self.reason_code, self.reason,
        ]  # fmt: skip

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return dict(zip(COLUMNS, self.row(), strict=True)) | {"change": list(self.kinds)}


def changes(before: Release, after: Release) -> Iterator[Change]:
    """What the two have differently, by the transcripts' names; what both have alike is left out.

    One label more or less severe in its grade counts as relabelled too. The reason is that of the newer release's ruling.
    """
    with connection.cursor() as cursor:
        cursor.execute(SQL, {"before": before.pk, "after": after.pk})
        for row in cursor:
            pk, name, digest, ordinal, was, is_, *rest = row
            pairs = [(rest[at], rest[at + 1]) for at in range(0, 12, 2)]
            label, group, grade, how, split, ruling = pairs
            yield Change(
                pk, name, digest, ordinal, _kinds(was, is_, label, grade, split), label, group, grade, how, split, ruling,
                *rest[12:],
            )  # fmt: skip


def counts(some: Iterator[Change]) -> dict[str, int]:
    """How many changes of each kind."""
    found = Counter(kind for one in some for kind in one.kinds)
    return {kind: found[kind] for kind in KINDS}


def _kinds(
    was: bool, is_: bool, label: tuple[str, str], grade: tuple[str, str], split: tuple[str, str]
) -> tuple[str, ...]:
    if not was:
        return (ADDED,)
    if not is_:
        return (REMOVED,)
    relabelled = (RELABELLED,) if label[0] != label[1] or grade[0] != grade[1] else ()
    return (*relabelled, MOVED) if split[0] != split[1] else relabelled
