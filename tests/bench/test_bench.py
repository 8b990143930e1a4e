"""The benchmarks run, and speak as they promise; the long proofs hold on a small scale. Nothing is timed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.campaign import leases, sampling

ROOT = Path(__file__).resolve().parents[2]
FIELDS = {"name", "size", "value", "unit", "floor", "ratio", "conditions"}
WAYS = ("", ".ahead", ".blind", ".blind.ahead")
NAMES = {
    "import": {
        "import.time",
        "import.rate",
        "import.again",
        "import.memory",
        "import.scores",
        "import.whole",
        "index.time",
        "index.rate",
    },
    "browse": {
        f"browse.{page}{person}.{share}"
        for page in ("first", "sorted", "filtered", "search.common", "search.middling", "search.rare")
        for person in ("", ".veiled")
        for share in ("p50", "p95")
    }
    | {"browse.transcript.p50", "browse.transcript.p95"},
    "submit": {f"submit{way}.{share}" for way in WAYS for share in ("p50", "p95")},
    "export": {"export.time", "export.rate", "export.memory"},
    "load": {f"load.submit{way}.{figure}" for way in WAYS for figure in ("p50", "p95", "rate")},
    "agreement": {
        f"agreement.{coefficient}"
        for coefficient in (
            "percent",
            "fleiss",
            "ac1",
            "alpha.nominal",
            "alpha.ordinal",
            "alpha.interval",
            "alpha.masi",
            "cohen",
            "spans.alpha",
            "spans.f1",
            "dawid_skene",
        )
    },
}


def bench(only: str) -> subprocess.CompletedProcess[str]:
    """`make bench ONLY=… SIZE=20` on a private server of its own."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("AUDITOR_VAR", "DATABASE_URL")
    }
    return subprocess.run(
        [sys.executable, "-m", "bench"], cwd=ROOT, env={**environment, "ONLY": only, "SIZE": "20"},
        capture_output=True, text=True, check=False, timeout=230,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.xdist_group("product")
@pytest.mark.timeout(240)
def test_every_figure_is_an_object_on_a_line_of_its_own() -> None:
    done = bench("")
    assert done.returncode == 0, done.stderr[-3000:]
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {record["name"] for record in records} == set().union(*NAMES.values())
    for record in records:
        assert set(record) == FIELDS
        assert record["size"] == 20
        assert record["value"] > 0
        assert (record["floor"] is None) == (record["ratio"] is None)
        assert record["conditions"]["loop_ms"] > 0
    assert "ratio" in done.stderr.splitlines()[0]


@pytest.mark.slow
@pytest.mark.xdist_group("product")
def test_calls_to_a_local_endpoint_are_measured_apart() -> None:
    done = bench("calls")
    assert done.returncode == 0, done.stderr[-3000:]
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {record["name"] for record in records} == {"calls.rate", "calls.again", "calls.memory"}
    (rate,) = [record for record in records if record["name"] == "calls.rate"]
    assert rate["floor"] > 0
    assert rate["conditions"]["requests"] == 80, (
        "20 to warm up and 20 to measure, each way; none the second time"
    )


def test_a_group_that_does_not_exist_is_refused() -> None:
    done = bench("imports")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "import, browse, submit, export, load, agreement" in done.stderr


def test_stored_probabilities_are_those_of_the_draw() -> None:
    assert sampling.prove(seed=3, draws=200)["holds"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_overlap_is_exact_however_many_tabs_pull_at_a_round() -> None:
    report = leases.prove(seed=3, rounds=3, items=12, people=4, patience=30)
    assert not [fault for round in report["rounds"] for fault in round["faults"]]
    assert report["holds"]
