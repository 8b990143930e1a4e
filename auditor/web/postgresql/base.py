"""Whether a kept line to the database still works, mostly without asking the database.

Django asks by `SELECT 1` before the first statement of each request, which is a round trip for nothing wherever
requests follow each other. A server that ends, or ends the line, closes its socket, and that can be seen here: something
is there to be read. Only a line that rested, which something on its way may have forgotten meanwhile, is tried.
"""

import select
from time import monotonic
from typing import Any

from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

RESTED = 5.0  # seconds after which a line is tried by a statement


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but for `is_usable`."""

    _seen = 0.0  # when the line was last known to work

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A new line has just answered."""
        line = super().get_new_connection(conn_params)
        self._seen = monotonic()
        return line

    def is_usable(self) -> bool:
        """Whether the line works: by looking at it where that says enough, else by a statement."""
        now = monotonic()
        usable = (now - self._seen < RESTED and self._is_quiet()) or bool(super().is_usable())
        if usable:
            self._seen = now
        return usable

    def _is_quiet(self) -> bool:
        """Nothing went wrong on it, no transaction is under way, and nothing is there to be read, not even its end."""
        line = self.connection
        if line is None or self.errors_occurred or line.info.transaction_status != TransactionStatus.IDLE:
            return False
        watch = select.poll()
        watch.register(line.fileno(), select.POLLIN | select.POLLPRI)
        return not watch.poll(0)
