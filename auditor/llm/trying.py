"""One tiny call that shows what an endpoint can do: how fast it is, whether it keeps to a schema, whether it tells odds."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from auditor.accounts.models import User
from auditor.ledger.actions import record
from auditor.llm.calls import Outcome
from auditor.llm.engine import ask_once
from auditor.llm.models import Endpoint, Trial
from auditor.runs.actions import open_run
from auditor.runs.models import Run

QUESTION = 'Add 2 and 2. Answer with JSON and nothing else: {"sum": a whole number, "even": true or false}'
SCHEMA = {
    "type": "object",
    "properties": {"sum": {"type": "integer"}, "even": {"type": "boolean"}},
    "required": ["sum", "even"],
    "additionalProperties": False,
}
MOST_TOKENS = 200
SHOWN = 300  # characters of an answer
TASK = "llm.try_endpoint"


class CannotTry(ValueError):
    """The endpoint has no such model."""


@dataclass(frozen=True)
class Found:
    """What a trial showed."""

    works: bool
    words: str = ""
    latency_ms: int | None = None
    keeps_schema: bool | None = None
    takes: str = ""
    gives_logprobs: bool | None = None
    answer: str = ""


def open_trial(*, endpoint: Endpoint, model: str, actor: User) -> Trial:
    """A trial to be carried by a worker; ring for its run.

    Raises:
        CannotTry: the endpoint has no model of this name.
    """
    if model not in {one["name"] for one in endpoint.models}:
        raise CannotTry(f"This endpoint has no model {model[:60]}.")
    with transaction.atomic():
        run = open_run(
            project_id=endpoint.project_id,
            kind="trial",
            title=f"Try {model} at {endpoint}",
            task=TASK,
            actor=actor,
            total=1,
            unit="calls",
        )
        return Trial.objects.create(endpoint=endpoint, run=run, model=model)


def carry(run: Run) -> None:
    """Make the call and write down what it showed; one that was made is not made again."""
    trial = Trial.objects.select_related("endpoint").get(run=run)
    if trial.state == "waiting":
        found = look(trial.endpoint, trial.model)
        with transaction.atomic():
            for name, value in vars(found).items():
                setattr(trial, name, value)
            trial.state = "done"
            trial.save()
            record(
                verb="endpoint.tried", subject=trial.endpoint, actor=run.created_by, project_id=run.project_id, model=trial.model,
                works=found.works, takes=found.takes, keeps_schema=found.keeps_schema, gives_logprobs=found.gives_logprobs,
            )  # fmt: skip


def look(endpoint: Endpoint, model: str) -> Found:
    """Ask for all that an endpoint might give, and for less where it refuses."""
    Endpoint.objects.filter(pk=endpoint.pk).update(output="schema")  # it may have learnt since
    endpoint.output = "schema"
    outcome = _asked(endpoint, model, logprobs=True)
    if "logprob" in outcome.words:
        outcome = _asked(endpoint, model, logprobs=False)
    if outcome.reply is None:
        return Found(works=False, words=outcome.words[:500])
    endpoint.refresh_from_db(fields=["output"])
    reply = outcome.reply
    said = reply.refusal or reply.content
    return Found(
        works=True, latency_ms=reply.latency_ms, keeps_schema=_keeps(reply.content), takes=endpoint.output,
        gives_logprobs=_has_odds(reply.logprobs), answer=said[:SHOWN],
    )  # fmt: skip


def _asked(endpoint: Endpoint, model: str, *, logprobs: bool) -> Outcome:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": MOST_TOKENS,
    }
    if logprobs:
        body |= {"logprobs": True, "top_logprobs": 5}
    key = hashlib.sha256(secrets.token_bytes(16)).hexdigest()  # asked anew each time
    return ask_once(endpoint=endpoint, body=body, schema=SCHEMA, key=key)


def _keeps(content: str) -> bool:
    """Whether an answer is what the schema asks for."""
    try:
        data = json.loads(content)
    except ValueError:
        return False
    return (
        isinstance(data, dict)
        and set(data) == {"sum", "even"}
        and type(data["sum"]) is int
        and type(data["even"]) is bool
    )


def _has_odds(logprobs: Any) -> bool:
    """Whether tokens came with alternatives and their log-probabilities."""
    rows = logprobs.get("content") if isinstance(logprobs, dict) else None
    return isinstance(rows, list) and any(isinstance(row, dict) and row.get("top_logprobs") for row in rows)
