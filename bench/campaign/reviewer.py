"""Someone at the review desk, tab by tab, who speaks HTTP as the desk's script does and remembers every yes.

Whatever was answered with yes is a promise: a commit by its 204 (or its 200, where pages come with it), a save of a draft by its 200. Every commit has words of
its own as rationale, so that it can be found again among the stored labels.
"""

import http.client
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode

from bench.campaign.customer import NoAnswer

PATIENCE = 30.0  # seconds for one answer
AWAY = (502, 503)  # what is answered while something is down
STATE = re.compile(r'<script id="desk-state" type="application/json">(.*?)</script>', re.DOTALL)
ITEM = re.compile(r"/item/(\d+)/$")
HONEST = {"truth": "true"}
HALLUCINATED = {"truth": "false", "access": "absent", "licence": "none"}

MOST_FAULTS = 100  # after which nothing more is learnt

Stage = tuple[str, int]  # blind or final, and the number of the revision that the page knew


@dataclass
class Promises:
    """What all tabs were told, and what went wrong."""

    deadline: float  # as `monotonic` counts
    committed: dict[str, tuple[int, int, str]] = field(default_factory=dict)  # words -> reviewer, item, stage
    unsure: set[str] = field(default_factory=set)  # words that were sent without an answer
    refused: set[str] = field(
        default_factory=set
    )  # words that were refused, and never sent without an answer
    drafts: dict[tuple[int, int], dict[Stage, int]] = field(
        default_factory=dict
    )  # reviewer, item -> newest save of each stage that was acknowledged
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)  # nothing is left to label

    def note(self, word: str) -> None:
        with self.lock:
            self.counts[word] += 1

    def fault(self, words: str) -> None:
        with self.lock:
            self.wrong.append(words[:400])
            if len(self.wrong) > MOST_FAULTS:
                self.over.set()


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def place(self) -> str:
        """The address of the item that comes next; empty if it is no item's."""
        there = self.headers.get("HX-Redirect") or self.headers.get("Location") or self.brought.get("url", "")
        return there if ITEM.search(there) else ""

    @property
    def brought(self) -> dict[str, Any]:
        """What a commit brings for the page: where it goes on, and pages."""
        if self.status != 200 or not self.headers.get("Content-Type", "").startswith("application/json"):
            return {}
        said: dict[str, Any] = json.loads(self.text)
        return said


