"""The product's own web server, started as `make run` starts it, on the private servers of the benchmark."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from auditor.runtime import children

PATIENCE = 60.0  # seconds until the first answer


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """The web process with its threads; yields the port of the loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    web = children.web(host="127.0.0.1", port=port, logs=folder)
    web.start()
    try:
        deadline = monotonic() + PATIENCE
        while not _answers(port):
            if monotonic() > deadline:
                raise TimeoutError(f"no web server: {web.log.read_text()[-2000:]}")
            sleep(0.05)
        yield port
    finally:
        web.stop()


def _answers(port: int) -> bool:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/healthz")
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()
