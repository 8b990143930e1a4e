import django.db.models.deletion
from django.db import migrations, models

# Whether a project is being removed as a whole: the one case in which rows that stand for ever may go. The setting is
# of one transaction, and means nothing unless the project's own row says so too.
REFUSE = """
CREATE FUNCTION datasets_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND ledger_removing() THEN RETURN OLD; END IF;
    RAISE EXCEPTION '% on % is refused: a dataset was made from it', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION datasets_names(transcript bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM datasets_releaseitem i WHERE i.transcript_id = transcript)
$$;

CREATE FUNCTION datasets_names_reading(transcript bigint, written timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM datasets_releaseitem i JOIN datasets_release r ON r.id = i.release_id
        WHERE i.transcript_id = transcript AND r.as_of >= written
    )
$$;
"""
# A statement that takes messages away is looked at as a whole: imports that are undone take many.
MESSAGES = """
CREATE FUNCTION datasets_keep_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ledger_removing() OR NOT EXISTS (SELECT 1 FROM datasets_releaseitem) THEN RETURN NULL; END IF;
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT transcript_id FROM gone) g WHERE datasets_names(g.transcript_id)
        OR EXISTS (
            SELECT 1 FROM corpus_segment s WHERE s.owner_id = g.transcript_id AND datasets_names(s.transcript_id)
        )
    ) THEN
        RAISE EXCEPTION 'DELETE on % is refused: a dataset was made from it', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER named_by_datasets AFTER DELETE ON corpus_message REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION datasets_keep_messages();
"""
# A reading may be superseded, which takes nothing from the moments before; nothing else may happen to it.
READINGS = """
CREATE FUNCTION datasets_keep_readings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.superseded_at IS NULL AND NEW.superseded_at > now() - interval '1 minute'
            AND (NEW.id, NEW.channel_id, NEW.transcript_id, NEW.position, NEW.part, NEW.start, NEW."end",
                 NEW.identifier, NEW.value, NEW.label, NEW.explanation, NEW.detail, NEW.source, NEW.created_at)
            IS NOT DISTINCT FROM
                (OLD.id, OLD.channel_id, OLD.transcript_id, OLD.position, OLD.part, OLD.start, OLD."end",
                 OLD.identifier, OLD.value, OLD.label, OLD.explanation, OLD.detail, OLD.source, OLD.created_at)
        THEN RETURN NEW; END IF;
        IF NOT datasets_names_reading(OLD.transcript_id, OLD.created_at) THEN RETURN NEW; END IF;
    ELSIF ledger_removing() OR NOT datasets_names_reading(OLD.transcript_id, OLD.created_at) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% on % is refused: a dataset was made from it', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER named_by_datasets BEFORE UPDATE OR DELETE ON evidence_reading
    FOR EACH ROW EXECUTE FUNCTION datasets_keep_readings();

CREATE FUNCTION datasets_keep_quotes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ledger_removing() OR NOT EXISTS (
        SELECT 1 FROM evidence_reading r
        WHERE r.id = OLD.reading_id AND datasets_names_reading(r.transcript_id, r.created_at)
    ) THEN RETURN OLD; END IF;
    RAISE EXCEPTION '% on % is refused: a dataset was made from it', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER named_by_datasets BEFORE DELETE ON evidence_quote
    FOR EACH ROW EXECUTE FUNCTION datasets_keep_quotes();
"""
# What a release's own rows may still learn: its runs, its prose until it is frozen, whether it must be kept.
RELEASES = """
CREATE FUNCTION datasets_keep_releases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.kept_at IS NULL AND (OLD.built_at IS NULL OR ledger_removing()) THEN RETURN OLD; END IF;
    ELSIF OLD.built_at IS NULL THEN
        RETURN NEW;
    ELSIF (NEW.id, NEW.project_id, NEW.name, NEW.parameters, NEW.as_of, NEW.named, NEW.created_by_id, NEW.created_at,
           NEW.built_at)
        IS NOT DISTINCT FROM
          (OLD.id, OLD.project_id, OLD.name, OLD.parameters, OLD.as_of, OLD.named, OLD.created_by_id, OLD.created_at,
           OLD.built_at)
        AND (OLD.frozen_at IS NULL OR (NEW.manifest, NEW.prose, NEW.frozen_at)
            IS NOT DISTINCT FROM (OLD.manifest, OLD.prose, OLD.frozen_at))
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% on % is refused: it stands for ever', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON datasets_release
    FOR EACH ROW EXECUTE FUNCTION datasets_keep_releases();

CREATE FUNCTION datasets_keep_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ledger_removing() OR NOT EXISTS (
        SELECT 1 FROM datasets_release r WHERE r.id = OLD.release_id
        AND CASE WHEN TG_TABLE_NAME = 'datasets_releasefile' THEN r.frozen_at ELSE r.built_at END IS NOT NULL
    ) THEN RETURN OLD; END IF;
    RAISE EXCEPTION '% on % is refused: its rows are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""
OWN = ("releasefile", "releaseitem", "releaseround", "releasechannel", "releaseshard")
# table -> (event, when it matters): what identifies a row that a release names.
NAMED = {
    "corpus_segment": ("DELETE", "datasets_names(OLD.transcript_id)"),
    "queues_item": (
        "UPDATE",
        (
            "(OLD.round_id, OLD.transcript_id, OLD.role) IS DISTINCT FROM (NEW.round_id, NEW.transcript_id, NEW.role)"
            " AND datasets_names(OLD.transcript_id)"
        ),
    ),
}
# The same where the question needs a row of another table, which a WHEN cannot ask.
ASKED = {
    "evidence_channel": (
        "UPDATE",
        (
            "(OLD.project_id, OLD.key, OLD.kind, OLD.unit, OLD.rollup) IS DISTINCT FROM"
            " (NEW.project_id, NEW.key, NEW.kind, NEW.unit, NEW.rollup)"
        ),
        "EXISTS (SELECT 1 FROM datasets_releasechannel c WHERE c.channel_id = OLD.id)",
    ),
    "queues_round": (
        "UPDATE",
        (
            "(OLD.project_id, OLD.policy, OLD.codebook_version_id) IS DISTINCT FROM"
            " (NEW.project_id, NEW.policy, NEW.codebook_version_id)"
        ),
        "EXISTS (SELECT 1 FROM datasets_releaseround r WHERE r.round_id = OLD.id)",
    ),
    "corpus_importfile": (
        "UPDATE",
        "(OLD.name, OLD.digest, OLD.size, OLD.format) IS DISTINCT FROM (NEW.name, NEW.digest, NEW.size, NEW.format)",
        (
            "EXISTS (SELECT 1 FROM datasets_releaseitem i JOIN corpus_transcript t ON t.id = i.transcript_id"
            " WHERE t.file_id = OLD.id)"
        ),
    ),
    "sampling_sampleframe": (
        "DELETE",
        "true",
        (
            "EXISTS (SELECT 1 FROM datasets_releaseitem i JOIN sampling_sampleitem s ON s.id = i.drawn_id"
            " WHERE s.sample_id = OLD.sample_id)"
        ),
    ),
    "evidence_track": (
        "DELETE",
        "true",
        "EXISTS (SELECT 1 FROM datasets_releaseshard s WHERE s.shard_id = OLD.shard_id)",
    ),
    "evidence_block": (
        "DELETE",
        "true",
        "EXISTS (SELECT 1 FROM datasets_releaseshard s WHERE s.shard_id = OLD.shard_id)",
    ),
}


def _named(table: str, event: str, condition: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER named_by_datasets BEFORE {event} ON {table} FOR EACH ROW"
        f" WHEN ({condition}) EXECUTE FUNCTION datasets_refuse()",
        f"DROP TRIGGER named_by_datasets ON {table}",
    )


def _asked(table: str, event: str, when: str, condition: str) -> migrations.RunSQL:
    row = "OLD" if event == "DELETE" else "NEW"
    return migrations.RunSQL(
        f"""
        CREATE FUNCTION datasets_keep_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (TG_OP = 'DELETE' AND ledger_removing()) OR NOT {condition} THEN RETURN {row}; END IF;
            RAISE EXCEPTION '% on % is refused: a dataset was made from it', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$;
        CREATE TRIGGER named_by_datasets BEFORE {event} ON {table} FOR EACH ROW
            WHEN ({when}) EXECUTE FUNCTION datasets_keep_{table}();
        """,
        f"DROP FUNCTION datasets_keep_{table}() CASCADE",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("corpus", "0006_signatures"),
        ("datasets", "0004_scope_source_and_splits"),
        ("evidence", "0003_blocks"),
        ("ledger", "0002_projects_that_go"),
        ("queues", "0005_slots_of_rounds_before_plans"),
        ("sampling", "0002_designs"),
    ]

    operations = [
        migrations.AddField(
            model_name="releaseitem",
            name="drawn",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="sampling.sampleitem",
            ),
        ),
        migrations.RunSQL(
            REFUSE,
            "DROP FUNCTION datasets_names_reading(bigint, timestamptz), datasets_names(bigint), datasets_refuse()"
            " CASCADE",
        ),
        migrations.RunSQL(MESSAGES, "DROP FUNCTION datasets_keep_messages() CASCADE"),
        migrations.RunSQL(READINGS, "DROP FUNCTION datasets_keep_readings(), datasets_keep_quotes() CASCADE"),
        migrations.RunSQL(RELEASES, "DROP FUNCTION datasets_keep_releases(), datasets_keep_parts() CASCADE"),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER stands BEFORE DELETE ON datasets_{table} FOR EACH ROW"
                " EXECUTE FUNCTION datasets_keep_parts()",
                f"DROP TRIGGER stands ON datasets_{table}",
            )
            for table in OWN
        ),
        *(_named(table, *rest) for table, rest in NAMED.items()),
        *(_asked(table, *rest) for table, rest in ASKED.items()),
    ]
