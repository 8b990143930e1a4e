"""A worker that carries a judge run, in a process of its own so that it can be killed: python -m bench.campaign.judge RUN."""

import subprocess
import sys

from bench.campaign.caller import process


def started(run_id: int) -> "subprocess.Popen[bytes]":
    """The process, on the database that this one is connected to."""
    return process("bench.campaign.judge", str(run_id))


def main() -> None:
    """Carry the run until it rests."""
    import django

    django.setup()

    from auditor.judging.tasks import judge
    from auditor.runs.models import Run

    run_id = int(sys.argv[1])
    while not Run.objects.get(pk=run_id).rests:
        judge(run_id)


if __name__ == "__main__":
    main()
