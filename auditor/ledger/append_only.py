"""Migrations that make the database itself refuse changes to rows that must stand for ever."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: its rows are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""


def create_function() -> migrations.RunSQL:
    """The function that every append-only trigger calls; in the ledger's first migration."""
    return migrations.RunSQL(FUNCTION, "DROP FUNCTION ledger_refuse_change() CASCADE")


def append_only(table: str, *, deletable: bool = False) -> migrations.RunSQL:
    """Refuse UPDATE (and DELETE, unless `deletable`) on each row of `table`."""
    events = "UPDATE" if deletable else "UPDATE OR DELETE"
    return migrations.RunSQL(
        f'CREATE TRIGGER append_only BEFORE {events} ON "{table}" '
        "FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()",
        f'DROP TRIGGER append_only ON "{table}"',
    )


def frozen_when(table: str, condition: str) -> migrations.RunSQL:
    """Refuse UPDATE and DELETE on the rows of `table` for which `condition` (over OLD) holds."""
    return migrations.RunSQL(
        f'CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON "{table}" FOR EACH ROW '
        f"WHEN ({condition}) EXECUTE FUNCTION ledger_refuse_change()",
        f'DROP TRIGGER frozen ON "{table}"',
    )
