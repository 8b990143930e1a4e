"""The way out to an endpoint: to network addresses that were looked at, with the headers that we mean, and bounded.

Imported by `client` inside the thread that calls, as it imports the HTTP library.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any

import httpcore2
import httpx2

from auditor import __version__
from auditor.llm.secret import Key
from auditor.webhooks.addresses import is_public

MOST_BODY = 16 << 20  # bytes of one answer
CONNECTS_WITHIN = 15.0  # seconds
TOGETHER = 8  # connections of one pool
SENT = ("host", "content-type", "content-length", "accept")  # headers of the client that go out


class NotAllowed(Exception):
    """The endpoint's name leads to an address that may not be called."""


class TooLarge(Exception):
    """The answer has more bytes than are read."""


class Looked(httpcore2.AnyIOBackend):
    """Connects to addresses that were looked at, whatever the name says later."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = allowed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of the host that answers; none if one of them is not public."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as problem:
            raise httpcore2.ConnectError(f"{host} cannot be looked up: {problem.strerror}") from problem
        ips = list(dict.fromkeys(str(one[4][0]) for one in found))
        if host.rstrip(".") not in self._allowed:
            for ip in ips:
                if not is_public(ip):
                    raise NotAllowed(f"{host} is {ip}, which is not a public address.")
        for ip in ips[:-1]:
            try:
                return await super().connect_tcp(ip, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await super().connect_tcp(ips[-1], port, timeout, local_address, socket_options)


class Bounded(httpx2.AsyncByteStream):
    """A body that ends after so many bytes."""

    def __init__(self, stream: httpx2.AsyncByteStream, over: Callable[[], None]) -> None:
        self._stream = stream
        self._over = over

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > MOST_BODY:
                raise TooLarge(f"The answer has more than {MOST_BODY >> 20} MB.")
            yield part

    async def aclose(self) -> None:
        """Let the connection go."""
        self._over()
        await self._stream.aclose()


class Way(httpx2.AsyncHTTPTransport):
    """A few connections. The library looks at all connections of a pool for each request, so a pool is kept small."""

    def __init__(self, *, allowed: Collection[str], trust: ssl.SSLContext) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=trust, max_connections=TOGETHER,
            max_keepalive_connections=TOGETHER, keepalive_expiry=30.0, network_backend=Looked(allowed),
        )  # fmt: skip
        self.busy = 0  # requests that are under way


class Wire(httpx2.AsyncBaseTransport):
    """Sends what we mean to send, and reads what we can hold."""

    def __init__(self, *, key: Key, allowed: Collection[str], connections: int) -> None:
        self._key = key
        trust = ssl.create_default_context()  # one for all: reading the certificates takes a while
        self._ways = [Way(allowed=allowed, trust=trust) for _ in range(-(-connections // TOGETHER))]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request; its key is added here, so that nothing above ever holds it."""
        headers = [(name, value) for name in SENT if (value := request.headers.get(name))]
        headers += [("User-Agent", f"Auditor/{__version__}"), ("Accept-Encoding", "identity")]
        if self._key:
            headers.append(("Authorization", f"Bearer {self._key.reveal()}"))
        request.headers = httpx2.Headers(headers)
        way = min(self._ways, key=lambda one: one.busy)
        over = _once(way)
        try:
            response = await way.handle_async_request(request)
        except BaseException:
            over()
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = Bounded(response.stream, over)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise TooLarge("The answer is packed, which was not asked for.")
        return response

    async def aclose(self) -> None:
        """Let all connections go."""
        for way in self._ways:
            await way.aclose()


def _once(way: Way) -> Callable[[], None]:
    """One more request on this way; what is returned says that it is over, however often it is called."""
    way.busy += 1
    under_way = True

    def over() -> None:
        nonlocal under_way
        way.busy -= under_way
        under_way = False

    return over
