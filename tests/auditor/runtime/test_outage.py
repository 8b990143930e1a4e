"""A database that is away is a 503, which says that asking again helps; what is our fault stays a 500."""

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client

from auditor.runtime import health
from auditor.runtime.outage import is_outage


def asked(client: Client, monkeypatch: pytest.MonkeyPatch, problem: Exception) -> tuple[int, str, str | None]:
    """Status, words and Retry-After of a page on which this goes wrong."""

    def look() -> None:
        raise problem

    monkeypatch.setattr(health, "look", look)
    client.raise_request_exception = False
    answer = client.get("/healthz")
    return answer.status_code, answer.content.decode(), answer.headers.get("Retry-After")


def wrapped(cause: Exception) -> OperationalError:
    """As Django hands it on."""
    problem = OperationalError(str(cause))
    problem.__cause__ = cause
    return problem


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ends_is_an_outage() -> None:
    settings = connection.get_connection_params()
    for name in ("cursor_factory", "context"):
        settings.pop(name, None)
    with psycopg.connect(**settings, autocommit=True) as line:
        with pytest.raises(psycopg.OperationalError) as ended:
            line.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(psycopg.Error) as afterwards:
            line.execute("SELECT 1")
    assert is_outage(ended.value)
    assert is_outage(afterwards.value)


def test_a_server_that_is_not_there_is_a_503_with_a_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(psycopg.OperationalError) as nobody:
        psycopg.connect(host="127.0.0.1", port=1, connect_timeout=2)
    status, words, again = asked(client, monkeypatch, wrapped(nobody.value))
    assert (status, again) == (503, "5")
    assert "The database does not answer" in words
    assert "127.0.0.1" not in words


@pytest.mark.parametrize(
    "problem",
    [
        wrapped(psycopg.errors.DeadlockDetected("deadlock detected")),
        wrapped(psycopg.errors.DiskFull("no space left")),
        psycopg.InterfaceError("cursor already closed"),
        ValueError("a fault of ours"),
    ],
)
def test_what_is_our_fault_is_a_500(
    client: Client, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    status, words, again = asked(client, monkeypatch, problem)
    assert (status, again) == (500, None)
    assert "Something broke on our side" in words


def test_the_first_cause_decides() -> None:
    late = ValueError("cannot be used any more")
    late.__context__ = wrapped(psycopg.errors.CrashShutdown("terminating connection because of a crash"))
    assert is_outage(late)
