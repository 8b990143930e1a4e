from django.db import migrations

from auditor.ledger.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial"), ("ledger", "0001_initial")]

    operations = [append_only("datasets_releasefile", deletable=True)]
