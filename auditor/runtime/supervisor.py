"""One foreground command for the whole product: servers up in order, children kept alive, all down in order.

    postgres -> broker -> migrate -> sample audit -> web -> sign-in link -> worker, caller, beat
    stop:  web, beat, worker, caller, broker, postgres

Every child is bound to this process by the kernel, so a killed supervisor leaves nothing behind.
"""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from auditor.runtime import children, places, processes, unacknowledged
from auditor.runtime.broker import BrokerServer
from auditor.runtime.postgres import PostgresServer
from auditor.runtime.processes import StartFailed

LOOK_EVERY = 0.2  # seconds
STEADY_AFTER = 10.0  # seconds; a child that lived so long is started again at once
LONGEST_PAUSE = 30.0  # seconds between attempts to start a child that keeps dying
ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (asked for; this is how we reach it ourselves)
LOOK_FOR_TORCH = 15.0  # seconds between looks for an interpreter that has it
PAGE_WITHIN = 60.0  # seconds for the web server's first answer


class Part(Protocol):
    """What the supervisor starts, watches and stops."""

    log: Path
    process: subprocess.Popen[bytes] | None

    def start(self) -> None: ...
    def stop(self) -> None: ...


class StopAsked(BaseException):
    """Ctrl-C or a termination signal."""


@dataclass
class Watched:
    """A part that was started, and how its starts went."""

    name: str
    part: Part
    started: float = 0.0
    failures: int = 0
    not_before: float = field(default=0.0)

    def start(self) -> None:
        self.started = time.monotonic()
        self.part.start()


@dataclass
class Supervisor:
    """Runs the product until it is told to stop.

    `prepare` runs once the servers answer and before the children start (migrations, the sample audit);
    `welcome` runs once the first page is served and gets its address.
    """

    var: Path
    host: str
    port: int
    own_database: bool
    broker_url: str
    own_broker: bool
    caller_processes: int
    interp_python: str
    prepare: Callable[[], None]
    welcome: Callable[[str], None]
    say: Callable[[str], None]
    _watched: list[Watched] = field(default_factory=list)
    _stopping: bool = False
    _has_modeller: bool = False
    _looked_for_torch: float = 0.0

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the product."""
        host = ANY_HOST.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM.

        Raises:
            AlreadyRunning: the product runs already on this `var/`.
            StartFailed: something is missing; the message names what mends it.
        """
        places.private_directory(self.var, self._var_mode())
        with processes.take_lock(self.var / "run.lock", "Auditor") as lock:
            processes.write_lock(lock, f"process {os.getpid()}, {self.address}")
            self._refuse_taken_port()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._on_signal)
            try:
                self._start()
                self._watch()
            except StopAsked:
                self.say("Stopping …")
            finally:
                self._stopping = True
                self._stop()
            self.say("Stopped.")

    def _var_mode(self) -> int:
        """As it is where it exists: the database's owner may have opened it for its server's account."""
        return self.var.stat().st_mode & 0o711 if self.var.exists() else 0o700

    def _start(self) -> None:
        logs = self.var / "logs"
        if self.own_database:
            self._begin("postgres", PostgresServer(self.var))
        if self.own_broker:
            self._begin("broker", BrokerServer(self.var))
        self.prepare()
        web = self._begin("web", children.web(host=self.host, port=self.port, logs=logs))
        self._wait_for_page(web)
        self.welcome(
            self.address
        )  # the first page does not wait for the others: the queue holds what they will do
        self._begin("worker", children.worker(logs=logs, prepare=self._restoring(children.QUEUES)))
        caller = children.caller(
            processes=self.caller_processes, logs=logs, prepare=self._restoring(children.CALLS)
        )
        self._begin("caller", caller)
        if not self._begin_modeller():
            self.say("Work on models waits until torch is installed: make interp")
        self._begin("beat", children.beat(logs=logs, folder=self.var / "beat"))

    def _begin(self, name: str, part: Part) -> Watched:
        watched = Watched(name, part)
        self._watched.append(watched)
        watched.start()
        return watched

    def _begin_modeller(self) -> bool:
        """Start the worker for models if there is an interpreter that can run them."""
        self._looked_for_torch = time.monotonic()
        python = children.python_with_torch(self.interp_python)
        if python:
            prepare = self._restoring(children.DEVICE)
            logs = self.var / "logs"
            self._begin("modeller", children.modeller(python=python, logs=logs, prepare=prepare))
            self._has_modeller = True
        return self._has_modeller

    def _restoring(self, queues: str) -> Callable[[], None] | None:
        """What a worker of these queues does before it starts."""

        def restore() -> None:
            if count := unacknowledged.restore(self.broker_url, queues.split(",")):
                self.say(f"{count} unfinished tasks are queued again.")

        return restore if self.own_broker else None

    def _watch(self) -> None:
        while True:
            for watched in self._watched:
                self._keep_alive(watched)
            due = time.monotonic() > self._looked_for_torch + LOOK_FOR_TORCH
            if due and not self._has_modeller and self._begin_modeller():
                self.say("torch is there now; work on models begins.")
            time.sleep(LOOK_EVERY)

    def _keep_alive(self, watched: Watched) -> None:
        process = watched.part.process
        now = time.monotonic()
        if process is not None:
            if process.poll() is None:
                return
            processes.end_group(process.pid)  # what it had started must not meet its successor
            watched.part.process = None
            steady = now - watched.started > STEADY_AFTER
            watched.failures = 1 if steady else watched.failures + 1
            pause = min(2.0 ** (watched.failures - 2), LONGEST_PAUSE) if watched.failures > 1 else 0.0
            watched.not_before = now + pause
            self.say(f"{watched.name} {_how_it_ended(process.returncode)}; starting it again.")
            if watched.failures > 2:
                self.say(f"The end of {watched.part.log}:\n{processes.tail(watched.part.log)}")
        elif now >= watched.not_before:
            try:
                watched.start()
            except (StartFailed, OSError) as problem:
                watched.failures += 1
                watched.not_before = now + min(2.0**watched.failures, LONGEST_PAUSE)
                self.say(f"{watched.name} could not be started: {problem}")

    def _wait_for_page(self, web: Watched) -> None:
        deadline = time.monotonic() + PAGE_WITHIN
        while not self._page_answers():
            process = web.part.process
            if (process is not None and process.poll() is not None) or time.monotonic() > deadline:
                words = processes.tail(web.part.log, 30)
                raise StartFailed(f"The web server did not start. The end of {web.part.log}:\n{words}")
            time.sleep(0.05)

    def _page_answers(self) -> bool:
        line = http.client.HTTPConnection(ANY_HOST.get(self.host, self.host), self.port, timeout=5)
        try:
            line.request("GET", "/healthz")
            return line.getresponse().status > 0
        except OSError:
            return False
        finally:
            line.close()

    def _refuse_taken_port(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as problem:
                raise StartFailed(
                    f"Port {self.port} of {self.host} cannot be used ({problem.strerror}). "
                    f"Name another: AUDITOR_PORT={self.port + 1} make run"
                ) from problem

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._stopping:
            self._stopping = True  # a second Ctrl-C must not interrupt the orderly stop
            raise StopAsked

    def _stop(self) -> None:
        order = {"web": 0, "beat": 1, "worker": 2, "caller": 3, "modeller": 4, "broker": 5, "postgres": 6}
        for watched in sorted(self._watched, key=lambda one: order[one.name]):
            try:
                watched.part.stop()
            except OSError as problem:
                self.say(f"{watched.name} was not stopped in order: {problem}")


def _how_it_ended(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
