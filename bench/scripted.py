"""An OpenAI-compatible server that does what it is told: for tests, and to measure against. Standard library only.

What a request meets is chosen by the name of its model, unless `plan` says what comes next:

    ok                  a good answer                    500 503 …          that status (any number from 300)
    429                 429 with Retry-After             429-bare           429 without
    slow                a good answer after `slow` s     hang               nothing, ever
    cut                 a body that ends too early       drop               hung up on without a word
    garbage             a body that is no JSON           empty              JSON without choices
    refusal             a refusal in its own field       filter             finish_reason content_filter
    length              finish_reason length             malformed          an answer that is no JSON
    wrong               JSON of another schema           echo               401, repeating the key it was sent
    mute                no log-probabilities             packed             a body that says it is packed
    no-logprobs         400 where log-probabilities are asked for

`500*2` does so for the first two requests of each prompt, and answers well from then on. Any other name is `ok`.

Tokens are counted by a rule that anybody can repeat (`tokens`): each run of letters, digits and underscores is one, each
other character that is no space is one, and each message has four more.

    python -m bench.scripted --latency 0.2        # prints {"url": …}; GET /counts and /prompts tell what came
"""

import argparse
import asyncio
import hashlib
import json
import math
import re
import signal
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.request import urlopen

WORD = re.compile(r"\w+|[^\w\s]")
TIMES = re.compile(r"^(.+)\*(\d+)$")
KEPT = 2_000  # requests that are kept whole
TAKES = ("schema", "object", "text")


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    at: float  # of the monotonic clock
    model: str
    body: dict[str, Any]
    headers: dict[str, str]  # names in lower case
    mode: str


@dataclass
class Script:
    """What the server does, and what it saw. May be changed while it runs."""

    url: str = ""
    latency: float = 0.0  # seconds before each answer
    slow: float = 1.0  # seconds
    retry_after: str = "1"
    takes: str = "schema"  # what response_format may ask for, at the most
    renames: bool = False  # wants max_completion_tokens
    most_at_once: int | None = None  # requests; more are told 429-bare
    silent_after: int | None = None  # requests; what comes after them hangs, until GET /speak
    plan: deque[str] = field(default_factory=deque)  # modes of the next requests, whatever their model
    answer: Callable[[dict[str, Any]], str] | None = (
        None  # content of a good answer; default: the schema filled
    )
    top: Callable[[dict[str, Any]], dict[str, float]] | None = (
        None  # probabilities of the answer's first token
    )
    asked: list[Asked] = field(default_factory=list)
    requests: int = 0
    at_once: int = 0  # now
    most_seen: int = 0  # at once, ever
    prompts: Counter[str] = field(default_factory=Counter)  # digest of the messages -> requests
    answered: Counter[str] = field(default_factory=Counter)  # digest of the messages -> good answers
    modes: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, Any]:
        """What came, as JSON."""
        return {
            "requests": self.requests, "prompts": len(self.prompts), "most_at_once": self.most_seen, "modes": dict(self.modes),
            "repeated": sum(count - 1 for count in self.prompts.values()), "answered": sum(self.answered.values()),
        }  # fmt: skip

    def forget(self) -> None:
        """As if nothing had come."""
        self.asked.clear()
        self.prompts.clear()
        self.answered.clear()
        self.modes.clear()
        self.requests = self.most_seen = 0


def tokens(text: str) -> int:
    """How many tokens a text has here."""
    return sum(1 for _ in WORD.finditer(text))


def prompt_tokens(messages: list[dict[str, Any]]) -> int:
    """How many tokens a prompt has here."""
    return sum(4 + tokens(str(message.get("content") or "")) for message in messages)


