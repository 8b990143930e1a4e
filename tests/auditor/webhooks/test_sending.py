"""Signatures, and one message over a real socket."""

import hashlib
import hmac
import socket

import pytest

from auditor.webhooks import sending
from auditor.webhooks.addresses import Target, resolve
from auditor.webhooks.sending import send
from auditor.webhooks.signing import signature, verify
from tests.auditor.webhooks.receiver import Receiver, receiver

HERE = ["127.0.0.1"]


def post(there: Receiver) -> sending.Answer:
    return send(resolve(there.url, allowed=HERE), b'{"id":1}', {"Auditor-Event": "round.opened"})


def test_a_message_arrives_as_it_was_written() -> None:
    with receiver() as there:
        answer = post(there)
    assert (answer.status, answer.said, answer.is_success) == (200, "thanks", True)
    (got,) = there.got
    assert (got.path, got.body) == ("/hook", b'{"id":1}')
    assert got.headers["Auditor-Event"] == "round.opened"
    assert got.headers["Host"] == there.url.split("/")[2]


def test_a_redirect_is_not_followed() -> None:
    with receiver() as there:
        there.status, there.headers = 302, {"Location": there.url + "/elsewhere"}
        answer = post(there)
    assert (answer.status, answer.is_success) == (302, False)
    assert [one.path for one in there.got] == ["/hook"]


def test_little_is_kept_of_a_long_answer() -> None:
    with receiver() as there:
        there.status, there.says = 500, "é".encode() * 100_000
        answer = post(there)
    assert answer.status == 500
    assert answer.said.startswith("é")
    assert len(answer.said) <= 500


def test_who_drips_bytes_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "ALTOGETHER", 0.5)
    with receiver() as there:
        there.drips = True
        answer = post(there)
    assert answer.status is None
    assert answer.said == "No answer in time."
    assert answer.milliseconds < 4000


def test_nobody_there_is_an_answer_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answer = send(Target("http", "127.0.0.1", port, "/", "127.0.0.1"), b"{}", {})
    assert answer.status is None
    assert "refused" in answer.said.lower()


def test_the_connection_goes_to_the_checked_address_whatever_the_name_says_now() -> None:
    with receiver() as there:
        port = int(there.url.rsplit(":", 1)[1].split("/")[0])
        answer = send(Target("http", "name.invalid", port, "/hook", "127.0.0.1"), b"{}", {})
    assert answer.status == 200
    assert there.got[0].headers["Host"] == f"name.invalid:{port}"


def test_the_certificate_must_be_the_names() -> None:
    with receiver() as there:  # speaks no TLS at all
        port = int(there.url.rsplit(":", 1)[1].split("/")[0])
        answer = send(Target("https", "127.0.0.1", port, "/hook", "127.0.0.1"), b"{}", {})
    assert answer.status is None
    assert there.got == []


def test_a_signature_is_an_hmac_over_time_and_body() -> None:
    expected = hmac.new(b"whsec_x", b'1700000000.{"id":1}', hashlib.sha256).hexdigest()
    assert signature("whsec_x", 1700000000, b'{"id":1}') == f"v1={expected}"


@pytest.mark.parametrize(
    ("secret", "timestamp", "body", "now", "holds"),
    [
        ("s", "1000", b"x", 1000.0, True),
        ("s", "1000", b"x", 1299.0, True),
        ("s", "1000", b"x", 1301.0, False),
        ("s", "1000", b"x", 699.0, False),
        ("t", "1000", b"x", 1000.0, False),
        ("s", "1001", b"x", 1000.0, False),
        ("s", "1000", b"y", 1000.0, False),
        ("s", "later", b"x", 1000.0, False),
        ("s", "", b"x", 1000.0, False),
    ],
)
def test_what_a_receiver_may_believe(
    secret: str, timestamp: str, body: bytes, now: float, holds: bool
) -> None:
    given = signature("s", 1000, b"x")
    assert verify(secret, timestamp, given, body, now=now) is holds
