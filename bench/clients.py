"""Reviewers in a process of their own: real HTTP, one connection and one session each, as fast as the server lets them.

    python -m bench.clients < job.json       one JSON object on standard output

It knows nothing of Django, so that what it takes of the two cores is what clients take.
"""

import http.client
import json
import os
import re
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg

ITEM = re.compile(r"/item/(\d+)/$")
TOKEN = "a" * 32  # of CSRF, in cookie and header
SAID = "The ledger shows no such payment, and nothing in the conversation could have told it otherwise. "
WORDS = """
    SELECT left(message.text, 40) FROM queues_item item JOIN corpus_message message USING (transcript_id)
    WHERE item.id = %s AND message.position = 1
"""


@dataclass
class Job:
    """What the clients do, and where."""

    port: int
    database: str  # for the words that a label marks; asked between what is timed
    take: str  # address that hands out the first item
    cookies: list[str]  # one session each
    blind_only: bool
    ahead: bool  # fetch the next item while this one is being worked on, as the desk does
    warm: int  # labels of each that do not count
    labels: int  # of each that do


@dataclass
class Reviewer:
    """One client."""

    job: Job
    cookie: str
    words: psycopg.Connection[tuple[Any, ...]]
    times: list[dict[str, float]] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)  # the page fetched ahead, and where it is

    def __post_init__(self) -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", self.job.port, timeout=120)

    def ask(self, method: str, path: str, body: Any = None, part: str = "") -> tuple[int, str, float]:
        """Status, the address it leads to or the text, and the ms until all of it was here.

        Args:
            part: what the desk's script says of a page that it puts in place of the one it shows.
        """
        headers = {"Cookie": f"{self.cookie}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN}
        if part:
            headers["Desk-Part"] = part
        if body is not None:
            headers |= {"Content-Type": "application/json", "HX-Request": "true"}
        sent = None if body is None else json.dumps(body)
        began = perf_counter()
        self.line.request(method, path, sent, headers)
        answer = self.line.getresponse()
        text = answer.read().decode()
        took = 1000 * (perf_counter() - began)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return (
            answer.status,
            answer.headers.get("HX-Redirect") or answer.headers.get("Location") or text,
            took,
        )

    def sit_down(self) -> str:
        """The first item."""
        _, place, _ = self.ask("POST", self.job.take)
        self.ask("GET", place)
        return place

    def label(self, place: str) -> tuple[str, dict[str, float]]:
        """Label the item at `place`, whose page is there; where the next one is, whose page is there then, and the ms.

        As the desk's script does it: what it needs next comes with the answer to a commit, and a page is fetched
        ahead only where none is kept.
        """
        item = int(ITEM.search(place)[1])  # type: ignore[index]  # `place` is an item's
        (quote,) = self.words.execute(WORDS, [item]).fetchone() or ("",)
        content = _content(str(quote))
        times = dict.fromkeys(("blind", "ahead", "final", "next"), 0.0)
        if not self.job.blind_only:
            said, times["blind"] = self._commit(place, "blind", content)
            assert said["page"], said
        if self.job.ahead and not self.kept:
            status, text, times["ahead"] = self.ask("POST", f"{place}ahead/", {})
            self.kept = json.loads(text) if status == 200 else {}
        said, times["final"] = self._commit(place, "blind" if self.job.blind_only else "final", content)
        there = str(said["url"])
        if not said.get("page") and there != self.kept.get("url"):
            times["next"] = self.ask("GET", there, part="here")[2]
        self.kept = said.get("ahead") or {}
        self.items.append(item)
        return there, times

    def _commit(self, place: str, stage: str, content: dict[str, Any]) -> tuple[dict[str, Any], float]:
        body = {"stage": stage, "base": 0, "active": 20, "content": content, "kept": self.kept.get("item", 0)}
        status, said, took = self.ask("POST", f"{place}commit/", body, part="here")
        return json.loads(said) if status == 200 else {"url": said}, took


def _content(quote: str) -> dict[str, Any]:
    span = {"kind": "misleads", "position": 1, "part": "text", "start": 0, "end": len(quote), "quote": quote}
    answers = {"truth": "false", "access": "absent", "licence": "none"}
    return {"units": [{"answers": answers, "spans": [span]}], "confidence": 4, "rationale": SAID * 2}


def run(job: Job) -> dict[str, Any]:
    """All at once, from a common start; the ms of each label, and the seconds that all took."""
    start = threading.Barrier(len(job.cookies) + 1)
    problems: list[str] = []

    def work(one: Reviewer) -> None:
        try:
            place = one.sit_down()
            for _ in range(job.warm):
                place, _ = one.label(place)
            one.items.clear()
            start.wait(120)
            for _ in range(job.labels):
                if not ITEM.search(place):
                    return
                place, times = one.label(place)
                one.times.append(times)
        except Exception as problem:
            problems.append(repr(problem))
            start.abort()
        finally:
            one.line.close()

    crew = [Reviewer(job, cookie, psycopg.connect(job.database, autocommit=True)) for cookie in job.cookies]
    threads = [threading.Thread(target=work, args=(one,)) for one in crew]
    for thread in threads:
        thread.start()
    with suppress(threading.BrokenBarrierError):
        start.wait(300)
    began, busy = perf_counter(), _processor_seconds()
    for thread in threads:
        thread.join()
    took, busy = perf_counter() - began, _processor_seconds() - busy
    for one in crew:
        one.words.close()
    return {
        "times": [times for one in crew for times in one.times], "items": [one.items for one in crew],
        "seconds": took, "processor_seconds": busy, "problems": problems,
    }  # fmt: skip


def _processor_seconds() -> float:
    """What all processes of the machine have had of its processors so far (Linux; 0 elsewhere)."""
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, softirq = map(int, line.split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(run(Job(**json.loads(sys.stdin.read())))))
