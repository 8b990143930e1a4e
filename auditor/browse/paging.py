"""One page of an order, forwards or backwards from any row, however many transcripts there are.

    Order: one or more strands, one after the other. A strand is a queryset with an index on (key, id).

Depth costs nothing: a page starts at the last row seen, compared as a pair that the index understands.
A filter costs little either way: the next few hundred rows of the order are looked through as they
come. Where they hold no full page, their share that fits says what reads fewer rows: to look through some thousand
more, or to gather all that match by the filter's own indexes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BooleanField,
    F,
    Field,
    Func,
    IntegerField,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.expressions import RawSQL

from auditor.web.keyset import decode, encode

HEAD = 2000  # rows looked through before the rest are, where the filter has no index of its own
GLANCE = 500  # rows looked through where it has: their share that fits says how far a page reaches
FAR = 20_000  # rows looked through at most, if the page should be among them; it is gathered otherwise


@dataclass(frozen=True)
class Spot:
    """A row's place in an order: which strand, its key there, and its transcript's id."""

    strand: int
    key: Any
    pk: int


@dataclass(frozen=True)
class Strand:
    """Rows in one stretch of an order."""

    rows: QuerySet[Any]  # all of them, filtered by nothing that is not in the index
    narrowed: Callable[[QuerySet[Any], bool], QuerySet[Any]] | None  # the filter; True: written for a scan
    pk: str = "pk"  # the transcript's id
    key: str = "pk"
    descending: bool = True
    gathers: bool = False  # whether the filter has indexes of its own
    total: int = 0  # rows of the order, about


@dataclass(frozen=True)
class Found:
    """A page: its places, and the cursors of the pages before and after, empty where there is none."""

    spots: list[Spot]
    before: str
    after: str


def page(
    strands: Sequence[Strand], *, after: str = "", before: str = "", last: bool = False, size: int
) -> Found:
    """The `size` rows after one cursor, before another, or at the very end; a damaged cursor gives the first page."""
    at = _spot(after or before, strands)
    backwards = last or (bool(before) and not after and at is not None)
    found = _walk(strands, None if last else at, backwards, size + 1)
    more = len(found) > size
    if backwards and not more and not last:
        return page(strands, size=size)  # the beginning: a whole page of it
    found = found[:size]
    if backwards:
        found.reverse()
    behind, ahead = (more, not last) if backwards else (at is not None, more)
    return Found(
        spots=found,
        before=_cursor(found[0]) if found and behind else "",
        after=_cursor(found[-1]) if found and ahead else "",
    )


def _walk(strands: Sequence[Strand], at: Spot | None, backwards: bool, size: int) -> list[Spot]:
    found: list[Spot] = []
    order = range(len(strands) - 1, -1, -1) if backwards else range(len(strands))
    for index in order:
        if at is not None and (index > at.strand if backwards else index < at.strand):
            continue
        here = at if at is not None and at.strand == index else None
        pairs = _taken(strands[index], here, backwards, size - len(found))
        found += [Spot(index, key, pk) for key, pk in pairs]
        if len(found) >= size:
            break
    return found


def _taken(strand: Strand, at: Spot | None, backwards: bool, size: int) -> list[tuple[Any, int]]:
    """The next (key, id) of a strand."""
    down = strand.descending != backwards
    base = _beyond(strand, strand.rows, at, down)
    if strand.narrowed is None:
        return _ordered(strand, base, down, size)
    scanned, nth = strand.narrowed(base, True), _nth(strand, base, down)
    look = GLANCE if strand.gathers else HEAD
    for again in (True, False):
        found = _ordered(strand, _within(strand, scanned, nth(look), down), down, size)
        if len(found) >= size:
            return found
        if not (again and strand.gathers and found):
            break
        far = size * GLANCE // len(found)
        look = 2 * far
        if (
            look > FAR or strand.total * len(found) // GLANCE < far
        ):  # fewer match than would be looked through
            break
    if strand.gathers:
        return _gathered(strand, strand.narrowed(base, False), down, size)
    return _ordered(strand, scanned, down, size)


def _ordered(strand: Strand, rows: QuerySet[Any], down: bool, size: int) -> list[tuple[Any, int]]:
    return _pairs(strand, _in_order(strand, rows, down), size)


def _in_order(strand: Strand, rows: QuerySet[Any], down: bool) -> QuerySet[Any]:
    return rows.order_by(*(f"-{name}" if down else name for name in _names(strand)))


def _gathered(strand: Strand, rows: QuerySet[Any], down: bool, size: int) -> list[tuple[Any, int]]:
    """In an order that no index offers, so that the filter's indexes are followed and what they find is sorted."""
    orders = [_unindexed(name, rows) for name in _names(strand)]
    rows = rows.order_by(*(order.desc() if down else order.asc() for order in orders))
    return _pairs(strand, rows, size)


