"""A model server that answers as a function says; it counts what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], Any]


class Asked:
    """What came in, and where."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self.answer: Answer = lambda body: "{}"


@contextmanager
def answering() -> Iterator[Asked]:
    """The server; `answer` gives the content, or a whole choice as a dict, or an HTTP status as a number."""
    asked = Asked()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                asked.bodies.append(body)
            said = asked.answer(body)
            status = said if isinstance(said, int) else 200
            choice = said if isinstance(said, dict) else {"message": {"role": "assistant", "content": said}}
            sent = sum(len(turn["content"]) for turn in body["messages"]) // 4
            got = len(str(choice["message"].get("content") or "")) // 4
            reply = {
                "id": "c", "object": "chat.completion", "model": body["model"], "created": 0,
                "choices": [{"index": 0, "finish_reason": "stop", **choice}],
                "usage": {"prompt_tokens": sent, "completion_tokens": got, "total_tokens": sent + got},
            }  # fmt: skip
            data = json.dumps(reply if status == 200 else {"error": {"message": "no"}}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    asked.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
