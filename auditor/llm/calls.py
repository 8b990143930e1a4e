"""What is asked of an endpoint, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.llm.models import Reply

TIMED_OUT, FAILED = "timed_out", "failed"


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a model."""

    ident: int  # the caller's own number
    key: str  # sha256 hex of all that the answer depends on: equal keys are asked and paid for once
    body: Mapping[str, Any]  # of POST {base_url}/chat/completions, without response_format
    schema: (
        Mapping[str, Any] | None
    )  # JSON schema of the answer; an endpoint may not hold to it: say it in words too
    prompt_tokens: int  # estimate
    answer_tokens: int  # the most that the answer may take; `body` must say so too


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call."""

    call: Call
    reply: "Reply | None"  # stored, with its pk, by the time anybody sees it
    cached: bool  # it was there before: nothing was paid for it now
    failure: str  # "", TIMED_OUT or FAILED: after all tries, or at once where another try mends nothing
    words: str  # why, for people; never with the key in it


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a run of calls is."""

    sent: int = 0  # requests that went out, repeated ones included
    answered: int = 0  # calls that were answered now
    cached: int = 0  # calls whose answer was there
    failed: int = 0  # calls
    timed_out: int = 0  # calls
    retries: int = 0  # requests beyond a call's first
    throttled: int = 0  # answers 429
    spent: int = 0  # millionths; what the caller had spent before is included
    in_flight: int = 0  # calls that were marked and have no outcome yet
    concurrency_now: int = 0  # calls at once that the endpoint bears, as far as is known
    rate: float = 0.0  # answers a second, over the last 10 seconds

    @property
    def done(self) -> int:
        """Calls with an outcome."""
        return self.answered + self.cached + self.failed + self.timed_out
