"""Reads the compact form of values on words with nothing but its description."""

import base64
import html
import json
import re
from typing import Any

Token = tuple[int, int, float, bool]  # start, end, value, counted


def tokens_of(packet: dict[str, Any]) -> dict[tuple[int, str], list[Token]]:
    """The tokens of each part of each message."""
    spans = iter(_numbers(base64.b64decode(packet["spans"])))
    raw = base64.b64decode(packet["values"])
    bits = "".join(f"{byte:08b}" for byte in base64.b64decode(packet["counted"]))
    found: dict[tuple[int, str], list[Token]] = {}
    index = 0
    for position, part, n in packet["parts"]:
        start, tokens = 0, []
        for _ in range(n):
            start += next(spans)
            step = raw[2 * index] + 256 * raw[2 * index + 1]
            value = packet["lo"] + (packet["hi"] - packet["lo"]) * step / 65535
            tokens.append((start, start + next(spans), value, not bits or bits[index] == "1"))
            index += 1
        found[position, part] = tokens
    assert next(spans, None) is None
    return found


def _numbers(data: bytes) -> list[int]:
    found, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(value)
            value, shift = 0, 0
    return found


def on_page(body: str, slot: str = "heat") -> dict[tuple[int, str], list[Token]]:
    """The tokens that a page carries for a channel's slot, over all its windows."""
    found: dict[tuple[int, str], list[Token]] = {}
    for held in re.findall(
        r'<script id="tokens-\d+" type="application/json">(.*?)</script>', body, re.DOTALL
    ):
        packets = json.loads(html.unescape(held))
        if slot in packets:
            found |= tokens_of(packets[slot])
    return found
