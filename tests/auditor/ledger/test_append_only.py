"""What is written in the trail stays as it is."""

import pytest
from django.db import Error, connection, transaction

from auditor.accounts.models import Project, User
from auditor.ledger.actions import record
from auditor.ledger.models import Event


def test_an_event_cannot_be_changed(project: Project) -> None:
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        Event.objects.update(verb="something else")


def test_an_event_cannot_be_deleted(project: Project) -> None:
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        Event.objects.all().delete()


def test_sql_cannot_either(project: Project) -> None:
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_event SET actor_name = 'Mallory'")


@pytest.mark.django_db(transaction=True)
def test_an_event_needs_the_transaction_of_its_write() -> None:
    user = User.objects.create(email="mia@example.org", name="Mia")
    with pytest.raises(RuntimeError, match="outside a transaction"):
        record(verb="user.created", subject=user)
