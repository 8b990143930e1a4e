"""The whole product under one command: killed parts come back, a killed whole leaves nothing, stops are in order."""

import os
import re
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.runtime.processes import is_alive
from tests.auditor.runtime.machine import Product, connect, descendants, free_port, manage, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("product")]


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """One running product for the tests that leave it running."""
    place = Path(tempfile.mkdtemp(prefix="auditor-run-"))
    place.chmod(0o755)
    product = Product(place / "var", "--no-sample")
    yield product
    if product.process.poll() is None:
        product.stop()
    assert product.process.stdout is not None
    product.process.stdout.close()
    shutil.rmtree(place)


def test_it_answers_on_this_machine_only_and_prints_a_way_in(product: Product) -> None:
    assert product.is_healthy()
    link = next(
        found[1]
        for line in product.lines
        if (found := re.search(r"http://127\.0\.0\.1:\d+(/\S+)", line)) and len(found[1]) > 10
    )
    assert product.get(link)[0] in (200, 302)
    with socket.socket() as probe:
        probe.settimeout(2)
        own = socket.gethostbyname(socket.gethostname())
        if not own.startswith("127."):
            assert probe.connect_ex((own, product.port)) != 0


def test_static_files_are_served_without_a_collecting_step(product: Product) -> None:
    assert product.get("/static/vendor/htmx-2.0.11.min.js")[0] == 200


@pytest.mark.parametrize("name", ["web", "worker", "caller", "modeller", "beat", "broker", "postgres"])
def test_a_killed_child_is_started_again_and_works(product: Product, name: str) -> None:
    if name == "postgres":
        with connect(product.var) as session:
            session.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT generate_series(1, 1000) AS n")
    old = product.pid(name)
    assert old is not None
    os.kill(old, signal.SIGKILL)
    assert within(5, lambda: product.pid(name) not in (None, old))
    # How soon it works is what `make campaign ONLY=kills` measures: to recover the database or to load the
    # application is work, which takes its time on a machine that runs other tests.
    assert within(30, product.is_healthy)
    if name == "postgres":
        with connect(product.var) as session:
            assert session.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_work_flows_again_after_all_of_them_were_killed(product: Product) -> None:
    with connect(product.var) as session:
        session.autocommit = True
        session.execute("DELETE FROM runs_pulse")
        # Beat rings through the broker, and a worker of each queue writes its row.
        assert within(30, lambda: session.execute("SELECT count(*) FROM runs_pulse").fetchone() == (3,))


def test_a_killed_web_worker_is_back_too(product: Product) -> None:
    web = product.pid("web")
    assert web is not None
    (worker,) = descendants(web)
    os.kill(worker, signal.SIGKILL)
    assert within(30, lambda: worker not in descendants(web) and product.is_healthy())


def test_a_second_start_says_that_one_is_running(product: Product) -> None:
    second = manage(product.var, "run", "--port", str(free_port()))
    assert second.returncode != 0
    assert (
        f"Auditor is already running: process {product.process.pid}, http://127.0.0.1:{product.port}"
        in second.stderr
    )
    assert product.is_healthy()


def test_a_backup_is_taken_while_it_runs_and_a_restore_is_refused(product: Product) -> None:
    path = product.var.parent / "while-running.backup"
    taken = manage(product.var, "backup", str(path))
    assert taken.returncode == 0, taken.stderr
    refused = manage(product.var, "restore", str(path), "--replace")
    assert refused.returncode != 0
    assert "Stop it first" in refused.stderr
    other = product.var.parent / "other"
    restored = manage(other, "restore", str(path))
    assert restored.returncode == 0, restored.stderr
    shutil.rmtree(other)


def test_a_killed_supervisor_takes_every_child_with_it_and_the_next_start_is_clean(product: Product) -> None:
    below = descendants(product.process.pid)
    assert len(below) >= 10  # seven children, postgres' own, the pool's, granian's
    product.process.kill()
    product.process.wait()
    assert within(10, lambda: not [pid for pid in below if is_alive(pid)])
    again = Product(product.var, "--no-sample")
    assert again.seconds_to_first_page < 15  # the promise is 5 s; a loaded test machine gets three times that
    below = descendants(again.process.pid)
    begun = time.monotonic()
    words = again.stop(signal.SIGTERM)
    assert "Stopped." in words
    assert again.process.returncode == 0
    assert time.monotonic() - begun < 30
    assert not [pid for pid in below if is_alive(pid)]
    logs = again.var / "logs"
    assert "database system is shut down" in (logs / "postgres.log").read_text().splitlines()[-1]
    assert "ready to exit" in (logs / "broker.log").read_text().splitlines()[-1]


def test_a_taken_port_is_named_with_another(open_place: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = manage(open_place / "var", "run", "--port", str(port))
    assert refused.returncode != 0
    assert f"Port {port}" in refused.stderr
    assert f"AUDITOR_PORT={port + 1} make run" in refused.stderr
