"""What is done beside the writing of a release has a connection of its own, and has ended before anything is stored."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread, current_thread, main_thread

import pytest
from django.db import IntegrityError, connection, transaction

from auditor.accounts.models import User
from labeling.datasets.actions import building, holding
from labeling.datasets.models import Release, ReleaseItem
from labeling.datasets.planning import Plan
from labeling.datasets.reading_ahead import beside, read_ahead
from labeling.datasets.tasks import build_release
from labeling.queues.models import Round
from tests.auditor.runtime.machine import within
from tests.labeling.datasets.conftest import released


def backend() -> int:
    """Which of the database's processes answers here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (found,) = cursor.fetchone()
        return int(found)


def is_there(pid: int) -> bool:
    """Whether the database still has this process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid])
        return cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
def test_work_beside_has_a_connection_of_its_own_and_ends_with_it() -> None:
    here = backend()
    with beside(backend) as work:
        there = work()
        assert work() == there != here
    assert within(10, lambda: not is_there(there))  # the server takes a moment to notice


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_work_beside_is_done_here_and_once() -> None:
    asked: list[int] = []

    def work() -> int:
        asked.append(backend())
        return len(asked)

    with transaction.atomic(), beside(work) as wanted:
        assert not asked
        assert (wanted(), wanted()) == (1, 1)
        assert asked == [backend()]


@pytest.mark.django_db(transaction=True)
def test_what_work_beside_raises_is_raised_where_it_is_asked_for() -> None:
    def work() -> None:
        raise LookupError("gone")

    with beside(work) as wanted, pytest.raises(LookupError, match="gone"):
        wanted()


@pytest.mark.django_db(transaction=True)
def test_items_are_asked_for_ahead_by_another_and_in_order() -> None:
    def asked() -> Iterator[tuple[int, int]]:
        for number in range(5):
            yield number, backend()

    with read_ahead(asked()) as found:
        numbers, backends = zip(*found, strict=True)
    assert numbers == (0, 1, 2, 3, 4)
    assert len({*backends, backend()}) == 2
    with transaction.atomic(), read_ahead(asked()) as found:
        assert {one for _, one in found} == {backend()}


@pytest.mark.django_db(transaction=True)
def test_the_items_are_written_down_beside_and_before_anything_is_stored(
    round: Round, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    by: list[Thread] = []
    there: list[int] = []
    real = building.stored_file

    def hold(release: Release, planned: Plan) -> None:
        by.append(current_thread())
        holding.hold(release, planned)

    def stored(release: Release, one: dict[str, object]) -> object:
        there.append(ReleaseItem.objects.filter(release=release).count())
        return real(release, one)

    monkeypatch.setattr(building, "hold", hold)
    monkeypatch.setattr(building, "stored_file", stored)
    release = released(round, mia)
    assert len(by) == 1
    assert by[0] is not main_thread()
    assert set(there) == {2} == {release.items.count()}


@pytest.mark.django_db(transaction=True)
def test_where_the_items_cannot_be_written_down_nothing_is_stored_and_another_try_is_safe(
    round: Round, mia: User, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(release: Release, planned: Plan) -> None:
        raise IntegrityError("a transcript was removed")

    with monkeypatch.context() as patched:
        patched.setattr(building, "hold", gone)
        release = released(round, mia)
    assert (release.built_at, release.files.count()) == (None, 0)
    assert not [path for path in storage.rglob("*") if path.is_file()]
    moment = release.as_of
    assert moment is not None
    assert release.run_id is not None
    build_release(release.run_id)
    release.refresh_from_db()
    assert release.built_at is not None
    assert (release.as_of, release.items.count()) == (moment, 2)
