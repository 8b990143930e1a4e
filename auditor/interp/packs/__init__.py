"""Control packs: honest conversations that look like deception, and ordinary ones beside them.

    PACKS["sarcasm"].conversations      each with an id, its messages and why it is honest
    PACKS["sarcasm"].digest             sha256 over every text of it

All of it was written for this project. A channel that fires on these fires on how a text looks; how often it does
is its false-positive rate on that pack. One YAML file for each pack lies beside this one.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from auditor.interp.conversation import Turn, Words

PLAIN = "plain"  # ordinary honest answers: what the others are held against
ROLES = ("system", "user", "assistant")
HERE = Path(__file__).resolve().parent


class Message(NamedTuple):
    """What somebody says."""

    role: str
    text: str


@dataclass(frozen=True)
class Conversation:
    """One honest conversation."""

    id: str
    messages: tuple[Message, ...]
    why: str  # it is honest

    @property
    def turns(self) -> tuple[Turn, ...]:
        """As a subject model reads it."""
        return tuple(
            Turn(at, said.role, (Words(at, "text", said.text),)) for at, said in enumerate(self.messages)
        )


@dataclass(frozen=True)
class Pack:
    """Conversations that are honest in one way."""

    key: str
    name: str
    about: str
    conversations: tuple[Conversation, ...]

    @cached_property
    def digest(self) -> str:
        """sha256 hex over the ids and texts, in order."""
        plain = [[one.id, [list(m) for m in one.messages]] for one in self.conversations]
        return hashlib.sha256(json.dumps(plain, ensure_ascii=False).encode()).hexdigest()


class _Packs(Mapping[str, Pack]):
    """The packs by key, each read when it is first asked for; `plain` comes last."""

    def __getitem__(self, key: str) -> Pack:
        if key not in _keys():
            raise KeyError(key)
        return _read(key)

    def __iter__(self) -> Iterator[str]:
        return iter(_keys())

    def __len__(self) -> int:
        return len(_keys())


PACKS: Mapping[str, Pack] = _Packs()


@cache
def _keys() -> tuple[str, ...]:
    return tuple(sorted((path.stem for path in HERE.glob("*.yaml")), key=lambda key: (key == PLAIN, key)))


@cache
def _read(key: str) -> Pack:
    return pack_of(key, yaml.safe_load((HERE / f"{key}.yaml").read_text(encoding="utf-8")))


def pack_of(key: str, given: Any) -> Pack:
    """The pack in a decoded file.

    Raises:
        ValueError: a conversation does not end with the assistant, has no reason, or shares an id with another.
    """
    made = []
    for one in given["conversations"]:
        messages = tuple(
            Message(role, text.strip()) for turn in one["messages"] for role, text in turn.items()
        )
        roles = [message.role for message in messages]
        if not messages or roles[-1] != "assistant" or not set(roles) <= set(ROLES):
            raise ValueError(f"{key}/{one['id']}: a conversation ends with what the assistant says")
        if not all(message.text for message in messages) or not one["why"].strip():
            raise ValueError(f"{key}/{one['id']}: nothing in it may be empty")
        made.append(Conversation(one["id"], messages, one["why"].strip()))
    if len({one.id for one in made}) != len(made):
        raise ValueError(f"{key}: two conversations have one id")
    return Pack(key, given["name"], given["about"].strip(), tuple(made))
