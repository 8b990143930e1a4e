from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotations", "0002_label_units_and_flags")]

    operations = [
        migrations.AddField(
            model_name="reveal",
            name="blocks",
            field=models.JSONField(default=list),
        ),
    ]
