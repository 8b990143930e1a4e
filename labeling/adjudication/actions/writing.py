"""What every settling writes: a ruling with its citations, its reading and its event."""

from collections.abc import Mapping, Sequence
from typing import Any

from auditor.accounts.models import User
from auditor.evidence.actions import NewReading, declare_channel, write_readings
from auditor.evidence.models import HUMAN, Channel
from auditor.ledger.actions import record
from labeling.adjudication.content import Held
from labeling.adjudication.models import BulkRun, Case, Ruling, SentBack
from labeling.annotations.models import LabelRevision
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Item

CHANNEL = "people.ruling"


def lock_item(item: Item) -> Item:
    """The item's row, held until the transaction ends."""
    rows = Item.objects.select_for_update(of=("self",), no_key=True).select_related("round__codebook_version")
    rows = rows.defer("round__codebook_version__definition")
    return rows.get(pk=item.pk)


def write_ruling(
    item: Item,
    labels: Sequence[LabelRevision],
    last: Ruling | None,
    by: str,
    held: Held,
    *,
    rule_number: int = 0,
    reason_code: str = "",
    reason: str = "",
    adjudicator: User | None = None,
    took: LabelRevision | None = None,
    mixed: Mapping[str, LabelRevision] | None = None,
    bulk_run: BulkRun | None = None,
) -> Ruling:
    """The next ruling on an item whose row the caller holds; it settles the item's case, if there is one."""
    entry = definition_of(item.round.codebook_version).by_code[held.label]
    ruling = Ruling.objects.create(
        item=item, number=last.number + 1 if last else 1, rule=by, rule_number=rule_number, label=held.label,
        group=entry.group, grade=held.grade, answers=held.answers, units=held.units, spans=held.spans,
        codebook_version=item.round.codebook_version, reason_code=reason_code, reason=reason,
        adjudicator=adjudicator, took=took, bulk_run=bulk_run,
        mixed={key: one.pk for key, one in (mixed or {}).items()},
    )  # fmt: skip
    ruling.cites.set(labels)
    Case.objects.filter(item=item).update(settled_at=ruling.created_at, returned_at=None)
    open_questions = SentBack.objects.filter(case__item=item, answered_at__isnull=True)
    open_questions.update(answered_at=ruling.created_at)
    detail = {"group": entry.group, "words": entry.words, "grade": held.grade}
    write_readings(
        readings=[_reading(item, label=held.label, detail=detail)], source=f"adjudication:{ruling.pk}"
    )
    record(
        verb="item.ruled", subject=ruling, actor=adjudicator, project_id=item.round.project_id, item=item.pk,
        number=ruling.number, rule=by, took=took.pk if took else None, cites=sorted(one.pk for one in labels),
    )  # fmt: skip
    return ruling


def withdraw_reading(item: Item, case: Case) -> None:
    """A ruling that held until now holds no longer; what lists say of the item says so too."""
    reading = _reading(item, label="", detail={"withdrawn": "the labels differ now"})
    write_readings(readings=[reading], source=f"adjudication:case:{case.pk}")


def _reading(item: Item, *, label: str, detail: Mapping[str, Any]) -> NewReading:
    return NewReading(
        channel=_channel(item.round.project_id),
        transcript_id=item.transcript_id,
        value=None,
        label=label,
        identifier=item.round.veil_key,
        detail=detail,
    )


def _channel(project_id: int) -> Channel:
    found = Channel.objects.filter(project_id=project_id, key=CHANNEL).first()
    return found or declare_channel(
        project_id=project_id,
        key=CHANNEL,
        kind=HUMAN,
        actor=None,
        name="Rulings",
        polarity="what the item is held to be",
    )
