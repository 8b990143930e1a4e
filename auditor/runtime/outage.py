"""Whether an error says that the database is away, and nothing about what was asked of it."""

import psycopg

LOST = ("08", "57P")  # SQLSTATE: no connection; the server is shut down, has crashed, or starts
CLOSED = "connection is closed"  # what psycopg says of a line that it has found to be dead


def is_outage(problem: BaseException | None) -> bool:
    """True if the error, or one that it came of, is a lost or refused connection; a deadlock is none."""
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        if isinstance(problem, psycopg.OperationalError):
            state = problem.sqlstate
            if state is None or state.startswith(LOST):
                return True
        elif isinstance(problem, psycopg.InterfaceError) and CLOSED in str(problem):
            return True
        seen.add(id(problem))
        problem = problem.__cause__ or problem.__context__
    return False
