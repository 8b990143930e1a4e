"""The embedded broker: a Valkey reached by a private socket, writing every change to its own log.

Rows are the truth and the broker is a doorbell; the log is kept all the same, so that a crash delays nothing.
"""

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import IO

from auditor.runtime import places, processes
from auditor.runtime.binaries import find_broker
from auditor.runtime.processes import StartFailed
from auditor.runtime.server_user import server_environment

STOP = [(signal.SIGTERM, 15.0)]


class BrokerServer:
    """Starts, watches and stops the broker of one `var/`."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.data = var / "broker"
        self.socket = places.broker_socket(var)
        self.log = var / "logs" / "broker.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def start(self) -> None:
        """Bring the broker up; returns once it answers, with whatever its log held.

        Raises:
            AlreadyRunning: another process owns this data.
            StartFailed: it cannot start; the message says what mends it.
        """
        places.private_directory(self.data)
        if self.socket.parent != self.data:
            if not self.socket.parent.parent.exists():
                places.private_directory(self.socket.parent.parent)
            places.refuse_foreign(self.socket.parent.parent)
            places.private_directory(self.socket.parent)
        if self.process is not None:
            processes.stop(self.process, STOP)  # reaps it where it was killed
        if self._lock is None:
            self._lock = processes.take_lock(self.data / "lock", "The embedded broker")
        processes.end_leftovers(self.data, gently=signal.SIGTERM)
        program = find_broker()
        if not self._comes_up(program):
            # Its log cannot be read. The rows know what is due, so the queue may begin again.
            self._set_log_aside()
            if not self._comes_up(program):
                raise StartFailed(
                    f"The broker did not start. The end of {self.log}:\n{processes.tail(self.log)}"
                )

    def stop(self) -> None:
        """Stop the broker in order, if it runs."""
        if self.process is not None:
            processes.stop(self.process, STOP)
            self.process = None
            places.forget_short_directory(self.var, self.socket.parent)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _comes_up(self, program: str) -> bool:
        self.process = processes.spawn(
            [program, *self._arguments()],
            death_signal=signal.SIGTERM,
            log=self.log,
            environment=server_environment(),
            folder=self.data,
        )
        while self.process.poll() is None:
            if self._answers():
                return True
            time.sleep(0.02)
        return False

    def _arguments(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [part for name, value in settings.items() for part in (f"--{name}", value)]

    def _answers(self) -> bool:
        """Whether the broker has read its log and talks."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(2.0)
            try:
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def _set_log_aside(self) -> None:
        name = f"unreadable-{time.strftime('%Y%m%d-%H%M%S')}"
        for left in self.data.glob("appendonly*"):
            left.rename(self.data / f"{name}-{left.name}")
