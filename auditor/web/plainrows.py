"""Rows of a plain statement as instances of models, where asking through the models costs more than the answer."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=models.Model)


class Columns(Generic[Row]):
    """All columns of a model, or those of these names; the others are fetched when somebody asks for them.

    SEATS = Columns(RoundMember)
    cursor.execute(f"SELECT {SEATS.of('seat')} FROM queues_roundmember seat WHERE id = %s", [pk])
    seat = SEATS.row(iter(cursor.fetchone()))
    """

    def __init__(self, model: type[Row], *names: str) -> None:
        fields = [one for one in model._meta.concrete_fields if not names or one.attname in names]
        if unknown := set(names) - {one.attname for one in fields}:
            raise ValueError(f"{model.__name__} has no columns {sorted(unknown)}")
        self.model = model
        self.names = [one.attname for one in fields]
        self._columns = [f'"{one.column}"' for one in fields]
        self._json = [at for at, one in enumerate(fields) if isinstance(one, models.JSONField)]

    def of(self, table: str) -> str:
        """The columns as a statement names them."""
        return ", ".join(f"{table}.{column}" for column in self._columns)

    def row(self, values: Iterator[Any]) -> Row:
        """The row that begins here in what a statement brought; what follows it is left."""
        mine = list(islice(values, len(self.names)))
        for at in self._json:  # which the database's driver leaves as text
            if mine[at] is not None:
                mine[at] = json.loads(mine[at])
        # As `from_db` makes it, without asking for each field by its name: a page makes dozens of these.
        made = self.model.__new__(self.model)
        made.__dict__.update(zip(self.names, mine, strict=True), _state=_stored())
        return made

    def row_or_none(self, values: Iterator[Any]) -> Row | None:
        """The same for a table that was joined from outside: None where its key is null."""
        mine = list(islice(values, len(self.names)))
        return None if mine[0] is None else self.row(iter(mine))


def _stored() -> ModelState:
    state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    return state
