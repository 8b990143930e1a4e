"""A kept line to the database is looked at before it is tried, and one that ended is never used."""

import threading
from collections.abc import Callable
from typing import Any, cast

import psycopg
import pytest
from django.db import connections

from auditor.web.postgresql import base
from auditor.web.postgresql.base import DatabaseWrapper

pytestmark = pytest.mark.django_db(transaction=True)


def in_a_request(work: Callable[[DatabaseWrapper], None]) -> None:
    """On a line of its own that has just been opened and kept."""

    problems: list[BaseException] = []

    def run() -> None:
        line = cast(DatabaseWrapper, connections["default"])
        try:
            line.ensure_connection()
            line.health_check_enabled = True  # as everywhere but under test
            work(line)
        except BaseException as problem:
            problems.append(problem)
        finally:
            line.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]


def tried(line: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the database from here on only to see whether it answers."""
    asked: list[str] = []
    plain = psycopg.Cursor.execute

    def execute(self: Any, query: Any, *rest: Any, **more: Any) -> Any:
        asked.append(str(query))
        return plain(self, query, *rest, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", execute)
    return asked


def test_a_line_in_use_is_only_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(line: DatabaseWrapper) -> None:
        asked = tried(line, monkeypatch)
        assert line.is_usable()
        assert asked == []

    in_a_request(work)


def test_a_line_that_rested_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(line: DatabaseWrapper) -> None:
        line._seen -= base.RESTED
        asked = tried(line, monkeypatch)
        assert line.is_usable()
        assert line.is_usable()
        assert asked == ["SELECT 1"]

    in_a_request(work)


def test_a_line_on_which_something_went_wrong_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(line: DatabaseWrapper) -> None:
        line.errors_occurred = True
        asked = tried(line, monkeypatch)
        assert line.is_usable()
        assert asked == ["SELECT 1"]

    in_a_request(work)


def test_a_line_that_the_server_ended_is_replaced_before_a_request_uses_it() -> None:
    def work(line: DatabaseWrapper) -> None:
        with line.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (old,) = cursor.fetchone()
        end(line, old)
        line.close_if_unusable_or_obsolete()  # as at the start of each request
        with line.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            assert cursor.fetchone()[0] != old

    in_a_request(work)


def end(line: DatabaseWrapper, backend: int) -> None:
    """End a server process from elsewhere, and wait until it is gone."""
    parameters = line.get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    with psycopg.connect(**parameters, autocommit=True) as other:
        (ended,) = other.execute("SELECT pg_terminate_backend(%s, 10000)", [backend]).fetchone() or (False,)
    assert ended
