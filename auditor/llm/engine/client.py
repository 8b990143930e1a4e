"""One try of one call, by the openai client. The client is imported where it is used: only a thread that calls pays for it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import orjson

from auditor.llm.calls import Call
from auditor.llm.engine.answers import Answer, Kind, Trouble, read
from auditor.llm.secret import Key

PATH = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Line:
    """Where and how an endpoint is called."""

    base_url: str
    key: Key
    timeout: float  # seconds for one try, from the first byte sent to the last received
    allowed: tuple[str, ...]  # hosts that the deployment names
    connections: int


class Client:
    """Calls one endpoint; made and used within one event loop."""

    def __init__(self, line: Line) -> None:
        import httpx2
        from openai import AsyncOpenAI

        from auditor.llm.engine.wire import CONNECTS_WITHIN, Wire

        self._line = line
        self._response = httpx2.Response
        self._openai = AsyncOpenAI(
            base_url=line.base_url, api_key="added on the wire", admin_api_key="", organization="", project="", webhook_secret="",
            max_retries=0, timeout=httpx2.Timeout(None, connect=CONNECTS_WITHIN),
            http_client=httpx2.AsyncClient(
                transport=Wire(key=line.key, allowed=line.allowed, connections=line.connections), trust_env=False, follow_redirects=False,
            ),
        )  # fmt: skip

    async def ask(self, call: Call, *, output: str, renamed: bool) -> tuple[Answer | Trouble, int]:
        """What became of one try, and how many milliseconds it took; never raises for what the endpoint does.

        Args:
            output: what of `models.OUTPUTS` the answer is held to.
            renamed: say max_completion_tokens for max_tokens.
        """
        from openai import APIStatusError

        began = perf_counter()
        try:
            content = orjson.dumps(body_of(call, output=output, renamed=renamed))
        except TypeError as problem:  # half a character, or something that is no JSON
            return Trouble(Kind.UNFIT, f"This cannot be sent: {problem}"), 0
        try:
            async with asyncio.timeout(self._line.timeout):
                response = await self._openai.post(PATH, cast_to=self._response, content=content)
        except APIStatusError as refusal:
            response = refusal.response
        except TimeoutError:
            return Trouble(Kind.LATE, f"No answer within {self._line.timeout:g} s."), _since(began)
        except Exception as problem:
            return self._broken(problem), _since(began)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return read(
            response.status_code, headers, response.content, self._line.key, datetime.now(UTC)
        ), _since(began)

    async def close(self) -> None:
        """Let the connections go."""
        await self._openai.close()

    def _broken(self, problem: Exception) -> Trouble:
        """What the network did instead of answering."""
        from auditor.llm.engine.wire import NotAllowed, TooLarge

        cause: BaseException | None = problem
        while cause is not None:
            if isinstance(cause, NotAllowed):
                return Trouble(Kind.HOPELESS, str(cause))
            if isinstance(cause, TooLarge):
                return Trouble(Kind.UNFIT, str(cause))
            deepest, cause = cause, cause.__cause__
        words = f"{type(deepest).__name__}: {deepest}".rstrip(": ")
        return Trouble(Kind.AGAIN, self._line.key.hide(words)[:300])


def body_of(call: Call, *, output: str, renamed: bool) -> Mapping[str, Any]:
    """The JSON that is sent."""
    body = dict(call.body)
    if renamed and "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    if call.schema is not None and output == "schema":
        wanted = {"name": "answer", "strict": True, "schema": call.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}
    elif call.schema is not None and output == "object":
        body["response_format"] = {"type": "json_object"}
    return body


def _since(began: float) -> int:
    return round(1000 * (perf_counter() - began))
