"""Conversations put together from calls that each repeat the history so far: the longest prefix wins.

Every call gives what was sent and what came back. A call that goes on where another ended makes it longer;
one that repeats less adds nothing; one that goes another way from some message on becomes a branch. Two
tellings of one message may differ in what was left out on the way: reasoning that is not sent back, a
system prompt that only the first call states. The fuller telling is kept.
"""

import hashlib
from dataclasses import dataclass, field

from auditor.corpus.records import ParsedMessage

THREADS = 1_000  # branches of one conversation
LEADS = ("system", "developer")


@dataclass(slots=True)
class Thread:
    """One line of a conversation; messages before `shared` are its parent's."""

    lead: list[ParsedMessage]  # system prompts at its beginning
    body: list[ParsedMessage]
    keys: list[bytes]
    parent: "Thread | None" = None
    common: int = 0  # of its body with its parent's

    @property
    def messages(self) -> tuple[ParsedMessage, ...]:
        """All of it, those it shares with its parent as its parent has them."""
        inherited = self.parent.body[: self.common] if self.parent else []
        return (*self.leads, *inherited, *self.body[self.common :])

    @property
    def leads(self) -> list[ParsedMessage]:
        """Its own system prompts, as its parent has them where they are the same."""
        return self.parent.leads if self.parent else self.lead

    @property
    def shared(self) -> int:
        """Messages at its beginning that are its parent's own first ones."""
        return len(self.leads) + self.common if self.parent else 0


class TooManyThreads(ValueError):
    """A conversation that falls into more branches than we keep."""


@dataclass(slots=True)
class Threads:
    """The threads of one conversation, a parent before its branches."""

    threads: list[Thread] = field(default_factory=list)

    def add(self, messages: tuple[ParsedMessage, ...]) -> Thread:
        """The thread that these messages, in order, are now a part of.

        Raises:
            TooManyThreads: they would begin one more than `THREADS`.
        """
        n_leads = next((i for i, m in enumerate(messages) if m.role not in LEADS), len(messages))
        lead, body = list(messages[:n_leads]), list(messages[n_leads:])
        keys = [_key(message) for message in body]
        best, common = None, -1
        for thread in self.threads:
            if not _same_leads(thread.leads, lead):
                continue
            n = _common(thread, body, keys)
            ends_there = n == len(thread.keys)
            if n > common or (n == common and ends_there):
                best, common = thread, n
        if best is not None and (common > 0 or not body or not best.keys):
            _agree(best, lead, body, common)
            if common == len(keys):
                return best
            if common == len(best.keys):
                best.body += body[common:]
                best.keys += keys[common:]
                return best
        if len(self.threads) >= THREADS:
            raise TooManyThreads(f"it falls into more than {THREADS:,} branches")
        parent = best if common > 0 else None
        made = Thread(lead, body, keys, parent, common if parent else 0)
        self.threads.append(made)
        return made


def _common(thread: Thread, body: list[ParsedMessage], keys: list[bytes]) -> int:
    """How many messages at the beginning are the same."""
    for index, (mine, theirs) in enumerate(zip(thread.keys, keys, strict=False)):
        if mine != theirs:
            return index
        one, other = thread.body[index].reasoning, body[index].reasoning
        if one and other and one != other:
            return index
    return min(len(thread.keys), len(keys))


def _same_leads(one: list[ParsedMessage], other: list[ParsedMessage]) -> bool:
    return not one or not other or [m.text for m in one] == [m.text for m in other]


def _agree(thread: Thread, lead: list[ParsedMessage], body: list[ParsedMessage], common: int) -> None:
    """Take over what this telling of the common messages has and the thread's lacks, in its parents too."""
    owner: Thread | None = thread
    while owner is not None:
        if not owner.lead:
            owner.lead = lead
        for index in range(min(common, len(owner.body))):
            mine, theirs = owner.body[index], body[index]
            owner.body[index] = mine._replace(
                reasoning=mine.reasoning or theirs.reasoning,
                source_id=mine.source_id or theirs.source_id,
                model=mine.model or theirs.model,
            )
        common, owner = min(common, owner.common), owner.parent


def _key(message: ParsedMessage) -> bytes:
    """What two tellings of one message have in common."""
    parts = [
        (p["kind"], p.get("name") if p["kind"] == "tool_call" else "", p.get("text"), p.get("size"))
        for p in message.parts
    ]
    whole = repr((message.role, message.text, parts))
    return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).digest()
