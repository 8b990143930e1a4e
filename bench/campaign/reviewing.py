"""However many review at once, and whatever is killed meanwhile: overlap is exact, and nothing that was acknowledged is lost.

The real `manage.py run`, reviewers who speak HTTP and remember every yes (`reviewer.py`), and `kill -9` of web server and
database at seeded moments of the work: whenever so many commits have been acknowledged, and up to half a second later.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

import psycopg

from bench.campaign.customer import Customer
from bench.campaign.product import BASE, Product
from bench.campaign.reviewer import Promises, Tab

OVERLAP = 3
KILLED = ("web", "postgres")
SECOND_TAB = 4  # every fourth reviewer has two tabs open
MIDST = (0.02, 0.9)  # shares of the work between which all kills lie
LOOK_EVERY = 0.4  # seconds
STANDS = """
    SELECT item.id, item.round_id, item.finished_at IS NOT NULL, item.escalated_at IS NOT NULL,
        array_agg(lease.slot) FILTER (WHERE lease.state = 'done'),
        array_agg(lease.reviewer_id) FILTER (WHERE lease.state = 'done'),
        array_agg(lease.slot) FILTER (WHERE lease.state = 'held'),
        array_agg(lease.reviewer_id) FILTER (WHERE lease.state = 'held')
    FROM queues_item item LEFT JOIN queues_lease lease ON lease.item_id = item.id
    GROUP BY item.id ORDER BY item.id
"""
REVISIONS = "SELECT rationale, reviewer_id, item_id, stage, number, late FROM annotations_labelrevision"
DRAFTS = "SELECT reviewer_id, item_id, stage, saves FROM annotations_draft"


@dataclass(frozen=True)
class Item:
    """An item as it stands: whose slots are done and held."""

    pk: int
    round: int
    finished: bool
    escalated: bool
    done: tuple[tuple[int, int], ...]  # slot, reviewer
    held: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> "Item":
        pk, round, finished, escalated, *taken = row
        done, held = (
            tuple(zip(*(part or () for part in pair), strict=True)) for pair in (taken[:2], taken[2:])
        )
        return cls(pk, round, finished, escalated, done, held)

    @property
    def is_over(self) -> bool:
        """Nothing more is to be done about it here."""
        return self.finished or self.escalated


def prove(
    seed: int, people: int = 50, items: int = 2_000, kills: int = 50, patience: float = 5_400.0
) -> dict[str, Any]:
    """Let `people` label `items` (a quarter of them blind only) while servers are killed; report what is left.

    Work that takes longer than `patience` seconds is a fault.
    """
    var = Path(tempfile.mkdtemp(prefix="auditor-reviewing-", dir="/tmp"))
    product = Product(var)
    try:
        product.start()
        report = _prove(product, seed, people, items, kills, patience)
        report["stop_s"] = round(product.stop(), 2)
        return report
    finally:
        if product.process is not None and product.process.poll() is None:
            product.stop()
        shutil.rmtree(var, ignore_errors=True)


def _prove(
    product: Product, seed: int, people: int, items: int, kills: int, patience: float
) -> dict[str, Any]:
    rng = Random(seed)
    blind_only = items // 4
    cast = _cast(
        product, people=people, items={"reveal": items - blind_only, "blind_only": blind_only}, overlap=OVERLAP, seed=seed
    )  # fmt: skip
    promises = Promises(deadline=monotonic() + patience)
    tabs = _tabs(product.port, cast, promises, rng)
    commits = OVERLAP * (2 * (items - blind_only) + blind_only)
    began = monotonic()
    threads = [threading.Thread(target=_guarded, args=(promises, tab.work)) for tab in tabs]
    watcher = threading.Thread(target=_guarded, args=(promises, lambda: _watch(product, promises)))
    for thread in (*threads, watcher):
        thread.start()
    seconds = _kill(product, promises, rng, kills, commits)
    watcher.join()
    for thread in threads:
        thread.join(60)
    took = monotonic() - began
    faults = promises.wrong + _deadlocks(product)
    if stuck := sum(thread.is_alive() for thread in threads):
        faults.append(f"{stuck} tabs still wait for an answer")
    stands = [Item.of(row) for row in product.rows(STANDS)]
    faults += faults_of_items(stands)
    revisions = product.rows(REVISIONS)
    faults += faults_of_labels(
        promises, revisions, {one["pk"]: one["policy"] for one in cast["rounds"]}, stands
    )
    faults += faults_of_drafts(promises, revisions, product.rows(DRAFTS))
    if sum(map(len, seconds.values())) < kills:
        faults.append(f"only {sum(map(len, seconds.values()))} of {kills} kills came while there was work")
    return {
        "seed": seed, "reviewers": people, "tabs": len(tabs), "items": items, "overlap": OVERLAP,
        "kills": {kind: len(times) for kind, times in sorted(seconds.items())},
        "worst_revival_s": {kind: round(max(times), 2) for kind, times in sorted(seconds.items())},
        "seconds": round(took, 1), "finished": sum(item.finished for item in stands),
        "escalated": sum(item.escalated for item in stands), "labels": len(revisions),
        "late": sum(row[5] for row in revisions), **dict(sorted(promises.counts.items())),
        "faults": faults[:20], "holds": not faults,
    }  # fmt: skip


def _cast(product: Product, **wanted: Any) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.campaign.cast", json.dumps(wanted)],
        cwd=BASE, env=product.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def _tabs(port: int, cast: dict[str, Any], promises: Promises, rng: Random) -> list[Tab]:
    """Everybody signed in; every fourth with two tabs, which share the session."""
    rounds = [one["take"] for one in cast["rounds"]]
    tabs = []
    for number, (pk, link) in enumerate(cast["people"].items()):
        customer = Customer(port)
        customer.sign_in(link)
        for tab in range(2 if number % SECOND_TAB == 0 else 1):
            name = f"reviewer {number} tab {tab}"
            tabs.append(Tab(port, int(pk), name, customer.cookies, rounds, promises, Random(rng.random())))
    return tabs


def _guarded(promises: Promises, work: Any) -> None:
    try:
        work()
    except Exception as problem:
        promises.fault(f"{type(problem).__name__}: {problem}")


def _kill(
    product: Product, promises: Promises, rng: Random, kills: int, commits: int
) -> dict[str, list[float]]:
    """Kill whenever the next of so many seeded shares of the work is done; seconds until each was mended."""
    seconds: dict[str, list[float]] = defaultdict(list)
    moments = sorted(rng.uniform(*MIDST) * commits for _ in range(kills))
    kinds = [KILLED[number % len(KILLED)] for number in range(kills)]
    rng.shuffle(kinds)
    for moment, kind in zip(moments, kinds, strict=True):
        while promises.counts["commit_acknowledged"] < moment:
            if promises.over.wait(0.02) or monotonic() > promises.deadline:
                return seconds
        sleep(rng.uniform(0, 0.5))
        seconds[kind].append(product.kill(kind))
    return seconds


def _watch(product: Product, promises: Promises) -> None:
    """Look at every item again and again, each time all at one moment, until nothing is left to label."""
    while not promises.over.is_set():
        if monotonic() > promises.deadline:
            promises.fault("the work did not end in time")
            promises.over.set()
        try:
            stands = [Item.of(row) for row in product.rows(STANDS)]
        except psycopg.OperationalError:
            sleep(LOOK_EVERY)
            continue
        for words in taken_too_often(stands):
            promises.fault(f"watched: {words}")
        if all(item.is_over and not item.held for item in stands):
            promises.over.set()
        promises.note("looked")
        sleep(LOOK_EVERY)


def _deadlocks(product: Product) -> list[str]:
    """What the database's log says of deadlocks; it is kept over every start."""
    logs = [path.read_text(errors="replace") for path in (product.var / "logs").glob("postgres*")]
    if not logs:
        return ["the database keeps no log, so deadlocks would not be seen"]
    found = sum(len(re.findall("deadlock detected", text)) for text in logs)
    return [f"{found} deadlocks"] if found else []


