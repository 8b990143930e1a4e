from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("interp", "0001_initial")]

    operations = [
        migrations.AddField(model_name="capture", name="n_counted", field=models.BigIntegerField(default=0)),
        migrations.AddField(model_name="dictionary", name="scaling", field=models.FloatField(null=True)),
        migrations.AddField(model_name="capture", name="seconds_left", field=models.FloatField(null=True)),
        migrations.AddField(model_name="instrument", name="active", field=models.JSONField(default=dict)),
    ]
