from django.db import migrations

# Every write of a person is one event in the trail, in the transaction of the write; refusing the event refuses the
# write, whatever page, program or command it came from. What the app does by itself (no actor) goes on.
REST = """
CREATE FUNCTION ledger_rest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM accounts_project p
        WHERE p.id = NEW.project_id AND p.archived_at IS NOT NULL AND p.removal_at IS NULL
    ) THEN
        RAISE EXCEPTION 'project % is archived', NEW.project_id USING ERRCODE = 'AU001';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER projects_that_rest BEFORE INSERT ON ledger_event FOR EACH ROW
    WHEN (NEW.actor_id IS NOT NULL AND NEW.project_id IS NOT NULL
          AND NEW.verb NOT IN ('project.archived', 'project.brought_back', 'token.revoked'))
    EXECUTE FUNCTION ledger_rest();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_projects_that_go")]

    operations = [migrations.RunSQL(REST, "DROP FUNCTION ledger_rest() CASCADE")]
