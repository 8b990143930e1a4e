"""Someone at a browser who keeps importing, and remembers only what the server said yes to."""

import http.client
import re
import secrets
from pathlib import Path

PATIENCE = 20.0  # seconds for one answer


class NoAnswer(Exception):
    """The server did not answer, or not as it should; whether it did what was asked is unknown."""


class Customer:
    """One signed-in person, who speaks HTTP and nothing else. Each request has a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def sign_in(self, path: str) -> None:
        """Follow a one-time link and press its button."""
        self._get(path)
        self._post_form(path, {})

    def begin_project(self, name: str) -> str:
        """The slug of a new project."""
        self._get("/projects/new/")
        place = self._post_form("/projects/new/", {"name": name, "description": ""})
        return place.strip("/").split("/")[1]

    def import_file(self, slug: str, path: Path) -> str:
        """Upload a chat JSONL file and start its import; returns the address of the run: it is acknowledged.

        Raises:
            NoAnswer: at either step.
        """
        upload = f"/p/{slug}/import/"
        self._get(upload)
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        look = self._redirected("POST", upload, body, f"multipart/form-data; boundary={boundary}")
        return self._post_form(look, {"format": "openai_chat"})

    def _get(self, path: str) -> None:
        status, _ = self._ask("GET", path, b"", "")
        if status != 200:
            raise NoAnswer(f"GET {path}: {status}")

    def _post_form(self, path: str, fields: dict[str, str]) -> str:
        body = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in fields.items()).encode()
        return self._redirected("POST", path, body, "application/x-www-form-urlencoded")

    def _redirected(self, method: str, path: str, body: bytes, kind: str) -> str:
        status, place = self._ask(method, path, body, kind)
        if status != 302:
            raise NoAnswer(f"{method} {path}: {status}")
        return place

    def _ask(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, str]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method == "POST":
            headers |= {"Content-Type": kind, "X-CSRFToken": self.cookies.get("csrftoken", "")}
        try:
            line.request(method, path, body or None, headers)
            answer = line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as problem:
            raise NoAnswer(f"{method} {path}: {problem!r}") from problem
        finally:
            line.close()
        for given in answer.headers.get_all("Set-Cookie") or []:
            if found := re.match(r"([^=]+)=([^;]*)", given):
                self.cookies[found[1]] = found[2]
        return answer.status, answer.headers.get("Location", "")
