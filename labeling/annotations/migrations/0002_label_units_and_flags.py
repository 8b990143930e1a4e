"""Labels are made of units; those committed before have one, which is the whole label."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

from auditor.ledger.append_only import append_only

# A label that was committed before had one unit. It stands where its first words that mislead were marked.
UNITS = """
INSERT INTO annotations_labelunit (revision_id, number, position, part, start, "end", quote, answers, derived_label,
    label, "group", grade, grade_cap, lowered_reason, missing_tests)
SELECT revision.id, 0, place.position, coalesce(place.part, ''), place.start, place."end", coalesce(place.quote, ''),
    answers, derived_label, label, "group", grade, grade_cap, lowered_reason, missing_tests
FROM annotations_labelrevision revision
LEFT JOIN LATERAL (
    SELECT position, part, start, "end", quote FROM annotations_labelspan span
    WHERE span.revision_id = revision.id AND span.kind <> 'truth' ORDER BY position, start, id LIMIT 1
) place ON true;
ALTER TABLE annotations_labelspan DISABLE TRIGGER append_only;
UPDATE annotations_labelspan span SET unit_id = unit.id
FROM annotations_labelunit unit WHERE unit.revision_id = span.revision_id;
ALTER TABLE annotations_labelspan ENABLE TRIGGER append_only;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED
"""


class Migration(migrations.Migration):
    dependencies = [("annotations", "0001_initial")]

    operations = [
        migrations.AddField(
            "labelrevision",
            "flag",
            models.CharField(blank=True, default="", max_length=500),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="LabelUnit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("position", models.PositiveIntegerField(null=True)),
                ("part", models.CharField(blank=True, max_length=20)),
                ("start", models.PositiveIntegerField(null=True)),
                ("end", models.PositiveIntegerField(null=True)),
                ("quote", models.TextField(blank=True)),
                ("answers", models.JSONField()),
                ("derived_label", models.CharField(max_length=10)),
                ("label", models.CharField(max_length=10)),
                ("group", models.CharField(max_length=30)),
                ("grade", models.CharField(max_length=4)),
                ("grade_cap", models.CharField(max_length=4)),
                ("lowered_reason", models.TextField(blank=True)),
                ("missing_tests", models.JSONField(default=list)),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="units",
                        to="annotations.labelrevision",
                    ),
                ),
            ],
            options={"ordering": ["number"]},
        ),
        migrations.AddField(
            "labelspan",
            "unit",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="spans",
                to="annotations.labelunit",
            ),
        ),
        migrations.RunSQL(UNITS, migrations.RunSQL.noop),
        migrations.AlterField(
            "labelspan",
            "unit",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="spans", to="annotations.labelunit"
            ),
        ),
        migrations.AddConstraint(
            "labelunit", models.UniqueConstraint(fields=["revision", "number"], name="one_unit_per_number")
        ),
        migrations.AddConstraint(
            "labelunit",
            models.CheckConstraint(
                condition=Q(start__isnull=True, end__isnull=True)
                | Q(position__isnull=False, end__gt=F("start")),
                name="unit_stands_in_a_message",
            ),
        ),
        append_only("annotations_labelunit"),
    ]
