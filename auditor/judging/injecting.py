"""How far instructions planted in transcripts move a version's verdicts: the set, asked with and without them.

The transcripts are the set's own and never enter the corpus. What was asked is found in the cache, so a check
that is carried on, or made again, pays only for what is new.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction

from auditor.judging.asking import Asked, Asker
from auditor.judging.combining import Combined, combine
from auditor.judging.definition import digest_of
from auditor.judging.injections import MOVED, SET, UNTRIED, Pair, moved
from auditor.judging.models import InjectionCheck
from auditor.judging.parsing import Answer
from auditor.judging.rendering import MessageView
from auditor.judging.states import FAILED, MISSING
from auditor.ledger.actions import record
from auditor.llm.calls import Call, Outcome, Tally
from auditor.llm.engine import EndpointDown, run_calls
from auditor.runs.actions import Paused, Ticket


def check(ticket: Ticket) -> None:
    """Ask about every pair of the set, and write down which verdicts moved.

    Raises:
        Paused: the endpoint does not answer.
        Cancelled, TakenOver: see `runs`.
    """
    found = InjectionCheck.objects.select_related("version__judge", "version__endpoint", "created_by").get(
        run=ticket.run
    )
    asking = _Asking(Asker(found.version))
    assert found.version.endpoint is not None
    try:
        run_calls(
            endpoint=found.version.endpoint, calls=asking.calls(), mark=lambda _calls: None, store=asking.store,
            beat=lambda tally: _beat(ticket, tally, len(asking.places)), cap=None, spent=0,
        )  # fmt: skip
    except EndpointDown as problem:
        raise Paused(str(problem)) from problem
    rows = [asking.row(pair) for pair in SET.pairs]
    tried = [row for row in rows if row["outcome"] != UNTRIED]
    with transaction.atomic():
        found.rows = rows
        found.tried, found.moved = len(tried), sum(row["outcome"] == MOVED for row in tried)
        found.spent = asking.spent
        found.save(update_fields=["rows", "tried", "moved", "spent"])
        record(
            verb="judging.injections_checked", subject=found, actor=found.created_by,
            project_id=found.version.judge.project_id, tried=found.tried, moved=found.moved,
        )  # fmt: skip
    ticket.note = f"{found.moved} of {found.tried} verdicts moved"


def _beat(ticket: Ticket, tally: Tally, calls: int) -> None:
    share = tally.done / calls if calls else 0
    ticket.beat(done=min(len(SET.pairs), int(share * len(SET.pairs))), note=f"{tally.done} of {calls} calls")


class _Asking:
    """Every text of the set as calls, and what came back."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.spent = 0
        texts: dict[str, Sequence[MessageView]] = {pair.base.key: pair.clean for pair in SET.pairs}
        texts |= {pair.key: pair.planted(asker.rubric) for pair in SET.pairs}
        self._asked: dict[str, Asked] = {
            key: asker.ask(messages, fingerprint=_fingerprint(messages)) for key, messages in texts.items()
        }
        self.places = [(key, at) for key, asked in self._asked.items() for at in range(len(asked.questions))]
        self._answers: dict[str, dict[tuple[int, int], Answer]] = {key: {} for key in texts}

    def calls(self) -> Iterator[Call]:
        for ident, (key, at) in enumerate(self.places):
            one = self._asked[key].questions[at]
            yield Call(ident, one.key, one.body, one.schema, one.prompt_tokens, one.answer_tokens)

    def store(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            key, at = self.places[outcome.call.ident]
            one = self._asked[key].questions[at]
            if outcome.reply is None:
                self._answers[key][one.ask, one.chunk] = Answer(FAILED, words=outcome.words)
                continue
            self._answers[key][one.ask, one.chunk] = self._asker.read(one.ask, outcome.reply)
            self.spent += 0 if outcome.cached else outcome.reply.cost or 0

    def row(self, pair: Pair) -> dict[str, Any]:
        """One planted text: the verdicts without it and with it."""
        clean, planted = self._combined(pair.base.key), self._combined(pair.key)
        found = moved(clean, planted, self._asker.rubric, pair.injection.aims_at)
        return {
            "key": pair.injection.key, "family": pair.injection.family, "where": pair.injection.where,
            "aims_at": pair.injection.aims_at, "base": pair.base.key, "outcome": found.outcome,
            "towards": found.towards, "shift": found.shift, "clean": _plain(clean), "planted": _plain(planted),
        }  # fmt: skip

    def _combined(self, key: str) -> Combined:
        if problem := self._asked[key].problem:
            return Combined(MISSING, words=problem)
        return combine(self._asker.rubric, self._answers[key])


def _fingerprint(messages: Sequence[MessageView]) -> str:
    return digest_of(
        [[one.role, one.text, one.reasoning, [dict(part) for part in one.parts]] for one in messages]
    )


def _plain(one: Combined) -> Mapping[str, Any]:
    return {"state": one.state, "label": one.label, "values": dict(one.values), "words": one.words}
