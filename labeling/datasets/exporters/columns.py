"""Records as columns of `records.SCHEMA`, field by field: no row is made for it, no JSON written and read again."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, chain
from math import isfinite
from operator import itemgetter
from types import NoneType
from typing import Any

import orjson
import pyarrow as pa

from labeling.datasets.records import JSON, SCHEMA

# The system's own: Arrow's keeps several times what is in use, since arrays are made by one thread and freed by another.
POOL = pa.system_memory_pool()
# What a column has of some values. The texts of JSON are known by the ids of what they say, which lives as long.
Column = Callable[[Sequence[Any], dict[int, str | None]], pa.Array]
_NOWHERE = object()  # a field of a struct that is not there
_EMPTY = {list: "[]", dict: "{}"}  # which most are


class Unfit(ValueError):
    """A record says what no column takes; the message says where."""


def columns(records: Sequence[Mapping[str, Any]]) -> pa.StructArray:
    """Records, one at least, as an array of structs; a number that JSON has no word for is null, as it is there.

    Raises:
        Unfit, pa.ArrowInvalid, pa.ArrowTypeError: a record says what no column takes.
    """
    return _RECORD(records, {id(_NOWHERE): None})


def _column(kind: pa.DataType, name: str) -> Column:
    """What makes the column of a field."""
    if pa.types.is_struct(kind):
        return _structs(kind, name)
    if pa.types.is_list(kind):
        return _lists(kind, name)
    if name in JSON:
        return _texts
    return _values(kind, name)


def _structs(kind: pa.StructType, where: str) -> Column:
    fields = list(kind)
    names = frozenset(one.name for one in fields)
    inner = [(one.name, itemgetter(one.name), _column(one.type, one.name)) for one in fields]
    nothing = {one.name: _NOWHERE if one.name in JSON else None for one in fields}

    def check(values: Sequence[Mapping[str, Any]]) -> None:
        for value in values:
            if not isinstance(value, dict):
                raise Unfit(f"{where} is not a record of its own: {value!r:.100}")
            if not value.keys() <= names:
                raise Unfit(f"{where} has no column for {sorted(value.keys() - names)}")

    def make(values: Sequence[Any], known: dict[int, str | None]) -> pa.Array:
        missing = [value is None for value in values]
        mask = pa.array(missing, memory_pool=POOL) if True in missing else None
        if mask is not None:
            values = [nothing if value is None else value for value in values]
        try:
            taken = [list(map(take, values)) for _, take, _ in inner]
        except (KeyError, TypeError, IndexError):  # a field that is not there is null
            check(values)
            taken = [[value.get(name) for value in values] for name, _, _ in inner]
        else:
            if sum(map(len, values)) != len(values) * len(fields):
                check(values)
        made = [column(some, known) for some, (_, _, column) in zip(taken, inner, strict=True)]
        return pa.StructArray.from_arrays(made, fields=fields, mask=mask, memory_pool=POOL)

    return make


def _lists(kind: pa.ListType, where: str) -> Column:
    column = _column(kind.value_type, where.removesuffix("s"))
    nothing = pa.array([], kind.value_type)

    def make(values: Sequence[Any], known: dict[int, str | None]) -> pa.Array:
        kinds = set(map(type, values))
        if not kinds <= {list, tuple, NoneType}:
            raise Unfit(f"{where} is not a list: {_first(values, kinds - {list, tuple, NoneType})!r:.100}")
        mask = None
        if NoneType in kinds:
            mask = pa.array([value is None for value in values], memory_pool=POOL)
            values = [() if value is None else value for value in values]
        flat = list(chain.from_iterable(values))
        ends = pa.array([*accumulate(map(len, values), initial=0)], pa.int32(), memory_pool=POOL)
        said = column(flat, known) if flat else nothing
        return pa.ListArray.from_arrays(ends, said, type=kind, mask=mask, pool=POOL)

    return make


def _texts(values: Sequence[Any], known: dict[int, str | None]) -> pa.Array:
    """Texts of JSON, keys sorted; what is said by many is written once."""
    made: list[str | None] = []
    for value in values:
        text = None if value else _EMPTY.get(value.__class__)
        if text is None:
            text = known.get(id(value), "")
            if text == "":
                text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
                known[id(value)] = text
        made.append(text)
    return pa.array(made, pa.string(), memory_pool=POOL)


def _values(kind: pa.DataType, name: str) -> Column:
    """Texts and numbers as they are; Arrow would make a number of another kind fit."""
    is_real = pa.types.is_floating(kind)
    takes = {int, float, NoneType} if is_real else {int, NoneType}
    looks = is_real or pa.types.is_integer(kind)

    def make(values: Sequence[Any], known: dict[int, str | None]) -> pa.Array:
        if looks:
            kinds = set(map(type, values))
            if not kinds <= takes:
                raise Unfit(f"there is {_first(values, kinds - takes)!r:.100} for the number {name}")
            if is_real and float in kinds:
                values = [None if value is None or not isfinite(value) else value for value in values]
        return pa.array(values, kind, memory_pool=POOL)

    return make


def _first(values: Sequence[Any], kinds: set[type]) -> Any:
    return next(value for value in values if type(value) in kinds)


_RECORD = _structs(pa.struct(list(SCHEMA)), "record")
