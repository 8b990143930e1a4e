"""Where messages may go: public addresses, whatever a name says, and hosts that the deployment names."""

import socket
from typing import Any

import pytest

from auditor.webhooks.addresses import Forbidden, is_public, read, resolve


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "fd00:ec2::254", "nonsense", "",
    ],
)  # fmt: skip
def test_what_is_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize(
    "ip", ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)  # fmt: skip
def test_what_is_public(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "http://example.org/", "ftp://example.org/", "https://", "https:///x", "https://user@example.org/",
        "https://user:word@example.org/", "https://example.org:99999/", "https://example.org:0/", "https://exa mple.org/",
        "https://example.org/\nX: y", "https://[::1/", "file:///etc/passwd", "https://[fe80::1%25eth0]/", "https://example.org/" + "x" * 2000,
        "https://" + "a" * 64 + ".org/",
    ],
)  # fmt: skip
def test_what_is_no_address_for_a_message(url: str) -> None:
    with pytest.raises(Forbidden):
        read(url, allowed=())


def test_the_parts_of_an_address() -> None:
    one = read("https://Example.ORG./a/b?c=d#e", allowed=())
    assert (one.host, one.port, one.path, one.authority) == ("example.org", 443, "/a/b?c=d", "example.org")
    assert read("https://example.org:8443", allowed=()).authority == "example.org:8443"
    assert read("https://[2606:4700::1]/x", allowed=()).authority == "[2606:4700::1]"
    assert read("https://bücher.example/", allowed=()).host == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
    ],
)
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises((Forbidden, OSError)):
        resolve(f"https://{host}/", allowed=())


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """A resolver that gives these answers in turn, and what it was asked."""
    asked: list[str] = []

    def look_up(host: str, port: int, **more: Any) -> list[Any]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["8.8.8.8", "10.0.0.7"])
    with pytest.raises(Forbidden, match=r"10\.0\.0\.7"):
        resolve("https://example.org/", allowed=())


def test_a_name_is_looked_up_once_and_the_checked_address_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    assert resolve("https://example.org/", allowed=()).ip == "8.8.8.8"
    assert asked == ["example.org"]


def test_a_host_that_the_deployment_names_may_be_private_and_plain() -> None:
    target = resolve("http://localhost:9/x", allowed=["localhost"])
    assert target.ip in ("127.0.0.1", "::1")
    with pytest.raises(Forbidden):
        resolve("https://127.0.0.1/", allowed=["localhost"])
