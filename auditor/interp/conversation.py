"""A transcript as chat templates take it: turns with their words, and the messages that a template is given.

    turns_of(messages) -> Turn for each message
    as_messages(turns, reasoning_key=...) -> [{"role": ..., "content": ...}, ...]

`Words` are texts of the transcript that a model may have read or written, each known by (message, part).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

TEXT, REASONING, PART = "text", "reasoning", "part"
REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")  # what templates call it


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


@dataclass(frozen=True, slots=True)
class Words:
    """One text of a message, as it is stored."""

    position: int  # of the message, from 0
    part: str  # "text", "reasoning", "part:0"
    text: str

    @property
    def kind(self) -> str:
        """ "text", "reasoning" or "part"."""
        return self.part.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; its words are the arguments as they are stored."""

    words: Words
    name: str
    id: str = ""
    valid: bool = True  # whether the words are what a tool can be called with

    @property
    def arguments(self) -> Any:
        """The arguments as a template should have them: an object where the text holds one, else the text."""
        if not self.words.text.strip():
            return {}
        try:
            value = json.loads(self.words.text)
        except (ValueError, RecursionError):
            return self.words.text
        return value if isinstance(value, dict) else self.words.text


@dataclass(frozen=True, slots=True)
class Turn:
    """One message."""

    position: int
    role: str  # system, developer, user, assistant, tool
    words: tuple[Words, ...]  # in the order in which they were said: reasoning, text, tools' texts
    calls: tuple[Call, ...] = ()
    answers: str = ""  # of a tool's result: the call's id
    tool: str = ""  # and the tool's name

    def word(self, kind: str) -> Words | None:
        """Its words of that kind, if it has any."""
        return next((words for words in self.words if words.kind == kind), None)


def turns_of(messages: Iterable[Message]) -> tuple[Turn, ...]:
    """The transcript's messages, in order.

    Texts of images, sounds and files are no words here: what a model saw of them is not known.
    """
    return tuple(_turn(message) for message in messages)


def _turn(message: Message) -> Turn:
    position, words = message.position, []
    if message.reasoning:
        words.append(Words(position, REASONING, message.reasoning))
    if message.text:
        words.append(Words(position, TEXT, message.text))
    calls: list[Call] = []
    answers = tool = ""
    for index, part in enumerate(message.parts):
        text, kind = str(part.get("text") or ""), part.get("kind")
        own = Words(position, f"{PART}:{index}", text)
        if kind == "tool_call":
            name, number = str(part.get("name") or ""), str(part.get("id") or "")
            calls.append(Call(own, name, number, valid=part.get("valid") is not False))
        elif kind == "tool_result":
            answers, tool = str(part.get("tool_call_id") or ""), str(part.get("name") or "")
            words += [own] if text else []
    return Turn(position, message.role, tuple(words), tuple(calls), answers, tool)


def as_messages(turns: Sequence[Turn], *, reasoning_key: str = "") -> list[dict[str, Any]]:
    """The messages that a chat template is given.

    Args:
        reasoning_key: under which name the template reads reasoning; empty: it does not, and gets none.
    """
    found = []
    for turn in turns:
        content = "\n".join(words.text for words in turn.words if words.kind != REASONING)
        message: dict[str, Any] = {"role": turn.role, "content": content}
        reasoning = turn.word(REASONING)
        if reasoning and reasoning_key:
            message[reasoning_key] = reasoning.text
        if turn.calls:
            message["tool_calls"] = [
                {
                    "type": "function",
                    "id": call.id,
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in turn.calls
            ]
        if turn.role == "tool":
            message |= {"tool_call_id": turn.answers, "name": turn.tool}
        found.append(message)
    return found


def cut_after(turns: Sequence[Turn], position: int) -> tuple[Turn, ...]:
    """The conversation up to and with that message: what the model had read when it had written it."""
    return tuple(turn for turn in turns if turn.position <= position)


def reasoning_key_of(template: str) -> str:
    """Under which name a chat template reads reasoning; empty if it does not."""
    return next((key for key in REASONING_KEYS if key in template), "")


def with_text(words: Words, text: str) -> Words:
    """The same place with another text."""
    return replace(words, text=text)
