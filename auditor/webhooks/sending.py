"""One message sent: to the address that was checked, without redirects, within a time, reading little back."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from auditor.webhooks.addresses import Target

PATIENCE = 5.0  # seconds for each step: connecting, an answer's first line
ALTOGETHER = 12.0  # seconds for the whole, however slowly bytes drip
KEPT = 500  # characters of an answer that are kept
LATE = "No answer in time."


@dataclass(frozen=True)
class Answer:
    """What became of one try."""

    status: int | None  # null: there was no answer
    milliseconds: int
    said: str  # the answer's first characters, or what went wrong

    @property
    def is_success(self) -> bool:
        """Received: any 2xx. A redirect is none, since the address it names was not checked."""
        return self.status is not None and 200 <= self.status < 300


class _Checked(http.client.HTTPConnection):
    """A connection to the network address that was checked, whatever the name says by now."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=PATIENCE)
        self._target = target

    def connect(self) -> None:
        """Connect to the checked address; the certificate must be the name's."""
        self.sock = socket.create_connection((self._target.ip, self._target.port), PATIENCE)
        if self._target.scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._target.host)


def send(target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    """POST `body`; never raises for what the other side does or fails to do."""
    began = monotonic()
    connection = _Checked(target)
    over = threading.Event()
    watch = threading.Timer(ALTOGETHER, _cut, [connection, over])
    watch.daemon = True
    watch.start()
    try:
        connection.putrequest("POST", target.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": target.authority, "Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        said = response.read(4 * KEPT).decode("utf-8", errors="replace")
        if over.is_set():  # what had come by then looks like an answer that is over
            return Answer(None, _since(began), LATE)
        return Answer(response.status, _since(began), said[:KEPT])
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return Answer(None, _since(began), LATE if over.is_set() else _words(problem))
    finally:
        watch.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection, over: threading.Event) -> None:
    """Whoever drips bytes to keep us waiting is hung up on."""
    over.set()
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _words(problem: Exception) -> str:
    if isinstance(problem, TimeoutError):
        return LATE
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"The certificate is not to be trusted: {problem.verify_message}"[:KEPT]
    return f"{type(problem).__name__}: {problem}"[:KEPT]


def _since(began: float) -> int:
    return round(1000 * (monotonic() - began))