class Tab:
    """One browser tab: a connection of its own, the cookies of its reviewer."""

    def __init__(
        self,
        port: int,
        reviewer: int,
        name: str,
        cookies: dict[str, str],
        rounds: list[str],
        promises: Promises,
        rng: Random,
    ) -> None:
        self.port, self.reviewer, self.name, self.cookies = port, reviewer, name, cookies
        self.rounds, self.promises, self.rng = rounds, promises, rng
        self.line: http.client.HTTPConnection | None = None
        self.sent = 0

    def work(self) -> None:
        """Label until nothing is left."""
        try:
            self._work()
        finally:
            if self.line is not None:
                self.line.close()

    def _work(self) -> None:
        place = ""
        while not self.promises.over.is_set():
            if monotonic() > self.promises.deadline:
                return
            try:
                place = place or self.take()
                if place:
                    place = self.label(place)
                    continue
            except NoAnswer:  # is a fault, and noted
                place = ""
            self.promises.note("nothing_now")
            sleep(self.rng.uniform(0.1, 0.5))

    def take(self) -> str:
        """The next item of the first round that has one."""
        for path in self.rng.sample(self.rounds, len(self.rounds)):
            answer, _ = self.insist("POST", path, (302,))
            if answer.place:
                self.promises.note("taken")
                return answer.place
        return ""

    def label(self, place: str) -> str:
        """What one does with an item at its present stage; where that leads."""
        state = self.open(place)
        if state is None or not state["editable"]:
            return ""
        if state["base"] and self.rng.random() < 0.8:
            return ""  # the other tab has finished it
        if self.rng.random() < 0.6:
            self.save(place, state)
        if state["stage"] == "blind" and not state["base"] and self.rng.random() < 0.03:
            return self.skip(place)
        if "ahead" in state["urls"] and self.rng.random() < 0.5:
            answer, _ = self.insist("POST", state["urls"]["ahead"], (200, 204), b"{}")
            state["kept"] = answer.brought.get("item", 0)
        if self.rng.random() < 0.1:
            self.insist("POST", state["urls"]["alive"], (204, 409), b"{}")
        return self.commit(place, state)

    def open(self, place: str) -> dict[str, Any] | None:
        """What the page of the item starts from; None where it leads away from an item that was given back."""
        item = int(ITEM.search(place)[1])  # type: ignore[index]  # `place` is an item's
        lost = ""
        while True:
            with self.promises.lock:
                kept = dict(self.promises.drafts.get((self.reviewer, item), {}))
            answer, _ = self.insist("GET", place, (200, 302))
            found = STATE.search(answer.text)
            if found is None:
                return None
            state: dict[str, Any] = json.loads(found[1])
            saves = kept.get((state["stage"], state["base"]), 0)
            if not state["editable"] or state["saves"] >= saves:
                return state
            if lost == found[1]:  # twice the same: no other tab is committing it this moment
                self.promises.fault(
                    f"draft lost: {place} {state['stage']} has {state['saves']} of {saves} saves"
                )
                return state
            lost = found[1]

    def save(self, place: str, state: dict[str, Any]) -> None:
        """Some saves of a draft, one of them perhaps twice."""
        stage = (state["stage"], state["base"])
        for _ in range(self.rng.randrange(1, 3)):
            state["saves"] += 1
            body = self.body(state, self.form(f"draft {self.words()}"), saves=state["saves"])
            for _ in range(2 if self.rng.random() < 0.1 else 1):
                answer, _ = self.insist("POST", f"{place}draft/", (200, 409), body)
                self.promises.note("draft_saved" if answer.status == 200 else "draft_refused")
                if answer.status == 200:
                    with self.promises.lock:
                        stages = self.promises.drafts.setdefault((self.reviewer, state["item"]), {})
                        stages[stage] = max(stages.get(stage, 0), state["saves"])

    def skip(self, place: str) -> str:
        """Give the item back."""
        form = urlencode({"note": "not mine", "why": "other"}).encode()
        answer, _ = self.insist("POST", f"{place}skip/", (302,), form, "application/x-www-form-urlencoded")
        self.promises.note("skipped")
        return answer.place

    def commit(self, place: str, state: dict[str, Any]) -> str:
        """Commit; perhaps the same once more, perhaps something else from a tab that does not know it yet."""
        words = self.words()
        body = self.body(state, self.form(words))
        there = self._commit(place, state, words, body)
        if self.rng.random() < 0.1:
            self.promises.note("replayed")
            self._commit(place, state, words, body)
        if self.rng.random() < 0.1:
            self.promises.note("rivalled")
            rival = self.words()
            self._commit(place, state, rival, self.body(state, self.form(rival)))
        return there

    def _commit(self, place: str, state: dict[str, Any], words: str, body: bytes) -> str:
        part = "here" if self.rng.random() < 0.7 else ""  # the pages with it, as the desk's script has them
        answer, lost = self.insist("POST", f"{place}commit/", (200, 204, 409), body, part=part)
        self.compare(answer.brought)
        with self.promises.lock:
            if lost:
                self.promises.unsure.add(words)
            if answer.status != 409:
                self.promises.counts["commit_acknowledged"] += words not in self.promises.committed
                self.promises.committed[words] = (self.reviewer, state["item"], state["stage"])
            else:
                self.promises.counts["commit_refused"] += 1
                if words not in self.promises.unsure and words not in self.promises.committed:
                    self.promises.refused.add(words)
        return answer.place

    def compare(self, brought: dict[str, Any]) -> None:
        """Each page that comes with a commit is that of the item it is said to be of."""
        for one in (brought, brought.get("ahead") or {}):
            if "page" not in one:
                continue
            self.promises.note("page_brought")
            found = STATE.search(one["page"])
            item = json.loads(found[1])["item"] if found is not None else None
            if ITEM.search(one["url"]) is None or f"/item/{item}/" not in one["url"]:
                self.promises.fault(f"{one['url']}: came with the page of item {item}")

    def words(self) -> str:
        """Words that no other form has."""
        self.sent += 1
        return f"{self.name} {self.sent}"

    def form(self, rationale: str) -> dict[str, Any]:
        answers = HONEST if self.rng.random() < 0.7 else HALLUCINATED
        units = [{"answers": answers, "spans": []}]
        return {"units": units, "confidence": self.rng.randrange(1, 6), "rationale": rationale}

    def body(self, state: dict[str, Any], form: dict[str, Any], **more: Any) -> bytes:
        sent = {"stage": state["stage"], "base": state["base"], "active": 20, "content": form, **more}
        sent["kept"] = state.get("kept", 0)
        return json.dumps(sent).encode()

    def insist(
        self,
        method: str,
        path: str,
        expected: tuple[int, ...],
        body: bytes = b"",
        kind: str = "application/json",
        part: str = "",
    ) -> tuple[Answer, bool]:
        """Ask until there is an answer; and whether one before it was lost, so that it may have been heard.

        Raises:
            NoAnswer: none until the deadline, or one that nobody should get.
        """
        lost = False
        while True:
            try:
                answer = self.ask(method, path, body, kind, part)
            except NoAnswer:
                if monotonic() > self.promises.deadline:
                    raise
                lost = True
                sleep(self.rng.uniform(0.1, 0.6))
                continue
            if answer.status not in expected:
                said = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))[:200]
                self.promises.fault(f"{method} {path}: {answer.status} {said}")
                raise NoAnswer(f"{method} {path}: {answer.status}")
            return answer, lost

    def ask(self, method: str, path: str, body: bytes, kind: str, part: str) -> Answer:
        """One request on the tab's own connection.

        Raises:
            NoAnswer: the line broke, or something is down.
        """
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method == "POST":
            headers |= {"Content-Type": kind, "X-CSRFToken": self.cookies["csrftoken"]}
            headers |= {"HX-Request": "true"} if kind == "application/json" else {}
            headers |= {"Desk-Part": part} if part else {}
        if self.line is None:
            self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            self.line.request(method, path, body or None, headers)
            got = self.line.getresponse()
            answer = Answer(got.status, got.headers, got.read().decode())
        except (OSError, http.client.HTTPException) as problem:
            self.line.close()
            self.line = None
            self.promises.note("without_answer")
            raise NoAnswer(f"{method} {path}: {problem!r}") from problem
        if answer.status in AWAY:
            self.promises.note("while_away")
            raise NoAnswer(f"{method} {path}: {answer.status}")
        return answer
