"""What a token stands for, as bytes: the spellings in which vocabularies write their tokens.

byte_level      one character for each byte, by GPT-2's table: "Ġthe", "Ã©"
sentencepiece   "▁" for a space and "<0xC3>" for a byte: "▁the", "<0xC3>"
plain           as it reads: " the"
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@dataclass(frozen=True, slots=True)
class Piece:
    """What a token stands for."""

    bytes: bytes
    special: bool = False  # a token with a meaning of its own
    added: bool = False  # it stands for its content as a whole; no prefix and no merge touches it
    takes_left: bool = False  # it swallows the white space before it
    takes_right: bool = False  # and after it

    @property
    def shown(self) -> str:
        """As a person can read it."""
        return self.bytes.decode(errors="backslashreplace")


def _alphabet() -> dict[str, int]:
    """GPT-2's table: printable bytes stand for themselves, the others from U+0100 on, in order."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


BYTE_LEVEL: Mapping[str, int] = _alphabet()


def byte_level(token: str) -> bytes:
    """The bytes of a token of byte-level BPE.

    Raises:
        ValueError: a character that stands for no byte.
    """
    try:
        return bytes(BYTE_LEVEL[sign] for sign in token)
    except KeyError as problem:
        raise ValueError(f"{token!r} is not written in the alphabet of byte-level BPE") from problem


def sentencepiece(token: str) -> bytes:
    """The bytes of a token of SentencePiece, with its fallback to single bytes."""
    byte = BYTE.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace("\u2581", " ").encode()


def plain(token: str) -> bytes:
    """The bytes of a token that is written as it reads."""
    return token.encode()


SPELLINGS: Mapping[str, Callable[[str], bytes]] = {
    "plain": plain, "byte_level": byte_level, "sentencepiece": sentencepiece,
}  # fmt: skip
