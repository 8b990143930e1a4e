"""Reads Auditor's API into data frames. One file, standard library only; copy it where you need it.

    from auditor_client import Auditor
    audit = Auditor("https://auditor.example.org", token="auditor_…")
    release = audit.release("March")
    release.records()     # one row for each transcript, as a pandas DataFrame where pandas is installed

A token acts as one person in one project; what is hidden from them is not there. Nothing here writes to the server.
Frames are of pandas or polars where one of them is installed, else lists of dictionaries; `frames=` says which.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

API = "/api/v1"
PAGE = 200  # rows asked for at a time
BLOCK, LONGEST = 1 << 20, 1 << 28  # bytes read at a time, and of one line of a file
TRIES = 4  # of one request, where the network or the server fails
PATIENCE = 30.0  # seconds to wait at most
BUSY = (429, 502, 503, 504)
LOCAL = ("127.0.0.1", "localhost", "::1", "[::1]")
RECORDS = "labels.jsonl"
OF_LABELS = (
    "reviewer", "stage", "number", "stands", "label", "derived_label", "group", "grade", "confidence", "rationale", "late",
    "active_seconds", "codebook",
)  # fmt: skip
OF_SPANS = ("kind", "position", "part", "start", "end", "quote")
OF_CHANNELS = ("channel", "kind", "unit", "value", "label", "n")
OF_MESSAGES = ("position", "role", "text", "reasoning", "model")
OF_SOURCES = ("label", "words", "group", "grade", "how", "share")
OF_DRAWS = ("stratum", "probability", "overall")


class Refused(Exception):
    """The server refused, or answered what cannot be read; `status` is its number, 0 where there was no answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}" if status else reason)
        self.status = status


