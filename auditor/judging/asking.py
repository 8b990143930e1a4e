"""A version put to use: a transcript becomes calls, and replies become what a verdict row holds."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import orjson

from auditor.evidence.quotes import NOT_FOUND, MessageTexts, locate
from auditor.judging.chunking import BEYOND, PER_TOKEN, Chunk, WindowTooSmall, chunks, tokens, unread
from auditor.judging.combining import combine
from auditor.judging.definition import Parameters
from auditor.judging.models import JudgeVersion
from auditor.judging.parsing import Answer, read_answer
from auditor.judging.prompting import Prompter, Turn
from auditor.judging.rendering import Message, Piece, Renderer, Unread, nonce_for, render
from auditor.judging.rubric import NUMBER, Example, parse_rubric
from auditor.judging.schema import answer_schema
from auditor.judging.states import OK

NUMBER_TOKENS = 6  # of an answer that is a number, where the parameters leave more
MARGIN = 256  # tokens of the window that are left empty, since tokens are counted by estimate
NOTHING = "The transcript has no messages."
MOST_UNREAD = 200  # stretches that a verdict lists; the rest is counted


class Replied(Protocol):
    """What is read of a reply."""

    @property
    def content(self) -> str: ...
    @property
    def refusal(self) -> str: ...
    @property
    def finish_reason(self) -> str: ...
    @property
    def logprobs(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Question:
    """One call: an ask about a stretch of a transcript."""

    ask: int  # from 0
    chunk: int  # from 0
    key: str
    body: Mapping[str, Any]
    schema: Mapping[str, Any] | None
    prompt_tokens: int  # estimate
    answer_tokens: int

    @property
    def turns(self) -> list[Turn]:
        """What is sent, for people to read."""
        return list(self.body["messages"])

    @property
    def characters(self) -> int:
        """Length of what is sent, from which tokens are estimated."""
        return sum(len(turn["content"]) for turn in self.turns)


@dataclass(frozen=True)
class Asked:
    """Every call of one verdict, and what none of them shows; or why there can be none."""

    questions: tuple[Question, ...] = ()
    unread: tuple[Unread, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Conclusion:
    """What the answers came to, as a verdict row holds it."""

    state: str
    words: str = ""
    label: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    rationale: str = ""
    quotes: Sequence[Mapping[str, Any]] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    unread: Sequence[Mapping[str, Any]] = ()

    @property
    def unsupported(self) -> bool:
        """It is said of the transcript and does not show it: what it cites is not there, or it had to cite and did not."""
        nowhere = bool(self.quotes) and all(one["status"] == NOT_FOUND for one in self.quotes)
        return self.state == OK and (nowhere or bool(self.detail.get("uncited")))

    def to_row(self) -> dict[str, Any]:
        """The columns."""
        return {
            "state": self.state, "words": self.words[:500], "label": self.label, "values": dict(self.values),
            "detail": dict(self.detail), "rationale": self.rationale, "quotes": list(self.quotes),
            "unsupported": self.unsupported, "unread": list(self.unread),
        }  # fmt: skip


class Asker:
    """One judge version, with everything read that its rows hold as text."""

    def __init__(self, version: JudgeVersion) -> None:
        self.version = version
        self.rubric = parse_rubric(version.rubric)
        self.parameters = Parameters.from_json(version.parameters)
        self.renderer = Renderer.from_json(version.renderer)
        self.examples = [Example(one["text"], one["answer"], one.get("why", "")) for one in version.examples]

    def ask(self, messages: Sequence[Message], *, fingerprint: str, vote: int = 0) -> Asked:
        """The calls that one vote on a transcript takes.

        Args:
            fingerprint: of the transcript; the markers' code depends on it.
            vote: from 0; it moves the seed, where one is set, and is part of the calls' keys.
        """
        if not messages:
            return Asked(problem=NOTHING)
        nonce = nonce_for(messages, digest=self.version.digest, fingerprint=fingerprint, also=self._ours)
        pieces = render(messages, nonce=nonce, renderer=self.renderer)
        try:
            made = self._chunks(pieces)
        except WindowTooSmall as problem:
            return Asked(problem=str(problem))
        questions = [
            self._question(number, chunk, fingerprint, vote)
            for chunk in made
            for number in range(len(self.rubric.asks))
        ]
        return Asked(tuple(questions), tuple(unread(pieces, made)))

    def read(self, ask: int, reply: Replied) -> Answer:
        """What a reply to one ask says."""
        return read_answer(
            self.rubric,
            self.rubric.asks[ask],
            reply.content,
            reply.refusal,
            reply.finish_reason,
            reply.logprobs,
        )

    def conclude(
        self,
        answers: Mapping[tuple[int, int], Answer],
        *,
        texts: Sequence[MessageTexts],
        unread: Sequence[Unread],
    ) -> Conclusion:
        """A verdict from the answers to (ask, chunk), with every citation looked for in the transcript."""
        combined = combine(self.rubric, answers)
        quotes = []
        for quote in combined.quotes:
            found = locate(quote.words, texts, quote.position)
            quotes.append(
                {
                    "text": quote.words, "supports": quote.supports, "hint": quote.position, "status": found.status,
                    "position": found.position, "part": found.part or "", "start": found.start, "end": found.end,
                }
            )  # fmt: skip
        detail: dict[str, Any] = {"chunks": 1 + max((chunk for _, chunk in answers), default=0)}
        if combined.expected:
            detail["expected"] = {key: one.to_json() for key, one in combined.expected.items()}
        if combined.uncited:
            detail["uncited"] = list(combined.uncited)
        if len(unread) > MOST_UNREAD:
            detail["unread"] = len(unread)
        return Conclusion(
            combined.state, combined.words, combined.label, combined.values, combined.rationale, quotes, detail,
            [_kept(one) for one in unread[:MOST_UNREAD]],
        )  # fmt: skip

    @cached_property
    def answer_tokens(self) -> int:
        """The most that an answer may take."""
        if self.rubric.answer == NUMBER:
            return min(self.parameters.answer_tokens, NUMBER_TOKENS)
        return self.parameters.answer_tokens

    @cached_property
    def _ours(self) -> list[str]:
        """The texts around the transcript, in which its code must not occur either."""
        return [self.version.rubric, self.version.template, *(one.text for one in self.examples)]

    @cached_property
    def _around(self) -> int:
        """Tokens of the longest prompt without a transcript."""
        empty = Chunk(0, 2, "", "0" * 10, 0, 0, ())
        return max(sum(tokens(turn["content"]) for turn in one.turns(empty)) for one in self._prompters)

    def _chunks(self, pieces: Sequence[Piece]) -> list[Chunk]:
        room = self.parameters.context - self.answer_tokens - self._around - MARGIN
        if room < MARGIN:
            raise WindowTooSmall(
                "The rubric, its examples and the answer leave no room for a transcript in the window."
            )
        return chunks(
            pieces,
            room,
            PER_TOKEN,
            repeat_opening=self.renderer.repeat_opening,
            most=self.renderer.most_chunks,
        )

    @cached_property
    def _prompters(self) -> list[Prompter]:
        """One for each ask."""
        return [Prompter(self.version.template, self.rubric, ask, self.examples) for ask in self.rubric.asks]

    @cached_property
    def _schemas(self) -> list[dict[str, Any] | None]:
        return [answer_schema(self.rubric, ask) for ask in self.rubric.asks]

    def _question(self, number: int, chunk: Chunk, fingerprint: str, vote: int) -> Question:
        turns = self._prompters[number].turns(chunk)
        said = self.parameters
        body: dict[str, Any] = {
            "model": self.version.model,
            "messages": turns,
            said.limit: self.answer_tokens,
        }
        body |= {
            name: value
            for name, value in (("temperature", said.temperature), ("top_p", said.top_p))
            if value is not None
        }
        if said.seed is not None:
            body["seed"] = said.seed + vote
        if said.effort:
            body["reasoning_effort"] = said.effort
        if self.rubric.answer == NUMBER and said.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": said.top_logprobs}
        return Question(
            ask=number, chunk=chunk.index, body=body, schema=self._schemas[number],
            key=_key(self.version.digest, fingerprint, vote, number, chunk.index, orjson.dumps(turns)),
            prompt_tokens=sum(tokens(turn["content"]) for turn in turns), answer_tokens=self.answer_tokens,
        )  # fmt: skip


def is_beyond(one: Mapping[str, Any]) -> bool:
    """Whether a stretch was not read because the transcript is too long, and not because of its kind."""
    return one.get("why") == BEYOND


def _key(digest: str, fingerprint: str, vote: int, ask: int, chunk: int, sent: bytes) -> str:
    """Of a reply: judge, transcript, vote and the very words that were sent."""
    head = f"{digest}\0{fingerprint}\0{vote}\0{ask}\0{chunk}\0".encode()
    return hashlib.sha256(head + sent).hexdigest()


def _kept(one: Unread) -> dict[str, Any]:
    return {"position": one.position, "part": one.part, "start": one.start, "end": one.end, "why": one.why}
