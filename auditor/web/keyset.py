"""Paging by key: the next page starts after the last row seen, so depth costs nothing."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import F, Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


class BadCursor(ValueError):
    """The cursor in the address is not one of ours."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, and the cursors that lead on from them."""

    rows: list[Row]
    after: str  # cursor of the next page, empty at the end
    first: bool  # True on the first page


def encode(values: list[Any]) -> str:
    """A cursor for the address bar."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode(cursor: str) -> list[Any]:
    """The values of a cursor.

    Raises:
        BadCursor: not made by `encode`.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as problem:
        raise BadCursor("this page address is damaged") from problem
    if not isinstance(values, list) or not all(isinstance(v, str | int | float | None) for v in values):
        raise BadCursor("this page address is damaged")
    return values


def page_of(
    rows: QuerySet[Row], *, key: str, descending: bool, cursor: str, size: int, nullable: bool = False
) -> Page[Row]:
    """One page of `rows` ordered by (`key`, pk); rows whose key is null come last either way.

    Args:
        rows: unordered queryset that has the annotation or field `key`.
        cursor: empty for the first page, else `Page.after` of the page before.
        nullable: whether `key` may be null.

    Raises:
        BadCursor: see `decode`.
    """
    if cursor:
        try:
            value, pk = decode(cursor)
        except ValueError as problem:
            raise BadCursor("this page address is damaged") from problem
        if not isinstance(pk, int):
            raise BadCursor("this page address is damaged")
        later_pk = Q(pk__lt=pk) if descending else Q(pk__gt=pk)
        if value is None:
            rows = rows.filter(Q(**{f"{key}__isnull": True}) & later_pk)
        else:
            beyond = Q(**{f"{key}__{'lt' if descending else 'gt'}": value}) | (Q(**{key: value}) & later_pk)
            try:
                rows = rows.filter(beyond | Q(**{f"{key}__isnull": True}) if nullable else beyond)
            except (ValidationError, TypeError, ValueError) as problem:
                raise BadCursor("this page address is damaged") from problem
    order = F(key).desc(nulls_last=True) if descending else F(key).asc(nulls_last=True)
    if not nullable:
        order = F(key).desc() if descending else F(key).asc()
    try:
        found = list(rows.order_by(order, "-pk" if descending else "pk")[: size + 1])
    except (ValidationError, TypeError, ValueError, DataError) as problem:
        if not cursor:
            raise
        raise BadCursor("this page address is damaged") from problem
    after = ""
    if len(found) > size:
        found.pop()
        last = found[-1]
        after = encode([_plain(getattr(last, key)), last.pk])
    return Page(rows=found, after=after, first=not cursor)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