class Auditor:
    """A project, through one token."""

    def __init__(
        self,
        address: str,
        token: str | None = None,
        *,
        frames: str = "auto",
        timeout: float = 60,
        insecure: bool = False,
    ) -> None:
        """Nothing is asked yet.

        Args:
            address: of the server, such as "https://auditor.example.org".
            token: by default the environment's AUDITOR_TOKEN.
            frames: "pandas", "polars", "rows" (lists of dictionaries), or "auto": the first of them that is installed.
            timeout: seconds to wait for an answer.
            insecure: send the token over plain HTTP to another machine all the same.

        Raises:
            ValueError: no token, no address, or one over plain HTTP.
        """
        token = token or os.environ.get("AUDITOR_TOKEN", "")
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the address is like https://auditor.example.org")
        if parts.scheme == "http" and parts.hostname not in LOCAL and not insecure:
            raise ValueError("a token is a secret: use https, or say insecure=True")
        if not token:
            raise ValueError("give a token, or set AUDITOR_TOKEN")
        self.address = address.rstrip("/")
        self.timeout = timeout
        self.framed = _framing(frames)
        self._token = token
        self._opener = build_opener(_NoRedirects())

    def me(self) -> dict[str, Any]:
        """Whom the token acts as."""
        return dict(self.get("/me"))

    def releases(self) -> Any:
        """The datasets of the project, newest first."""
        return self.framed(self.listed("/releases"))

    def release(self, which: int | str) -> Release:
        """One dataset, by number or name.

        Raises:
            LookupError: there is none of this name.
        """
        if isinstance(which, int):
            return Release(self, self.get(f"/releases/{which}"))
        for row in self.listed("/releases"):
            if row["name"] == which:
                return Release(self, self.get(f"/releases/{row['id']}"))
        raise LookupError(f"there is no dataset “{which}”")

    def transcripts(self, where: str = "", *, most: int | None = 1000, **query: str) -> Any:
        """What the list of transcripts finds, by the filter language; `most` rows at most, None for all."""
        asked = {**query, **({"where": where} if where else {})}
        return self.framed(self.listed("/transcripts", most=most, **asked))

    def messages(self, transcript: int) -> Any:
        """Its messages."""
        return self.framed(self.listed(f"/transcripts/{transcript}/messages"))

    def rounds(self) -> Any:
        """The rounds of review."""
        return self.framed(self.listed("/rounds"))

    def samples(self) -> Any:
        """The samples that were drawn."""
        return self.framed(self.listed("/samples"))

    def sample_items(self, sample: int) -> Any:
        """What was drawn, in order, with the odds of each."""
        return self.framed(self.listed(f"/samples/{sample}/items"))

    def channels(self) -> Any:
        """The channels of evidence."""
        return self.framed(self.listed("/channels"))

    def agreement(self, round: int) -> Any:
        """The figures of a round's agreement, one a row."""
        return self.framed(self.get(f"/rounds/{round}/agreement")["lines"])

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at an address of the API, such as "/me".

        Raises:
            Refused: with the server's reason.
        """
        with self.ask(path, query) as answer:
            try:
                return json.load(answer)
            except ValueError as problem:
                raise Refused(answer.status, f"no JSON: {problem}") from problem

    def listed(self, path: str, *, most: int | None = None, **query: Any) -> list[dict[str, Any]]:
        """Every row of a list, page by page."""
        rows: list[dict[str, Any]] = []
        after = ""
        while most is None or len(rows) < most:
            limit = PAGE if most is None else min(PAGE, most - len(rows))
            page = self.get(path, **query, limit=limit, **({"after": after} if after else {}))
            rows += page["items"]
            after = page.get("next") or ""
            if not after:
                break
        return rows

    def ask(self, path: str, query: Mapping[str, Any] | None = None, *, start: int = 0) -> Any:
        """An open answer to a GET, from byte `start` on; a server that is busy is asked again.

        Raises:
            Refused: with the server's reason.
        """
        address = f"{self.address}{API}{path}"
        if query:
            address += f"?{urlencode(query, doseq=True)}"
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "*/*"}
        if start:
            headers["Range"] = f"bytes={start}-"
        for attempt in range(1, TRIES + 1):
            try:
                return self._opener.open(Request(address, headers=headers), timeout=self.timeout)  # noqa: S310 - see __init__
            except HTTPError as problem:
                with problem:
                    if problem.code not in BUSY or attempt == TRIES:
                        raise Refused(problem.code, _reason(problem)) from None
                    time.sleep(_wait(problem.headers.get("Retry-After"), attempt))
            except (URLError, TimeoutError, ConnectionError) as problem:
                if attempt == TRIES:
                    raise Refused(0, f"{self.address} does not answer: {problem}") from problem
                time.sleep(_wait(None, attempt))
        raise AssertionError


class Release:
    """A dataset: what it is, and its records as frames. Records are read from its file of JSON lines, one at a time."""

    def __init__(self, audit: Auditor, about: Mapping[str, Any]) -> None:
        self._audit = audit
        self.about = dict(about)
        self.id: int = about["id"]
        self.name: str = about["name"]

    @property
    def manifest(self) -> dict[str, Any]:
        """Who made it, from what, by which versions and seeds."""
        return dict(json.loads(b"".join(self._lines("manifest.json"))))

    def files(self) -> Any:
        """Its files, with size (bytes) and sha256."""
        return self._audit.framed(self.about["files"])

    def raw(self) -> Iterator[dict[str, Any]]:
        """The records as they are, one at a time."""
        for line in self._lines(RECORDS):
            if line.strip():
                yield json.loads(line)

    def records(self) -> Any:
        """One row for each transcript: what it is held to be, how it was drawn, the prompt and the last reply."""
        return self._audit.framed(_record(one) for one in self.raw())

    def labels(self) -> Any:
        """One row for each label that a reviewer gave, blind and final."""
        return self._audit.framed(row for one in self.raw() for row in _labels(one))

    def spans(self) -> Any:
        """One row for each stretch of words that a label or ruling rests on."""
        return self._audit.framed(row for one in self.raw() for row in _spans(one))

    def evidence(self) -> Any:
        """One row for each transcript and channel."""
        rows = (
            {**_key(one), **_some(said, OF_CHANNELS)}
            for one in self.raw()
            for said in one.get("evidence") or ()
        )
        return self._audit.framed(rows)

    def messages(self) -> Any:
        """One row for each message."""
        held = ((one, one["transcript"].get("messages") or ()) for one in self.raw())
        return self._audit.framed(
            {**_key(one), **_some(turn, OF_MESSAGES)} for one, turns in held for turn in turns
        )

    def soft(self) -> Any:
        """One row for each transcript and label, with its share."""
        return self._audit.framed(
            {**_key(one), **soft} for one in self.raw() for soft in one.get("soft") or ()
        )

    def difference(self, other: Release | int) -> dict[str, Any]:
        """`counts` of what was added, removed, relabelled and moved from this dataset to another, and the `changes`."""
        path = f"/releases/{self.id}/diff/{other.id if isinstance(other, Release) else other}"
        said = self._audit.get(path)
        rows = said["changes"]
        while said["next"] is not None:
            said = self._audit.get(path, start=said["next"])
            rows += said["changes"]
        return {"counts": said["counts"], "changes": self._audit.framed(rows)}

    def download(self, folder: str | Path, *names: str) -> list[Path]:
        """Fetch its files (or those named) into a folder, which is made; what is there and whole is left alone.

        What was broken off goes on where it stopped. Each file is checked against its sha256.

        Raises:
            Refused: by the server, or what came is not what the server said.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        wanted = [one for one in self.about["files"] if not names or one["name"] in names]
        if missing := set(names) - {one["name"] for one in wanted}:
            raise LookupError(f"{self.name} has no file {sorted(missing)[0]}")
        return [self._fetch(place, one) for one in wanted]

    def _fetch(self, place: Path, file: Mapping[str, Any]) -> Path:
        name = PurePosixPath(file["name"])
        if name.is_absolute() or ".." in name.parts or "\\" in file["name"]:
            raise Refused(0, f"the server names a file outside the folder: {file['name']!r}")
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.stat().st_size == file["size"] and _digest(path) == file["sha256"]:
            return path
        part = path.with_name(path.name + ".part")
        have = part.stat().st_size if part.is_file() else 0
        if have >= file["size"]:
            have = 0
        with self._audit.ask(f"/releases/{self.id}/files/{quote(file['name'])}", start=have) as answer:
            goes_on = have > 0 and answer.status == 206
            with part.open("ab" if goes_on else "wb") as out:
                for block in iter(lambda: answer.read(BLOCK), b""):
                    out.write(block)
        if part.stat().st_size != file["size"] or _digest(part) != file["sha256"]:
            part.unlink()
            raise Refused(0, f"{file['name']} did not arrive whole; fetch it again")
        part.replace(path)
        return path

    def _lines(self, name: str) -> Iterator[bytes]:
        with self._audit.ask(f"/releases/{self.id}/files/{quote(name)}") as answer:
            while line := answer.readline(LONGEST):
                yield line


