from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_tokens"), ("ledger", "0003_projects_that_rest")]

    operations = [
        migrations.AddField("project", "archived_at", models.DateTimeField(null=True)),
        migrations.AddField("project", "removal_at", models.DateTimeField(null=True)),
    ]
