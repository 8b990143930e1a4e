"""Where searched words stand: in a headline cut by the database, and in texts shown whole.

Nothing here makes HTML: a headline becomes pieces, a text becomes spans.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

OPEN, CLOSE = "\ue000", "\ue001"  # private-use marks around a hit; taken out of the text beforehand
_TOKEN = re.compile(r'(-?)"([^"]*)"?|(-?)(\S+)')
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Piece:
    """Some words of a headline."""

    text: str
    hit: bool


def pieces(headline: str) -> list[Piece]:
    """A headline cut at its marks; a mark that is never closed holds to the end."""
    found = []
    for index, part in enumerate(re.split(f"[{OPEN}{CLOSE}]", headline)):
        if part:
            found.append(Piece(part, index % 2 == 1))
    return found


def wanted(words: str) -> list[list[str]]:
    """The phrases that a web search asks for, each as its words in lower case; exclusions are left out."""
    phrases = []
    for match in _TOKEN.finditer(words):
        excluded = match.group(1) or match.group(3)
        text = match.group(2) if match.group(2) is not None else match.group(4) or ""
        found = [word.lower() for word in _WORD.findall(text)]
        if found and not excluded and found != ["or"]:
            phrases.append(found)
    return phrases


def spans(text: str, phrases: list[list[str]]) -> Iterator[tuple[int, int]]:
    """Start and end, in code points, of each phrase in the text; words match whole, in any case."""
    if not phrases:
        return
    longest_first = sorted((r"\W+".join(map(re.escape, phrase)) for phrase in phrases), key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE)
    for match in pattern.finditer(text):
        yield match.span()
