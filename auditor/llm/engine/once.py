"""A single call outside a run: a dry run, or a look at what an endpoint can do."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from auditor.llm import prices
from auditor.llm.calls import FAILED, Call, Outcome
from auditor.llm.engine.purse import Purse
from auditor.llm.engine.running import Running
from auditor.llm.engine.stops import Stopped
from auditor.llm.models import Endpoint

ANSWER_TOKENS = 1024  # where the body does not say
BYTES_PER_TOKEN = 4  # roughly


def ask_once(
    *, endpoint: Endpoint, body: Mapping[str, Any], schema: Mapping[str, Any] | None = None, key: str = ""
) -> Outcome:
    """Ask one thing, in this thread, for as long as its tries take; within the endpoint's limits.

    For workers and commands: a web process would import the client and wait. The reply is stored, and found instead
    of asking again.

    Args:
        body: of POST {base_url}/chat/completions, without response_format.
        key: sha256 hex to store the reply under; by default of the endpoint's address, the body and the schema.
    """
    call = Call(
        ident=0, key=key or key_of(endpoint, body, schema), body=body, schema=schema,
        prompt_tokens=len(orjson.dumps(body)) // BYTES_PER_TOKEN + 1,
        answer_tokens=int(body.get("max_completion_tokens") or body.get("max_tokens") or ANSWER_TOKENS),
    )  # fmt: skip
    outcomes: list[Outcome] = []
    purse = Purse(models=prices.read_models(endpoint.models), cap=None, spent=0)
    try:
        Running(
            endpoint,
            iter([call]),
            lambda _calls: None,
            outcomes.extend,
            lambda _tally: None,
            purse,
            alone=True,
        ).carry(concurrency=1)
    except Stopped as stopped:
        if not outcomes:
            return Outcome(call, None, cached=False, failure=FAILED, words=str(stopped))
    return outcomes[0]


def key_of(endpoint: Endpoint, body: Mapping[str, Any], schema: Mapping[str, Any] | None) -> str:
    """What an answer depends on, as sha256 hex."""
    asked = {"at": endpoint.base_url, "body": body, "schema": schema}
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
