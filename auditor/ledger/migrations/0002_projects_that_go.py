from django.db import migrations

from auditor.ledger.append_only import FUNCTION

# A project that its owner removes goes as a whole, and with it rows that nothing else may take away. The setting is of
# one transaction, and means nothing unless the project's own row says that it is being removed. The trail itself stays.
REMOVING = """
CREATE FUNCTION ledger_removing() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    project text := current_setting('auditor.removing', true);
    said boolean;
BEGIN
    IF project IS NULL OR project = '' THEN RETURN false; END IF;
    SELECT removal_at IS NOT NULL INTO said FROM accounts_project WHERE id = project::bigint;
    RETURN coalesce(said, false);
END $$;

CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME <> 'ledger_event' AND ledger_removing() THEN RETURN OLD; END IF;
    RAISE EXCEPTION '% on % is refused: its rows are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [migrations.RunSQL(REMOVING, FUNCTION + "; DROP FUNCTION ledger_removing();")]