def _pairs(strand: Strand, rows: QuerySet[Any], size: int) -> list[tuple[Any, int]]:
    return [(row[0], row[-1]) for row in rows.values_list(*_names(strand))[:size]]


def _unindexed(name: str, rows: QuerySet[Any]) -> Func:
    column: Field[Any, Any] = rows.model._meta.pk if name == "pk" else rows.model._meta.get_field(name)
    if column.get_internal_type() == "CharField":
        return Func(F(name), template="(%(expressions)s || '')", output_field=TextField())
    return Func(F(name), template="(%(expressions)s + 0)", output_field=IntegerField())


def _beyond(strand: Strand, rows: QuerySet[Any], at: Spot | None, down: bool) -> QuerySet[Any]:
    return rows if at is None else rows.filter(_pair(strand, at, " < " if down else " > "))


def _nth(strand: Strand, base: QuerySet[Any], down: bool) -> Callable[[int], RawSQL]:
    """The place of the row of `base` that stands at a number; its statement is made once for all numbers."""
    first = _in_order(strand, base, down).values(*_names(strand))[:1]
    sql, values = first.query.sql_with_params()
    return lambda number: RawSQL(f"{sql} OFFSET %s", [*values, number - 1])  # noqa: S611 - Django's own, values bound


def _within(strand: Strand, rows: QuerySet[Any], last: RawSQL, down: bool) -> QuerySet[Any]:
    """Those of `rows` up to a place in the order; none where there is no such place."""
    here = Func(*map(F, _names(strand)), function="ROW", output_field=TextField())
    return rows.filter(_compared(here, last, " >= " if down else " <= "))


def _pair(strand: Strand, at: Spot, operator: str) -> Any:
    """(key, id) against a place, as one comparison of rows; an index on both answers it."""
    names = _names(strand)
    values = [Value(at.pk)] if len(names) == 1 else [Value(at.key), Value(at.pk)]
    here = Func(*map(F, names), function="ROW", output_field=TextField())
    return _compared(here, Func(*values, function="ROW", output_field=TextField()), operator)


def _compared(left: Any, right: Any, operator: str) -> Any:
    return Func(left, right, template="(%(expressions)s)", arg_joiner=operator, output_field=BooleanField())


def _names(strand: Strand) -> list[str]:
    return [strand.pk] if strand.key == strand.pk else [strand.key, strand.pk]


def _cursor(spot: Spot) -> str:
    return encode([spot.strand, spot.key, spot.pk])


def _spot(cursor: str, strands: Sequence[Strand]) -> Spot | None:
    """The place that a cursor names, if it could be one of this order."""
    if not cursor:
        return None
    try:
        index, key, pk = decode(cursor)
    except ValueError:
        return None
    if type(index) is not int or type(pk) is not int or not 0 <= index < len(strands) or not 0 < pk < 2**63:
        return None
    strand = strands[index]
    if strand.key == strand.pk:
        return Spot(index, pk, pk)
    kind = strand.rows.model._meta.get_field(strand.key).get_internal_type()
    fits = {
        "CharField": isinstance(key, str) and "\0" not in key,
        "FloatField": type(key) in (int, float) and key == key and abs(key) < 1e308,
    }.get(kind, type(key) is int and abs(key) < 2**31)
    return Spot(index, key, pk) if fits else None
