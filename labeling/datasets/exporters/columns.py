"""Records as columns of `records.SCHEMA`, straight from what they are: no JSON is written for it, and none read again."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import orjson
import pyarrow as pa

from labeling.datasets.records import POINTED, RULED_UNIT, SCHEMA, SPAN

RECORD = pa.struct(list(SCHEMA))
# The system's own: Arrow's keeps several times what is in use, since arrays are made by one thread and freed by another.
POOL = pa.system_memory_pool()


class Unfit(ValueError):
    """A record says what no column takes; the message says where."""


class Lent:
    """Records to be made into columns together. They have to stay as they are until then, and are the same afterwards."""

    def __init__(self) -> None:
        self.size = 0  # bytes, as lines of JSON with what the columns have
        self._records: list[Mapping[str, Any]] = []
        # (holder, name, what is there, what its column has)
        self._told: list[tuple[Any, str, Any, str | None]] = []
        self._bare: list[Any] = []  # messages without parts, which most are
        # id of what is there -> its text, and its bytes more as a text in JSON
        self._known: dict[int, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Mapping[str, Any], line: bytes) -> int:
        """Take one more; its size as `self.size` counts. `line` is the record as a line of JSON."""
        transcript, ruling = record["transcript"], record["ruling"]
        rulings = record["earlier_rulings"] if ruling is None else (*record["earlier_rulings"], ruling)
        more = sum(self._tell(transcript, name) for name in ("conditions", "metadata", "warnings"))
        more += self._tell(transcript["source"], "place")
        for message in transcript["messages"] or ():
            if message["parts"]:
                more += self._tell(message, "parts")
            else:
                self._bare.append(message)
                more += 2
        for one in rulings:
            more += self._tell(one, "mixed")
        for one in (*record["labels"], *rulings):
            more += self._tell(one, "answers")
            for unit in one["units"]:
                more += self._tell(unit, "answers")
        for channel in record["evidence"] or ():
            readings = channel["readings"] or ()
            for reading in readings:
                more += self._tell(reading, "detail")
            for one in (channel, *readings):
                if one["value"] is not None and not isfinite(one["value"]):  # which JSON has no word for
                    self._told.append((one, "value", one["value"], None))
        self._records.append(record)
        self.size += len(line) + more
        return len(line) + more

    def columns(self) -> pa.StructArray:
        """All of them, at least one, as an array of structs.

        Raises:
            Unfit, pa.ArrowInvalid, pa.ArrowTypeError: a record says what no column takes.
        """
        try:
            for message in self._bare:
                message["parts"] = "[]"
            for holder, name, _, column in self._told:
                holder[name] = column
            _fits(self._records[0])  # what is spelled by code is the same in all of them
            for record in self._records:
                _stored_fits(record)
            return pa.array(self._records, type=RECORD, memory_pool=POOL)
        finally:
            for message in self._bare:
                message["parts"] = []
            for holder, name, value, _ in self._told:
                holder[name] = value

    def _tell(self, holder: Any, name: str) -> int:
        """Its column has JSON there, keys sorted; the bytes more that this takes as a text in JSON."""
        value = holder[name]
        found = self._known.get(id(value))
        if found is None:
            text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
            found = self._known[id(value)] = (text, 2 + text.count('"') + text.count("\\"))
        # This keeps the value too, so that nothing else gets its id.
        self._told.append((holder, name, value, found[0]))
        return found[1]


def _stored_fits(record: Mapping[str, Any]) -> None:
    """What the database keeps as JSON, and the record has as it is, could be anything."""
    sampling, ruling = record["sampling"], record["ruling"]
    for name in ("stratum_size", "stratum_drawn"):
        if sampling[name].__class__ is float:
            raise Unfit(f"sampling has {sampling[name]!r} for its number {name}")
    for one in record["earlier_rulings"] if ruling is None else (*record["earlier_rulings"], ruling):
        for unit in one["units"]:
            _unit(unit)
        for span in one["spans"]:
            _span(span)
    for label in record["labels"]:
        for cited in label["relied_on"]:
            if cited["pointed"] is not None:
                _pointed(cited["pointed"])


def _check_of(kind: pa.StructType, where: str) -> Callable[[Mapping[str, Any]], None]:
    """What says no to fields that no column has, and to numbers that Arrow would make others of; it says no to all else."""
    names = frozenset(one.name for one in kind)
    numbers = [
        (one.name, float if pa.types.is_integer(one.type) else bool)
        for one in kind
        if pa.types.is_integer(one.type) or pa.types.is_floating(one.type)
    ]
    structs = [(one.name, _check_of(one.type, one.name)) for one in kind if pa.types.is_struct(one.type)]
    lists = [
        (one.name, _check_of(one.type.value_type, one.name))
        for one in kind
        if pa.types.is_list(one.type) and pa.types.is_struct(one.type.value_type)
    ]

    def check(value: Mapping[str, Any]) -> None:
        if not value.keys() <= names:
            raise Unfit(f"{where} has no column for {sorted(value.keys() - names)}")
        for name, other in numbers:
            if value.get(name).__class__ is other:
                raise Unfit(f"{where} has {value[name]!r} for its number {name}")
        for name, one in structs:
            if (inner := value.get(name)) is not None:
                one(inner)
        for name, one in lists:
            for inner in value.get(name) or ():
                one(inner)

    return check


_fits = _check_of(RECORD, "a record")
_unit, _span = _check_of(RULED_UNIT, "a ruling's unit"), _check_of(SPAN, "a ruling's span")
_pointed = _check_of(POINTED, "what a label points at")
