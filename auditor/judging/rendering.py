"""A transcript written out for a judge, so that nothing in it can pass for what we wrote around it.

    render(messages, nonce=..., renderer=...) -> Piece for each message

        ⟦M3 assistant 8f0c2a917b⟧
        ⟦reasoning 8f0c2a917b⟧
        ...
        ⟦/reasoning 8f0c2a917b⟧
        ⟦/M3 8f0c2a917b⟧

Text is written as it is stored, so that what a judge cites can be found again. What sets our markers
apart is the nonce: a code that depends on the judge and on the whole transcript, and that occurs
nowhere in it. Everything a transcript brings with it, tool and file names too, stands between markers.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Protocol

NONCE = 10  # hexadecimal digits
ROLE = re.compile(r"[a-z]{1,20}")
MEDIA = ("image", "audio", "file")
LONGEST_NAME = 200  # code points of a tool's or file's name
_NEITHER = re.compile(r"[\W_]+")  # neither letter nor digit
_NEITHER_ASCII = bytes(code for code in range(128) if not chr(code).isalnum())

LEFT_OUT = {
    "reasoning": "reasoning is not shown to this judge",
    "arguments": "tool arguments are not shown to this judge",
    "results": "tool results are not shown to this judge",
    "cut": "the middle of a long text of a tool is cut",
    "media": "images, sounds and files are not shown",
}


class Message(Protocol):
    """What is read of a message; rows of the corpus have it."""

    @property
    def position(self) -> int: ...
    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def reasoning(self) -> str: ...
    @property
    def parts(self) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class MessageView:
    """A message that is no row."""

    position: int  # from 0
    role: str
    text: str
    reasoning: str = ""
    parts: tuple[Mapping[str, Any], ...] = ()  # tool calls, tool results, files: each has "kind"


@dataclass(frozen=True, slots=True)
class Renderer:
    """What of a transcript a judge is shown."""

    reasoning: bool = True
    arguments: bool = True  # of tool calls
    results: bool = True  # of tools
    cut_arguments: int = 8_000  # code points kept of one call's arguments; 0: all
    cut_results: int = 16_000  # and of one result
    repeat_opening: bool = True  # the messages before the first answer stand before later stretches too
    most_chunks: int = 0  # stretches that are read of one transcript; 0: all

    def to_json(self) -> dict[str, Any]:
        """What is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Renderer":
        """What was kept or given of it.

        Raises:
            ValueError: an unknown option, or a value that it cannot have.
        """
        known = {name: type(value) for name, value in asdict(cls()).items()}
        for name, value in kept.items():
            if name not in known:
                raise ValueError(f"{str(name)[:40]} is no option of how transcripts are shown.")
            if type(value) is not known[name]:
                wanted = "true or false" if known[name] is bool else "a whole number"
                raise ValueError(f"{name} is {wanted}.")
            if known[name] is int and not 0 <= value <= 10_000_000:
                raise ValueError(f"{name} is a whole number from 0 to 10,000,000.")
        return cls(**kept)