class _NoRedirects(HTTPRedirectHandler):
    """A token must not follow to another server."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


def _framing(frames: str) -> Callable[[Iterable[Mapping[str, Any]]], Any]:
    if frames not in ("auto", "pandas", "polars", "rows"):
        raise ValueError("frames is pandas, polars, rows or auto")
    for name in ("pandas", "polars") if frames == "auto" else (frames,):
        if name == "rows":
            break
        try:
            module = importlib.import_module(name)
        except ImportError:
            if frames != "auto":
                raise
            continue
        if name == "pandas":
            return lambda rows: module.DataFrame(list(rows))
        return lambda rows: module.DataFrame(list(rows), infer_schema_length=None, strict=False)
    return lambda rows: [dict(row) for row in rows]


def _key(record: Mapping[str, Any]) -> dict[str, Any]:
    transcript = record["transcript"]
    return {
        "transcript": transcript.get("external_id"),
        "record": f"{transcript['record_digest']}:{transcript['ordinal']}",
    }


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    transcript, source = record["transcript"], record.get("source") or {}
    ruling, sampling = record.get("ruling") or {}, record.get("sampling") or {}
    messages = transcript.get("messages") or []
    said = [one["text"] for one in messages if one["role"] == "assistant" and one["text"]]
    asked = [one["text"] for one in messages if one["role"] == "user"]
    conditions = transcript.get("conditions") or {}
    return {
        **_key(record),
        "model": transcript.get("model"),
        "split": record.get("split"),
        **_some(source, OF_SOURCES),
        "reason": ruling.get("reason"),
        **_some(sampling, OF_DRAWS),
        "prompt": asked[0] if asked else None,
        "reply": said[-1] if said else None,
        **{f"condition.{name}": value for name, value in conditions.items()},
        **{
            one["channel"]: one["value"] if one["value"] is not None else one["label"]
            for one in record.get("evidence") or ()
        },
    }


def _labels(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for one in record["labels"]:
        answers = one.get("answers") or {}
        yield {**_key(record), **_some(one, OF_LABELS), **{f"answer.{key}": answers[key] for key in answers}}


def _spans(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    ruled = {**(record.get("ruling") or {}), "reviewer": "ruling", "stage": "ruling"}
    for said in (ruled, *record["labels"]):
        for span in said.get("spans") or ():
            yield {**_key(record), "by": said["reviewer"], "stage": said["stage"], **_some(span, OF_SPANS)}


def _some(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: values.get(name) for name in names}


def _reason(problem: HTTPError) -> str:
    try:
        said = json.loads(problem.read(100_000))
        return str(said.get("detail") or said.get("title") or problem.reason)
    except (ValueError, AttributeError, OSError):
        return str(problem.reason)


def _wait(said: str | None, attempt: int) -> float:
    """Seconds until the next attempt: as the server says, else longer each time."""
    try:
        return min(PATIENCE, max(0.0, float(said or "")))
    except ValueError:
        return min(PATIENCE, 0.25 * float(2**attempt))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
