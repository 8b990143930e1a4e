"""Versions stand for ever, and no verdict enters without one: neither what is there already, nor what comes."""

from django.db import migrations
from django.utils.text import slugify

from auditor.ledger.append_only import append_only

NEEDED = """
CREATE FUNCTION judging_need_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM evidence_channel WHERE id = NEW.id) THEN
        RETURN NULL;  -- gone again in the same transaction
    END IF;
    IF NEW.own THEN
        IF EXISTS (
            SELECT FROM judging_judgeversion v JOIN judging_judge j ON j.id = v.judge_id
            WHERE j.project_id = NEW.project_id AND NOT v.imported AND (
                NEW.key = 'judge.' || j.slug || '.v' || v.number
                OR starts_with(NEW.key, 'judge.' || j.slug || '.v' || v.number || '.')
            )
        ) THEN RETURN NULL; END IF;
    ELSIF EXISTS (SELECT FROM judging_judgeversion WHERE channel_id = NEW.id) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'channel % carries verdicts, and no judge version stands behind it', NEW.key
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE CONSTRAINT TRIGGER judge_channels_have_versions AFTER INSERT ON evidence_channel
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'judge') EXECUTE FUNCTION judging_need_version();
"""
NOT_NEEDED = """
DROP TRIGGER judge_channels_have_versions ON evidence_channel;
DROP FUNCTION judging_need_version();
"""


def give_versions(apps, _editor) -> None:
    """Every channel of verdicts that came in with a log gets the version that it would get now."""
    from auditor.judging.definition import digest_of

    channel_rows, judge_rows = apps.get_model("evidence", "Channel"), apps.get_model("judging", "Judge")
    versions = apps.get_model("judging", "JudgeVersion")
    for channel in channel_rows.objects.filter(kind="judge", imported_judge__isnull=True).order_by("pk"):
        slug = (
            slugify(channel.key.removeprefix("judge.").replace(".", "-"))[:60].strip("-") or f"c{channel.pk}"
        )
        judge, _ = judge_rows.objects.get_or_create(
            project_id=channel.project_id, slug=slug, defaults={"name": channel.name[:150]}
        )
        versions.objects.create(
            judge=judge,
            number=versions.objects.filter(judge=judge).count() + 1,
            imported=True,
            channel=channel,
            digest=digest_of({"imported": channel.key, "project": channel.project_id}),
            rubric=str(channel.detail.get("rubric", "")),
            model=str(channel.detail.get("model", ""))[:200],
            note="Came in with a log; what it was asked is what the log says.",
        )


class Migration(migrations.Migration):
    dependencies = [("judging", "0001_judges"), ("ledger", "0001_initial")]

    operations = [
        migrations.RunPython(give_versions, migrations.RunPython.noop),
        append_only("judging_judgeversion", deletable=True),
        migrations.RunSQL(NEEDED, NOT_NEEDED),
    ]
