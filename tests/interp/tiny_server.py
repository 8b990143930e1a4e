"""Chat completions of the tiny Llama over HTTP, as OpenAI's API spells them; one answer at a time.

    python -m tests.interp.tiny_server FOLDER      makes the model there if need be, prints its port, serves

It knows what judges ask for: a JSON schema that the answer must keep to, log-probabilities, seeds, usage. Whatever
else it is asked for it refuses with 400, so that no test believes in something that is not there.
"""

import json
import math
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import llguidance.hf
import llguidance.numpy
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.interp import tiny_llama

NAME = "tiny-llama"
TAKEN = {
    "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "logprobs", "top_logprobs",
    "response_format",
}  # fmt: skip
MOST_TOP = 20
CLOSING = '"]},'  # characters that bring JSON to its end
PUSH = 12.0  # by which their logits are raised after a third of the answer; random weights never close it


class Refused(ValueError):
    """Answered with 400."""


@dataclass
class Written:
    """An answer as it grows."""

    tokens: list[int] = field(default_factory=list)
    finish_reason: str = "length"
    log_p: list[Any] = field(default_factory=list)  # float64 [vocabulary], before any mask, for each token


class TinyLlama:
    """The model loaded from its folder, and the vocabulary as grammars need it."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        ).eval()
        self.size = len(self.tokenizer)
        self._grammars = llguidance.hf.from_tokenizer(self.tokenizer, n_vocab=self.size, slices=[])
        self._bytes = [self._grammars.decode_bytes([token]) for token in range(self.size)]
        self._special = set(self.tokenizer.all_special_ids)
        self._push = np.array([_push(one.decode("latin-1")) for one in self._bytes])

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            Refused: the request is not one that is answered here.
        """
        if unknown := set(body) - TAKEN:
            raise Refused(f"{min(unknown)} is not known here")
        if body.get("model") != NAME:
            raise Refused(f"there is no model {body.get('model')}, only {NAME}")
        prompt = self.prompt(body)
        most = int(body.get("max_tokens") or body.get("max_completion_tokens") or 256)
        if len(prompt) + most > self.model.config.max_position_embeddings:
            raise Refused(f"{len(prompt)} tokens and {most} to answer are beyond the window")
        written = self._write(prompt, most, self._matcher(body.get("response_format")), body)
        message = {"role": "assistant", "content": self.text(written.tokens), "refusal": None}
        choice = {
            "index": 0, "message": message, "finish_reason": written.finish_reason,
            "logprobs": self._odds(written, body),
        }  # fmt: skip
        sent, got = len(prompt), len(written.log_p)
        return {
            "id": "chatcmpl-tiny", "object": "chat.completion", "created": int(time.time()), "model": NAME, "choices": [choice],
            "usage": {"prompt_tokens": sent, "completion_tokens": got, "total_tokens": sent + got},
        }  # fmt: skip

    def prompt(self, body: Mapping[str, Any]) -> list[int]:
        """The messages as tokens, by the chat template."""
        text = self.tokenizer.apply_chat_template(
            body["messages"], tokenize=False, add_generation_prompt=True
        )
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def text(self, tokens: list[int]) -> str:
        """What tokens say."""
        return b"".join(self._bytes[token] for token in tokens).decode(errors="replace")

    def _write(self, prompt: list[int], most: int, matcher: Any, body: Mapping[str, Any]) -> Written:
        chance = np.random.default_rng(int(body.get("seed") or 0))  # repeatable, seed or not
        written = Written()
        for log_p in self._steps(prompt, written.tokens, most):
            written.log_p.append(log_p)
            token = _drawn(self._bent(log_p, matcher, len(written.tokens), most), body, chance)
            if token in self._special:
                written.finish_reason = "stop"
                break
            written.tokens.append(token)
            if matcher is not None:
                matcher.consume_token(token)
                if matcher.is_stopped():
                    written.finish_reason = "stop"
                    break
        return written

    def _steps(self, prompt: list[int], tokens: list[int], most: int) -> Iterator[Any]:
        """Log-probabilities of the next token, float64 [vocabulary], up to `most` times; `tokens` grows meanwhile."""
        seen: Any = None
        given = prompt
        for _ in range(most):
            with torch.inference_mode():
                out = self.model(
                    torch.tensor([given]), past_key_values=seen, use_cache=True, logits_to_keep=1
                )
            seen = out.past_key_values
            yield torch.log_softmax(out.logits[0, -1].double(), dim=0).numpy()
            given = tokens[-1:]

    def _bent(self, log_p: Any, matcher: Any, at: int, most: int) -> Any:
        """Log-weights of what may come next.

        The mask is laid on with numpy: the library's own function for torch compiles itself on its first call, for half a minute.
        """
        if matcher is None:
            return log_p
        mask = llguidance.numpy.allocate_token_bitmask(1, self.size)
        llguidance.numpy.fill_next_token_bitmask(matcher, mask, 0)
        allowed = np.unpackbits(mask.view(np.uint8), bitorder="little")[: self.size].astype(bool)
        pushed = log_p + self._push if 3 * at > most else log_p
        return np.where(allowed, pushed, -np.inf)

    def _matcher(self, wanted: Any) -> Any:
        if wanted is None or wanted == {"type": "text"}:
            return None
        if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
            raise Refused("response_format is json_schema here, or nothing")
        grammar = llguidance.LLMatcher.grammar_from_json_schema(
            wanted["json_schema"]["schema"], overrides={"whitespace_flexible": False}
        )
        matcher = llguidance.LLMatcher(self._grammars, grammar)
        if matcher.is_error():
            raise Refused(f"response_format: invalid schema: {matcher.get_error()}")
        return matcher

    def _odds(self, written: Written, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Log-probabilities of the tokens written, each with the likeliest in its place; of the model, whatever the mask."""
        if not body.get("logprobs"):
            return None
        top = int(body.get("top_logprobs") or 0)
        if not 0 <= top <= MOST_TOP:
            raise Refused(f"top_logprobs is a number from 0 to {MOST_TOP}")
        rows = []
        for token, log_p in zip(written.tokens, written.log_p, strict=False):  # the end is not listed
            likeliest = np.argsort(-log_p, kind="stable")[:top]
            rows.append(
                self._row(token, log_p) | {"top_logprobs": [self._row(int(one), log_p) for one in likeliest]}
            )
        return {"content": rows, "refusal": None}

    def _row(self, token: int, log_p: Any) -> dict[str, Any]:
        spelled = self.tokenizer.convert_ids_to_tokens(token) if token in self._special else None
        said = self._bytes[token] if spelled is None else spelled.encode()
        return {"token": said.decode(errors="replace"), "logprob": float(log_p[token]), "bytes": list(said)}


def _push(text: str) -> float:
    """How far a token is raised that closes JSON; a comma ends a number, but also goes on with a list."""
    if not text or not set(text) <= set(CLOSING):
        return 0.0
    return PUSH / 2 if "," in text else PUSH


def _drawn(log_w: Any, body: Mapping[str, Any], chance: np.random.Generator) -> int:
    """One token: the likeliest at temperature 0, else by chance among the likeliest that make up `top_p`."""
    temperature = body.get("temperature")
    temperature = 1.0 if temperature is None else float(temperature)
    if temperature == 0:
        return int(np.argmax(log_w))
    scaled = log_w / temperature
    p = np.exp(scaled - scaled.max())
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    before = np.cumsum(p[order]) - p[order]
    kept = order[before < (body.get("top_p") or 1.0)]
    return int(chance.choice(kept, p=p[kept] / math.fsum(p[kept])))


class Handler(BaseHTTPRequestHandler):
    """The API, and at /asked how many completions were asked for."""

    protocol_version = "HTTP/1.1"
    llama: TinyLlama
    turn = threading.Lock()
    asked = 0

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._send(200, {"object": "list", "data": [{"id": NAME, "object": "model"}]})
        elif self.path == "/asked":
            self._send(200, {"asked": Handler.asked})
        else:
            self._refuse(404, f"{self.path} is not here")

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/chat/completions":
            self._refuse(404, f"{self.path} is not here")
            return
        with self.turn:
            Handler.asked += 1
            try:
                answer = self.llama.complete(json.loads(data))
            except (Refused, KeyError, TypeError, ValueError) as problem:
                self._refuse(400, str(problem))
            else:
                self._send(200, answer)

    def _refuse(self, status: int, why: str) -> None:
        self._send(status, {"error": {"message": why, "type": "invalid_request_error"}})

    def _send(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: Any) -> None:
        """Nothing: the tests look at what they get."""


def serve(folder: Path) -> None:
    """Serve until the process is ended."""
    torch.set_num_threads(1)
    if not (folder / "config.json").exists():
        tiny_llama.make(folder)
    Handler.llama = TinyLlama(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