def taken_too_often(stands: list[Item]) -> list[str]:
    """Items with more slots done and held than labels wanted, and slots or people twice among them."""
    faults = []
    for item in stands:
        taken = item.done + item.held
        slots, people = Counter(slot for slot, _ in taken), Counter(person for _, person in taken)
        if len(taken) > OVERLAP or max([*slots.values(), *people.values()], default=0) > 1:
            faults.append(
                f"item {item.pk} has slots {sorted(slots.elements())} of {sorted(people.elements())}"
            )
    return faults


def faults_of_items(stands: list[Item]) -> list[str]:
    """Items without exactly the labels they need, of so many people, unless they went to adjudication before."""
    faults = taken_too_often(stands)
    for item in stands:
        exact = sorted(slot for slot, _ in item.done) == list(range(OVERLAP))
        if not item.escalated and not (exact and item.finished):
            faults.append(f"end: item {item.pk} has slots {sorted(item.done)}, finished: {item.finished}")
        if item.held:
            faults.append(f"end: item {item.pk} is still held by {[person for _, person in item.held]}")
    return faults


def faults_of_labels(
    promises: Promises, revisions: list[tuple[Any, ...]], policies: dict[int, str], stands: list[Item]
) -> list[str]:
    """Acknowledged labels that are not there once, refused ones that are there, and labels that fill no slot."""
    there: dict[str, Counter[tuple[int, int, str]]] = defaultdict(Counter)
    counting: Counter[tuple[str, str]] = Counter()
    filled: dict[int, set[int]] = defaultdict(set)
    for words, person, item, stage, _, late in revisions:
        there[words][person, item, stage] += 1
        if not late:
            counting[words, stage] += 1
            if stage == "final":
                filled[item].add(person)
    policy = {item.pk: policies[item.round] for item in stands}
    faults = []
    for words, (person, item, stage) in promises.committed.items():
        both = stage == "blind" and policy[item] == "blind_only"
        faults += [
            f"acknowledged and lost: {words}, {wanted} on item {item}"
            for wanted in (("blind", "final") if both else (stage,))
            if not there[words][person, item, wanted]
        ]
    faults += [f"there twice: {words}, {stage}" for (words, stage), times in counting.items() if times > 1]
    faults += [f"refused and there: {words}" for words in sorted(promises.refused & there.keys())]
    for one in stands:
        if filled[one.pk] != {person for _, person in one.done}:
            faults.append(f"item {one.pk} has labels of {sorted(filled[one.pk])}, and slots of {one.done}")
    return faults


def faults_of_drafts(
    promises: Promises, revisions: list[tuple[Any, ...]], drafts: list[tuple[Any, ...]]
) -> list[str]:
    """Acknowledged saves of stages that were never committed, where an older copy or none is stored."""
    newest: dict[tuple[int, int, str], int] = defaultdict(int)
    for _, person, item, stage, number, _ in revisions:
        newest[person, item, stage] = max(newest[person, item, stage], number)
    stored = {(person, item, stage): saves for person, item, stage, saves in drafts}
    faults = []
    for (person, item), stages in promises.drafts.items():
        for (stage, base), saves in stages.items():
            committed = newest[person, item, stage] > base
            if not committed and stored.get((person, item, stage), 0) < saves:
                faults.append(f"draft of {person} on item {item} lost: {stage} after {base}, save {saves}")
    return faults