@dataclass(frozen=True, slots=True)
class Unread:
    """A stretch that no judge sees, and why."""

    position: int  # of the message, from 0
    part: str  # "text", "reasoning", "part:0"
    start: int  # code points of the part
    end: int
    why: str


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of one part of a message; without a part it is a remark of ours."""

    part: str
    name: str  # what the marker calls it; empty: the message's own text, which needs no marker
    head: str  # what the transcript says about it: a tool's name, an error
    text: str  # the whole part
    start: int = 0  # the stretch of it
    end: int = 0

    @property
    def whole(self) -> bool:
        return (self.start, self.end) == (0, len(self.text))

    def drawn(self, nonce: str) -> str:
        """As the judge sees it."""
        if not self.part:
            return f"⟦{self.name} {nonce}⟧"
        body = self.text[self.start : self.end]
        if self.whole and not self.name and not self.head:
            return body
        name = self.name or "text"
        lines = [f"⟦{name}{self._range} {nonce}⟧", self.head, body, f"⟦/{name} {nonce}⟧"]
        return "\n".join(line for line in lines if line)

    @property
    def _range(self) -> str:
        """Which characters these are, counted from 1, where it is not all of them."""
        return "" if self.whole else f", characters {self.start + 1} to {self.end} of {len(self.text)}"


@dataclass(frozen=True, slots=True)
class Piece:
    """One message, ready to be laid out."""

    position: int  # from 0
    role: str
    nonce: str
    runs: tuple[Run, ...]
    unread: tuple[Unread, ...] = ()

    @property
    def number(self) -> int:
        """What its marker calls it, from 1."""
        return self.position + 1

    def opening(self, note: str = "") -> str:
        return f"⟦M{self.number} {self.role}{note} {self.nonce}⟧"

    def closing(self, note: str = "") -> str:
        return f"⟦/M{self.number}{note} {self.nonce}⟧"

    @property
    def text(self) -> str:
        """The whole message with its markers."""
        drawn = [run.drawn(self.nonce) for run in self.runs]
        return "\n".join([self.opening(), *drawn, self.closing()])


def nonce_for(messages: Sequence[Message], *, digest: str, fingerprint: str, also: Iterable[str] = ()) -> str:
    """A code that no text of the transcript holds, however it is spelled; the same each time.

    Args:
        digest: of the judge's version.
        fingerprint: of the transcript.
        also: further texts that must not hold it.
    """
    haystack = "\n".join([*map(squeezed, texts_in(messages)), *map(_squeezed_again, also)])
    attempt = 0
    while True:
        seed = f"{digest}:{fingerprint}:{attempt}".encode("utf-8", "surrogatepass")
        nonce = hashlib.sha256(seed).hexdigest()[:NONCE]
        if nonce not in haystack:
            return nonce
        attempt += 1


def squeezed(text: str) -> str:
    """Letters and digits alone, in one spelling: what a reader may take a code for."""
    if text.isascii():  # the same, twenty times as fast
        return text.encode().lower().translate(None, _NEITHER_ASCII).decode()
    return _NEITHER.sub("", unicodedata.normalize("NFKD", text).casefold())


_squeezed_again = lru_cache(maxsize=64)(squeezed)  # rubrics and examples come with every transcript


def render(messages: Sequence[Message], *, nonce: str, renderer: Renderer) -> list[Piece]:
    """Each message between its markers, in order, with what is left out of it.

    Raises:
        ValueError: the nonce occurs in the transcript.
    """
    if any(nonce in text for text in texts_in(messages)):
        raise ValueError("the transcript holds the nonce")
    return [_piece(message, nonce, renderer) for message in messages]


def texts_in(messages: Sequence[Message]) -> Iterator[str]:
    """Every text that a transcript brings with it, names of tools and files too."""
    for message in messages:
        yield from (message.role, message.text, message.reasoning)
        yield from _strings(message.parts)


def _strings(value: Any) -> Iterator[str]:
    """Every text in a value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _piece(message: Message, nonce: str, renderer: Renderer) -> Piece:
    runs: list[Run] = []
    unread: list[Unread] = []

    def show(part: str, name: str, head: str, text: str, *, shown: bool, why: str, keep: int = 0) -> None:
        if not shown:
            if text:
                unread.append(Unread(message.position, part, 0, len(text), LEFT_OUT[why]))
                runs.append(Run("", f"{name} of {len(text)} characters, not shown", "", ""))
            return
        if not keep or len(text) <= keep:
            runs.append(Run(part, name, head, text, 0, len(text)))
            return
        first = keep - keep // 3
        after = len(text) - keep // 3
        unread.append(Unread(message.position, part, first, after, LEFT_OUT["cut"]))
        runs.append(Run(part, name, head, text, 0, first))
        runs.append(Run("", f"{after - first} characters of this {name} are left out", "", ""))
        runs.append(Run(part, name, "", text, after, len(text)))

    if message.reasoning:
        show("reasoning", "reasoning", "", message.reasoning, shown=renderer.reasoning, why="reasoning")
    described = [_head(part) for part in message.parts if _describes(part)]
    if message.role == "tool":
        show(
            "text", "tool result", "\n".join(described), message.text,
            shown=renderer.results, why="results", keep=renderer.cut_results,
        )  # fmt: skip
    elif message.text or described:
        show("text", "", "\n".join(described), message.text, shown=True, why="")
    for index, part in enumerate(message.parts):
        kind, text, name = str(part.get("kind") or "other"), str(part.get("text") or ""), f"part:{index}"
        if kind in MEDIA:
            runs.append(Run(name, f"{kind}, not shown", _media(part), ""))
            unread.append(Unread(message.position, name, 0, 0, LEFT_OUT["media"]))
            if text:
                show(name, f"text of the {kind}", "", text, shown=True, why="", keep=renderer.cut_results)
        elif kind == "tool_call":
            show(
                name, "tool call", _head(part), text,
                shown=renderer.arguments, why="arguments", keep=renderer.cut_arguments,
            )  # fmt: skip
        elif kind == "tool_result" and text:
            show(
                name, "tool result", _head(part), text,
                shown=renderer.results, why="results", keep=renderer.cut_results,
            )  # fmt: skip
        elif text:
            show(name, "other part", "", text, shown=True, why="", keep=renderer.cut_results)
    role = message.role if ROLE.fullmatch(message.role) else "other"
    return Piece(message.position, role, nonce, tuple(runs), tuple(unread))


def _describes(part: Mapping[str, Any]) -> bool:
    """Whether it tells about the message's own text."""
    return part.get("kind") == "tool_result" and not part.get("text")


def _head(part: Mapping[str, Any]) -> str:
    """A tool's name and what went wrong, one line each."""
    lines = [f"name: {_line(part['name'])}"] if part.get("name") else []
    lines += [f"error: {_line(part['error'])}"] if part.get("error") else []
    lines += ["(the arguments are not valid JSON)"] if part.get("valid") is False else []
    return "\n".join(lines)


def _media(part: Mapping[str, Any]) -> str:
    return " · ".join(_line(part[key]) for key in ("name", "media_type", "note") if part.get(key))


def _line(value: Any) -> str:
    """A name on one line, cut where it is no name any more."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"
