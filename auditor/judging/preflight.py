"""What a run would cost: a few transcripts judged for real, and the rest carried over from their lengths.

Prompts of up to `SIZED` transcripts are written out and measured in characters; how many characters this model
takes for a token, how long its answers are and how long it takes are read off the calls that were made. What
was tried is kept as any reply is, so the run that follows does not pay for it again.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from auditor.corpus.models import Message, Transcript
from auditor.corpus.queries import messages_of, texts_of
from auditor.evidence.queries import visible_to
from auditor.evidence.quotes import MessageTexts
from auditor.judging.asking import Asked, Asker
from auditor.judging.models import Preflight
from auditor.judging.parsing import Answer
from auditor.llm.calls import Call, Outcome
from auditor.llm.engine import run_calls
from auditor.llm.models import Endpoint, Reply
from auditor.llm.prices import cost, read_models
from auditor.runs.actions import Refused, Ticket
from auditor.sampling.choosing import Chosen, transcripts_of

TRIED = 3  # transcripts that are judged for real
SIZED = 200  # whose prompts are written out to be measured
CHARACTERS = 4.0  # for a token, where the endpoint does not count
BLOCK = 20  # transcripts read at a time


@dataclass(frozen=True)
class Estimate:
    """What is expected of a run."""

    transcripts: int
    verdicts: int
    calls: int
    prompt_tokens: int
    answer_tokens: int
    cost: int | None  # millionths; None: no price is known
    currency: str
    seconds: float | None  # None: nothing was answered
    sized: int  # transcripts that were measured
    characters_per_token: float
    chunked: int  # of those measured, how many take more than one call an ask
    paid: int  # millionths, for what was tried


@dataclass(frozen=True)
class _Sized:
    transcript_id: int
    calls: int
    characters: int
    chunked: bool


def estimate(ticket: Ticket) -> None:
    """Try a few transcripts, measure more, and write down what all of them would take.

    Raises:
        Refused: nothing is chosen, or the filter names what the project no longer has.
        Cancelled, TakenOver: see `runs`.
    """
    preflight = Preflight.objects.select_related(
        "version__judge__project", "version__endpoint", "created_by"
    ).get(run=ticket.run)
    version, endpoint = preflight.version, preflight.version.endpoint
    assert endpoint is not None
    rows, _ = transcripts_of(
        Chosen.from_json(preflight.chosen),
        project_id=version.judge.project_id,
        sight=visible_to(preflight.created_by),
    )
    taught = [one["fingerprint"] for one in version.examples if one.get("fingerprint")]
    ids = list(rows.exclude(fingerprint__in=taught).order_by("pk").values_list("pk", flat=True))
    if not ids:
        raise Refused("No transcript is chosen.")
    chance = random.Random(preflight.seed)  # noqa: S311  # a draw that can be repeated
    measured = chance.sample(ids, min(SIZED, len(ids)))
    trial = _Trial(Asker(version), measured[:TRIED])
    run_calls(
        endpoint=endpoint, calls=trial.calls(), mark=lambda _calls: None, store=trial.store,
        beat=lambda _tally: ticket.beat(done=0, note="Asking about a few transcripts"), cap=None, spent=0,
    )  # fmt: skip
    sized = list(_sizes(trial.asker, measured, ticket))
    made = _carried(trial, sized, len(ids), endpoint)
    preflight.result = asdict(made) | {"tried": trial.plain()}
    preflight.save(update_fields=["result"])
    ticket.note = f"{made.calls:,} calls for {made.verdicts:,} verdicts"


class _Trial:
    """The transcripts that are judged for real, and what came back."""

    def __init__(self, asker: Asker, ids: Sequence[int]) -> None:
        self.asker = asker
        self.replies: list[tuple[int, Reply]] = []  # characters sent, reply
        self.paid = 0
        self._messages = messages_of(ids)
        fingerprints = dict(Transcript.objects.filter(pk__in=ids).values_list("pk", "fingerprint"))
        self._asked = {pk: asker.ask(self._messages[pk], fingerprint=fingerprints[pk]) for pk in ids}
        self._places: dict[int, tuple[int, int]] = {}
        self._outcomes: dict[tuple[int, int, int], Outcome] = {}

    def calls(self) -> Iterator[Call]:
        for pk, asked in self._asked.items():
            for at, one in enumerate(asked.questions):
                ident = len(self._places)
                self._places[ident] = (pk, at)
                yield Call(ident, one.key, one.body, one.schema, one.prompt_tokens, one.answer_tokens)

    def store(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            pk, at = self._places[outcome.call.ident]
            question = self._asked[pk].questions[at]
            self._outcomes[pk, question.ask, question.chunk] = outcome
            if outcome.reply is not None:
                self.replies.append((question.characters, outcome.reply))
                self.paid += 0 if outcome.cached else outcome.reply.cost or 0

    def plain(self) -> list[dict[str, Any]]:
        """Each tried transcript with the exact prompts and what they came to."""
        return [self._one(pk, asked) for pk, asked in self._asked.items()]

    def _one(self, pk: int, asked: Asked) -> dict[str, Any]:
        calls = []
        answers: dict[tuple[int, int], Answer] = {}
        problem = asked.problem
        for one in asked.questions:
            outcome = self._outcomes.get((pk, one.ask, one.chunk))
            reply = outcome.reply if outcome is not None else None
            if reply is not None:
                answers[one.ask, one.chunk] = self.asker.read(one.ask, reply)
            elif outcome is not None:
                problem = problem or outcome.words
            calls.append(
                {"ask": one.ask, "chunk": one.chunk, "turns": one.turns, "reply": reply and reply.pk}
            )
        verdict: dict[str, Any] = {"state": "failed", "words": problem}
        if not problem:
            texts = [MessageTexts(m.position, m.role, m.source_id, texts_of(m)) for m in self._messages[pk]]
            verdict = self.asker.conclude(answers, texts=texts, unread=asked.unread).to_row()
        return {"transcript": pk, "calls": calls, "verdict": verdict}


def _sizes(asker: Asker, ids: Sequence[int], ticket: Ticket) -> Iterator[_Sized]:
    for at in range(0, len(ids), BLOCK):
        block = ids[at : at + BLOCK]
        messages: dict[int, list[Message]] = messages_of(block)
        fingerprints = dict(Transcript.objects.filter(pk__in=block).values_list("pk", "fingerprint"))
        for pk in block:
            questions = asker.ask(messages[pk], fingerprint=fingerprints[pk]).questions
            yield _Sized(
                pk,
                len(questions),
                sum(one.characters for one in questions),
                any(one.chunk for one in questions),
            )
        ticket.beat(done=TRIED, note=f"Measuring {at + len(block):,} of {len(ids):,} transcripts")


def _carried(trial: _Trial, sized: Sequence[_Sized], n: int, endpoint: Endpoint) -> Estimate:
    """From what was measured to all that is chosen."""
    counted = [(chars, one) for chars, one in trial.replies if one.prompt_tokens]
    per_token = CHARACTERS
    if counted:
        per_token = sum(chars for chars, _ in counted) / sum(one.prompt_tokens or 0 for _, one in counted)
    replies = [one for _, one in trial.replies]
    said = [one.completion_tokens for one in replies if one.completion_tokens is not None]
    answer = sum(said) / len(said) if said else trial.asker.answer_tokens
    votes, share = trial.asker.version.votes, n / len(sized)
    calls = sum(one.calls for one in sized) * share * votes
    prompt = sum(one.characters for one in sized) / per_token * share * votes
    waits = [one.latency_ms / 1000 for one in replies]
    model = next((one for one in read_models(endpoint.models) if one.name == trial.asker.version.model), None)
    return Estimate(
        transcripts=n, verdicts=n * votes, calls=round(calls), prompt_tokens=round(prompt),
        answer_tokens=round(calls * answer), currency=endpoint.currency,
        cost=None if model is None else cost(model, round(prompt), round(calls * answer)),
        seconds=_seconds(endpoint, calls, prompt + calls * answer, sum(waits) / len(waits)) if waits else None,
        sized=len(sized), characters_per_token=round(per_token, 3), chunked=sum(one.chunked for one in sized),
        paid=trial.paid,
    )  # fmt: skip


def _seconds(endpoint: Endpoint, calls: float, tokens: float, wait: float) -> float:
    """How long it takes at least: by what is in flight at a time, and by each limit."""
    longest = calls * wait / min(endpoint.concurrency, max(calls, 1))
    if endpoint.requests_per_minute:
        longest = max(longest, calls / endpoint.requests_per_minute * 60)
    if endpoint.tokens_per_minute:
        longest = max(longest, tokens / endpoint.tokens_per_minute * 60)
    return longest