def digest(messages: list[dict[str, Any]]) -> str:
    """What `Script.prompts` knows a prompt by."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()


def filled(schema: dict[str, Any]) -> Any:
    """The plainest value that a JSON schema allows, of the kinds that structured output uses."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return filled(schema["anyOf"][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: filled(part) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [filled(schema["items"]) for _ in range(schema.get("minItems", 0))]
    return {
        "string": "because", "integer": schema.get("minimum", 0), "number": schema.get("minimum", 0), "boolean": True, "null": None,
    }[kind]  # fmt: skip


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as much as a client of this API needs."""

    def __init__(self, script: Script, open_ones: set["_Connection"]) -> None:
        self._script = script
        self._open = open_ones
        self._buffer = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            lines = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
            }
            whole = end + 4 + int(headers.get("content-length", 0))
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            self._meet(lines[0].split(" "), headers, body)

    def _meet(self, line: list[str], headers: dict[str, str], body: bytes) -> None:
        script = self._script
        if line[0] == "GET":
            listed = {"data": [{"id": "ok", "object": "model"}], "object": "list"}
            if line[1] == "/speak":
                script.silent_after = None
            known = {
                "/counts": script.counts(), "/speak": script.counts(), "/prompts": dict(script.prompts), "/v1/models": listed,
            }  # fmt: skip
            found = known.get(line[1])
            self._send(*_json(200 if found else 404, found or {"error": {"message": "no such address"}}))
            return
        asked = json.loads(body)
        messages = asked.get("messages", [])
        prompt = digest(messages)
        script.requests += 1
        script.at_once += 1
        script.most_seen = max(script.most_seen, script.at_once)
        script.prompts[prompt] += 1
        mode = _mode(script, str(asked.get("model", "")), script.prompts[prompt])
        script.modes[mode] += 1
        if len(script.asked) < KEPT:
            script.asked.append(Asked(monotonic(), str(asked.get("model", "")), asked, headers, mode))
        delay = script.latency + (script.slow if mode == "slow" else 0.0)
        asyncio.get_running_loop().call_later(delay, self._answer, mode, asked, headers, prompt)

    def _answer(self, mode: str, asked: dict[str, Any], headers: dict[str, str], prompt: str) -> None:
        script = self._script
        script.at_once -= 1
        if mode == "hang":
            return
        if mode == "drop":
            self.transport.abort()
            return
        refused = _refused(script, mode, asked, headers)
        if refused is not None:
            self._send(*refused)
            return
        if mode == "packed":
            self._send(b"200 OK", b"whatever", b"Content-Encoding: gzip\r\n")
            return
        if mode == "garbage":
            self._send(b"200 OK", b"<html>It works!</html>", b"")
            return
        script.answered[prompt] += mode != "cut"
        status, body, more = _json(200, {"id": "x"} if mode == "empty" else completion(script, mode, asked))
        if mode == "cut":
            self.transport.write(_head(status, len(body), more) + body[: len(body) // 2])
            self.transport.close()
            return
        self._send(status, body, more)

    def _send(self, status: bytes, body: bytes, more: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(_head(status, len(body), more) + body)


def completion(script: Script, mode: str, asked: dict[str, Any]) -> dict[str, Any]:
    """A chat completion in the given mode."""
    content: str | None = script.answer(asked) if script.answer else _plain_answer(asked)
    refusal, finish = None, "stop"
    if mode == "refusal":
        content, refusal = None, "I cannot help with that."
    elif mode == "filter":
        content, finish = "", "content_filter"
    elif mode == "length":
        content, finish = (content or "")[: len(content or "") // 2], "length"
    elif mode == "malformed":
        content = '{"answer": yes, and here is why'
    elif mode == "wrong":
        content = '{"colour": "blue"}'
    choice: dict[str, Any] = {
        "index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, "refusal": refusal}, "logprobs": None,
    }  # fmt: skip
    if asked.get("logprobs") and content and mode != "mute":
        choice["logprobs"] = {"content": _logprobs(script, asked, content)}
    used, made = prompt_tokens(asked.get("messages", [])), tokens(content or refusal or "")
    usage = {"prompt_tokens": used, "completion_tokens": made, "total_tokens": used + made}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": asked.get("model"),
        "choices": [choice],
        "usage": usage,
    }


def _plain_answer(asked: dict[str, Any]) -> str:
    wanted = asked.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return json.dumps(filled(wanted["json_schema"]["schema"]))
    return "{}" if wanted.get("type") == "json_object" else "Fine."


def _logprobs(script: Script, asked: dict[str, Any], content: str) -> list[dict[str, Any]]:
    rows = []
    for place, word in enumerate(WORD.findall(content)):
        odds = script.top(asked) if script.top and place == 0 else {word: 0.9, f"{word}s": 0.06, "the": 0.04}
        top = sorted(odds.items(), key=lambda one: -one[1])[: int(asked.get("top_logprobs") or 0)]
        listed = [
            {"token": token, "logprob": math.log(chance), "bytes": list(token.encode())}
            for token, chance in top
            if chance > 0
        ]
        rows.append(
            {
                "token": word,
                "logprob": math.log(odds.get(word) or 1e-9),
                "bytes": list(word.encode()),
                "top_logprobs": listed,
            }
        )
    return rows


def _mode(script: Script, model: str, times: int) -> str:
    if script.plan:
        return script.plan.popleft()
    if script.silent_after is not None and script.requests > script.silent_after:
        return "hang"
    if script.most_at_once is not None and script.at_once > script.most_at_once:
        return "429-bare"
    if found := TIMES.match(model):
        return found[1] if times <= int(found[2]) else "ok"
    return model


def _refused(
    script: Script, mode: str, asked: dict[str, Any], headers: dict[str, str]
) -> tuple[bytes, bytes, bytes] | None:
    if mode == "echo":
        return _json(401, {"error": {"message": f"Incorrect key: {headers.get('authorization', '')}"}})
    if mode in ("429", "429-bare"):
        more = b"" if mode == "429-bare" else f"Retry-After: {script.retry_after}\r\n".encode()
        return _json(429, {"error": {"message": "Too many requests."}}, more)
    if mode.isdigit():
        more = b"Location: /v1/elsewhere\r\n" if mode < "400" else b""
        return _json(int(mode), {"error": {"message": f"This is {mode}."}}, more)
    if mode == "no-logprobs" and asked.get("logprobs"):
        return _json(400, {"error": {"message": "logprobs are not supported"}})
    wanted = (asked.get("response_format") or {}).get("type", "text").removeprefix("json_")
    if TAKES.index(wanted) < TAKES.index(script.takes):
        return _json(400, {"error": {"message": f"response_format of type json_{wanted} is not supported"}})
    if script.renames and "max_tokens" in asked:
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        return _json(400, {"error": {"message": message}})
    return None


def _json(status: int, data: dict[str, Any], more: bytes = b"") -> tuple[bytes, bytes, bytes]:
    return b"%d Scripted" % status, json.dumps(data).encode(), b"Content-Type: application/json\r\n" + more


def _head(status: bytes, size: int, more: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n" % size + more + b"\r\n"


async def serve(script: Script, ready: Callable[[], None], over: asyncio.Event, port: int = 0) -> None:
    """Serve on the loopback until `over`."""
    open_ones: set[_Connection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(script, open_ones), "127.0.0.1", port, backlog=1024
    )
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    ready()
    await over.wait()
    server.close()
    for one in list(open_ones):
        one.transport.abort()


@contextmanager
def apart(*arguments: str) -> Iterator[str]:
    """A server in a process of its own until the block ends; yields its address."""
    words = [sys.executable, "-m", "bench.scripted", *arguments]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def told(url: str, what: str) -> Any:
    """What such a server tells at GET /counts, /prompts or /speak."""
    with urlopen(url.removesuffix("/v1") + what, timeout=10) as answer:
        return json.load(answer)


@contextmanager
def scripted(**what: Any) -> Iterator[Script]:
    """A server in a thread of this process until the block ends; `what` are fields of `Script`."""
    script = Script(**what)
    ready, stop = threading.Event(), []

    async def main() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(over.set))
        await serve(script, ready.set, over)

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="scripted", daemon=True)
    thread.start()
    assert ready.wait(10), "the scripted server did not start"
    try:
        yield script
    finally:
        stop[0]()
        thread.join(10)


async def _alone(arguments: argparse.Namespace) -> None:
    script = Script(**{name: value for name, value in vars(arguments).items() if name != "port"})
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    await serve(script, lambda: print(json.dumps({"url": script.url}), flush=True), over, arguments.port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server that does what it is told.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--takes", choices=TAKES, default="schema")
    parser.add_argument("--most-at-once", type=int)
    parser.add_argument(
        "--silent-after", type=int, help="requests; what comes after them hangs until GET /speak"
    )
    asyncio.run(_alone(parser.parse_args()))
