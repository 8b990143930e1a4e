"""Lists of the API: some rows and the cursor that leads on, bounded whatever was asked for."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Query, Schema
from pydantic import ConfigDict, Field

from auditor.web.keyset import page_of

MOST = 200  # rows of one answer
Row = TypeVar("Row", bound=Model)
Shown = TypeVar("Shown")

After = Annotated[str, Query(description="`next` of the list before; empty for the first", max_length=500)]
Limit = Annotated[int, Query(description="Rows of one answer", ge=1, le=MOST)]


class Listed(Schema, Generic[Shown]):
    """Some rows of a list."""

    model_config = ConfigDict(json_schema_extra={"description": "Some rows of a list."})
    items: list[Shown]
    next: str = Field("", description="Ask again with `after` set to this; empty at the end")


def listed(
    rows: QuerySet[Row],
    show: Callable[[Row], Shown],
    *,
    after: str,
    limit: int,
    key: str = "id",
    descending: bool = True,
) -> Listed[Shown]:
    """One page of unordered `rows` by (`key`, id).

    Raises:
        BadCursor: the cursor is not one of ours.
    """
    page = page_of(rows.order_by(), key=key, descending=descending, cursor=after, size=limit)
    return Listed(items=[show(row) for row in page.rows], next=page.after)
