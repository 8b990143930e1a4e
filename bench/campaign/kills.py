"""Whatever is killed, and whenever: what was acknowledged is there once, runs end, and no process stays behind."""

import json
import shutil
import tempfile
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

import psycopg

from bench.campaign.customer import Customer, NoAnswer
from bench.campaign.product import Product, until
from bench.scene import write_jsonl

CHILDREN = ("worker", "caller", "web", "beat", "postgres", "broker")
GAP = (0.3, 4.0)  # seconds between one kill's mending and the next kill
SMALL, MIDDLING = 3, 1_000  # transcripts of the imports that go on meanwhile
REVIVAL = 5.0  # seconds within which a killed child is started again
END = 300.0  # seconds for all runs to end after the last kill


@dataclass
class Orders:
    """What the customer was promised."""

    customer: Customer
    slug: str
    folder: Path
    rng: Random
    acknowledged: list[str] = field(default_factory=list)  # external ids that must be there
    imports: int = 0
    refused: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def order(self, name: str, size: int) -> None:
        """Import a file, asking again until it is acknowledged."""
        path = self._file(name, size)
        while not self.over.is_set():
            try:
                self.customer.import_file(self.slug, path)
            except NoAnswer:
                self.refused += 1
                sleep(0.3)
                continue
            self.acknowledged += [f"{name}-{number}" for number in range(size)]
            self.imports += 1
            return

    def go_on(self) -> None:
        """One import after another, until told to stop; most are small."""
        number = 0
        while not self.over.is_set():
            self.order(f"import{number}", MIDDLING if number % 8 == 4 else SMALL)
            number += 1
            sleep(1.0)

    def _file(self, name: str, size: int) -> Path:
        path = write_jsonl(self.folder / f"{name}.jsonl", size, seed=self.rng.randrange(1 << 30))
        lines = path.read_text(encoding="utf-8").splitlines()
        records = [json.loads(line) | {"id": f"{name}-{number}"} for number, line in enumerate(lines)]
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path


def prove(seed: int, kills: int = 21, size: int = 5_000) -> dict[str, Any]:
    """Import `size` transcripts through web server and worker while everything is killed in turn; report what is left."""
    var = Path(tempfile.mkdtemp(prefix="auditor-kills-", dir="/tmp"))
    product = Product(var)
    try:
        return _prove(product, seed, kills, size)
    finally:
        if product.process is not None and product.process.poll() is None:
            product.stop()
        shutil.rmtree(var, ignore_errors=True)


def _prove(product: Product, seed: int, kills: int, size: int) -> dict[str, Any]:
    rng = Random(seed)
    starts = [product.start()]
    customer = Customer(product.port)
    customer.sign_in("/" + product.command("sign_in_link").split("/", 3)[3])
    folder = product.var / "orders"
    folder.mkdir()
    orders = Orders(customer, customer.begin_project("Kills"), folder, rng)
    orders.order("big", size)
    others = threading.Thread(target=orders.go_on)
    others.start()
    began = monotonic()
    try:
        seconds = _kill(product, rng, kills, starts)
    finally:
        orders.over.set()
        others.join(120)
    killed_for = monotonic() - began
    until(lambda: _is_over(product), END, "all runs to end")
    ended_after = monotonic() - began - killed_for
    found = _found(product, orders)
    stopped = product.stop()
    left = product.left()
    starts.append(product.start())
    again = _found(product, orders)
    product.stop()
    worst = {kind: round(max(times), 2) for kind, times in sorted(seconds.items())}
    return {
        "seed": seed, "kills": {kind: len(times) for kind, times in sorted(seconds.items())},
        "worst_revival_s": {kind: worst[kind] for kind in worst if kind != "supervisor"},
        "worst_gone_after_supervisor_s": worst.get("supervisor"),
        "starts_s": [round(start, 2) for start in starts], "stop_s": round(stopped, 2),
        "killed_for_s": round(killed_for, 1), "runs_ended_after_s": round(ended_after, 1),
        "imports_acknowledged": orders.imports, "requests_without_answer": orders.refused,
        **found, "left_behind": left, "same_after_restart": again == found,
        "holds": not (left or found["missing"] or found["twice"] or found["wrong_length"] or found["not_done"])
        and again == found
        and max(worst[kind] for kind in worst if kind != "supervisor") <= REVIVAL,
    }  # fmt: skip


def _kill(product: Product, rng: Random, kills: int, starts: list[float]) -> dict[str, list[float]]:
    """Kill each kind in turn, in seeded order and with seeded pauses; seconds until each was mended."""
    seconds: dict[str, list[float]] = defaultdict(list)
    queue: list[str] = []
    for _ in range(kills):
        if not queue:
            queue = rng.sample([*CHILDREN, "supervisor"], len(CHILDREN) + 1)
        kind = queue.pop()
        sleep(rng.uniform(*GAP))
        if kind == "supervisor":
            seconds[kind].append(product.kill_supervisor())
            starts.append(product.start())
        else:
            seconds[kind].append(product.kill(kind))
    return seconds


def _is_over(product: Product) -> bool:
    try:
        return product.rows("SELECT count(*) FROM runs_run WHERE status IN ('queued', 'running')") == [(0,)]
    except psycopg.OperationalError:
        return False


def _found(product: Product, orders: Orders) -> dict[str, Any]:
    """What the database holds, against what was acknowledged."""
    times = dict(product.rows("SELECT external_id, count(*) FROM corpus_transcript GROUP BY 1"))
    short = product.rows(
        "SELECT count(*) FROM corpus_transcript t"
        " WHERE n_messages <> 10 OR (SELECT count(*) FROM corpus_message m WHERE m.transcript_id = t.id) <> 10"
    )
    runs = product.rows("SELECT status, note FROM runs_run WHERE status <> 'done'")
    again = product.rows("SELECT count(*), coalesce(max(attempts), 0) FROM runs_run WHERE attempts > 1")[0]
    return {
        "transcripts": sum(times.values()), "acknowledged": len(orders.acknowledged),
        "missing": sum(1 for one in orders.acknowledged if one not in times),
        "twice": sum(1 for count in times.values() if count > 1), "wrong_length": short[0][0],
        "not_done": [f"{status}: {note}"[:200] for status, note in runs][:10], "runs_taken_up_again": again[0], "most_attempts": again[1],
    }  # fmt: skip
