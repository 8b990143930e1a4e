"""Where a reviewer stands with an item at the moment of a commit, held until its transaction ends.

Two statements and one more for the labels there are: every label is committed through here, and
asking for whole rows costs more than the rest of a commit. What a statement does not bring is fetched
when somebody asks for it.
"""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from django.db import connection, models

from auditor.accounts.models import User
from auditor.corpus.models import Transcript
from labeling.annotations.actions.refusals import NotOnDesk
from labeling.annotations.models import LabelRevision
from labeling.annotations.queries import Standing, standing_among
from labeling.codebooks.models import CodebookVersion
from labeling.queues.models import Item, Lease, Round

Row = TypeVar("Row", bound=models.Model)
# One tab of a reviewer at a time; comes before every lock on leases and items, as in `queues.actions`.
SEAT = """
    SELECT seat.id FROM queues_roundmember seat JOIN queues_item item ON item.round_id = seat.round_id
    WHERE item.id = %s AND seat.user_id = %s FOR UPDATE OF seat
"""
WANTED: Mapping[type[models.Model], set[str]] = {
    Lease: {"id", "item_id", "slot", "reviewer_id", "state", "reason", "taken_at", "expires_at"},
    Item: {"id", "round_id", "transcript_id", "role", "sample_item_id", "wanted", "finished_at"},
    Round: {
        "id",
        "project_id",
        "name",
        "codebook_version_id",
        "overlap",
        "policy",
        "lease_minutes",
        "closed_at",
    },
    CodebookVersion: {"id", "codebook_id", "number", "digest"},
    Transcript: {"id", "project_id", "parent_id", "shared", "n_messages"},
}
WANTED_OF_LABELS = {"id", "item_id", "reviewer_id", "stage", "number", "late", "label"}


def _in_order(model: type[models.Model], names: Collection[str]) -> tuple[str, ...]:
    """The columns in the order in which `from_db` takes their values."""
    return tuple(field.attname for field in model._meta.concrete_fields if field.attname in names)


COLUMNS = {model: _in_order(model, names) for model, names in WANTED.items()}
OF_LABELS = _in_order(LabelRevision, WANTED_OF_LABELS)
# The lease that counts: done, held, or else the newest that was released.
HELD = f"""
    SELECT {
    ", ".join(
        f"{table}.{column}"
        for table, model in (
            ("lease", Lease),
            ("item", Item),
            ("round", Round),
            ("version", CodebookVersion),
            ("transcript", Transcript),
        )
        for column in COLUMNS[model]
    )
}
    FROM queues_lease lease JOIN queues_item item ON item.id = lease.item_id
    JOIN queues_round round ON round.id = item.round_id
    JOIN codebooks_codebookversion version ON version.id = round.codebook_version_id
    JOIN corpus_transcript transcript ON transcript.id = item.transcript_id
    WHERE lease.item_id = %s AND lease.reviewer_id = %s
    ORDER BY lease.state, lease.id DESC LIMIT 1 FOR UPDATE OF lease
"""  # noqa: S608 - made of constants
SAID = f"""
    SELECT {", ".join(OF_LABELS)} FROM annotations_labelrevision
    WHERE item_id = %s AND reviewer_id = %s ORDER BY number
"""  # noqa: S608 - made of constants


def hold(item_id: int, reviewer: User, project_id: int | None = None) -> Standing:
    """Where the reviewer stands, with their seat and their lease's row held.

    Raises:
        NotOnDesk: the item was never handed to them, or is of another project than the one named.
    """
    with connection.cursor() as cursor:
        cursor.execute(SEAT, [item_id, reviewer.pk])
        cursor.execute(HELD, [item_id, reviewer.pk])
        found = cursor.fetchone()
        if found is None:
            raise NotOnDesk("This item is not on your desk.")
        cursor.execute(SAID, [item_id, reviewer.pk])
        said = cursor.fetchall()
    values = iter(found)
    lease, item, round, version, transcript = (
        _row(model, [next(values) for _ in COLUMNS[model]])
        for model in (Lease, Item, Round, CodebookVersion, Transcript)
    )
    assert isinstance(lease, Lease)
    assert isinstance(item, Item)
    assert isinstance(round, Round)
    if project_id is not None and round.project_id != project_id:
        raise NotOnDesk("This item is not on your desk.")
    lease.item, lease.reviewer = item, reviewer
    item.round, item.transcript = round, transcript  # type: ignore[assignment]
    round.codebook_version = version  # type: ignore[assignment]
    revisions = [LabelRevision.from_db("default", OF_LABELS, row) for row in said]
    return standing_among(revisions, item, lease, reviewer)


def _row(model: type[Row], values: list[Any]) -> Row:
    """A row of which only some columns are known; the others are fetched when they are asked for."""
    return model.from_db("default", COLUMNS[model], values)
