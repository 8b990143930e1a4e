"""Whether the servers behind the pages answer: for /healthz, load balancers and the supervisor. No secrets."""

from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, connection
from kombu import Connection

import auditor

PATIENCE = 2  # seconds for the broker's answer


@dataclass(frozen=True)
class Health:
    """One look at the servers."""

    database: bool
    broker: bool
    version: str

    @property
    def is_good(self) -> bool:
        """Whether the product can serve pages and take work."""
        return self.database and self.broker


def look() -> Health:
    """Ask both servers once; a server that does not answer is False, never an exception."""
    return Health(database=database_answers(), broker=broker_answers(), version=auditor.__version__)


def database_answers() -> bool:
    """Whether a query comes back."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def broker_answers() -> bool:
    """Whether the broker lets us in within `PATIENCE`; True where tasks run without a broker."""
    if settings.CELERY_TASK_ALWAYS_EAGER:
        return True
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=PATIENCE) as broker:
            broker.ensure_connection(max_retries=1, timeout=PATIENCE)
    except Exception:  # each transport raises errors of its own; all of them mean no answer
        return False
    return True
