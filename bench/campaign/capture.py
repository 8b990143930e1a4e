"""A worker that carries a capture, in a process of its own so that it can be killed: python -m bench.campaign.capture RUN."""

import subprocess
import sys
from functools import partial

from bench.campaign.caller import process

PAUSE = 0.01  # seconds for each transcript, so that a kill finds it at work


def started(run_id: int) -> "subprocess.Popen[bytes]":
    """The process, on the database that this one is connected to."""
    return process("bench.campaign.capture", str(run_id))


def main() -> None:
    """Carry the run until it rests."""
    import django

    django.setup()

    from auditor.interp import capturing, reader
    from auditor.interp.tasks import capture
    from auditor.runs.models import Run
    from bench.plainreader import plain

    reader.open_reader = partial(plain, pause=PAUSE)
    capturing.CHUNK_ROWS = 20
    run_id = int(sys.argv[1])
    while not Run.objects.get(pk=run_id).rests:
        capture(run_id)


if __name__ == "__main__":
    main()
