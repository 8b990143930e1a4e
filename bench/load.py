"""Submit and next while ten reviewers work at once, each as fast as the server lets them, against ten connections of plain SQL."""

from collections.abc import Iterator

from bench import floor
from bench.harness import Result, percentile
from bench.submit import WAYS, Crew, work

EACH = 40  # labels of each reviewer, at most


def run(crew: Crew, size: int) -> Iterator[Result]:
    """In each way; clients, web server and database share the machine."""
    people = crew.people[1:]
    for way in WAYS:
        done = work(crew.job(people, way, EACH))
        rows = floor.labels(crew.project.pk, [one.pk for one in people], done.items)
        with floor.tables(queue=len(done.times) + floor.POPS * len(people)):
            least, seconds = floor.written_again(rows)
            narrow = floor.popped(len(people))
        conditions = {
            "reviewers": len(people), "labels": len(done.times), "seconds": round(done.seconds, 1), "items": crew.items,
            "narrow_queue_per_s": round(narrow), **done.parts,
            "processors": round(done.processor_seconds / done.seconds, 2),
            "processor_ms": round(1000 * done.processor_seconds / len(done.times), 1),
        }  # fmt: skip
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            value = percentile(done.submits, share)
            yield Result(f"load.submit{way}.{name}", size, value, "ms", percentile(least, share), conditions)
        rate = len(done.times) / done.seconds
        yield Result(f"load.submit{way}.rate", size, rate, "1/s", len(least) / seconds, conditions)
