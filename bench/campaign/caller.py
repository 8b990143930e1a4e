"""A worker that makes calls, in a process of its own so that it can be killed: python -m bench.campaign.caller ENDPOINT CALLS."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from auditor.llm.calls import Call, Outcome

if TYPE_CHECKING:
    from auditor.llm.models import Endpoint

ROOT = Path(__file__).resolve().parents[2]


def call(number: int) -> Call:
    """The call of a number; the same each time."""
    body = {"model": "ok", "messages": [{"role": "user", "content": f"question {number}"}], "max_tokens": 10}
    return Call(number, hashlib.sha256(str(number).encode()).hexdigest(), body, None, 10, 10)


def started(endpoint: "Endpoint", calls: int) -> "subprocess.Popen[bytes]":
    """The process, on the database that this one is connected to."""
    return process("bench.campaign.caller", str(endpoint.pk), str(calls))


def process(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """A module of the proofs in a process of its own, on the database that this one is connected to."""
    environment = {
        **os.environ, "DATABASE_URL": _database(), "AUDITOR_ALLOWED_MODEL_HOSTS": "127.0.0.1", "AUDITOR_SECRET_KEY": "for proofs only",
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment)


def _database() -> str:
    from django.db import connection

    known = connection.settings_dict
    who = f"{quote(known['USER'], safe='')}:{quote(known['PASSWORD'], safe='')}"
    options = urlencode({"host": known["HOST"], "port": known["PORT"], **known.get("OPTIONS", {})})
    return f"postgresql://{who}@/{quote(known['NAME'], safe='')}?{options}"


def main() -> None:
    """Make the calls, and write down what is marked and told of."""
    import django

    django.setup()
    from django.db import connection

    from auditor.llm.engine import run_calls
    from auditor.llm.models import Endpoint

    endpoint = Endpoint.objects.get(pk=int(sys.argv[1]))

    def mark(calls: Sequence[Call]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO bench_marks (endpoint, ident, marks) VALUES (%s, %s, 1)"
                " ON CONFLICT (endpoint, ident) DO UPDATE SET marks = bench_marks.marks + 1",
                [(endpoint.pk, one.ident) for one in calls],
            )

    def store(outcomes: Sequence[Outcome]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE bench_marks SET outcome = %s WHERE endpoint = %s AND ident = %s",
                [(one.failure or "ok", endpoint.pk, one.call.ident) for one in outcomes],
            )

    run_calls(
        endpoint=endpoint, calls=map(call, range(int(sys.argv[2]))), mark=mark, store=store, beat=lambda tally: None, cap=None, spent=0,
    )  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "auditor.config.settings")
    main()
