"""Submit and next while eight reviewers work at once, each as fast as the server lets them."""

import threading
from collections.abc import Iterator
from time import perf_counter

from django.db import connections

from bench.desk import Desk, Label, item_at
from bench.harness import Result, percentile
from bench.submit import CREW, Crew

EACH = 25  # labels of each reviewer, at most


def run(crew: Crew, size: int) -> Iterator[Result]:
    """Eight threads with sessions and connections of their own; one Python process serves them all."""
    people = crew.people[1:]
    labels: list[Label] = []
    problems: list[str] = []
    start = threading.Barrier(len(people))

    def work(desk: Desk) -> None:
        try:
            place = desk.sit_down()
            start.wait(60)
            for _ in range(EACH):
                if item_at(place) is None:
                    return
                place, label = desk.label(place)
                labels.append(label)
        except Exception as problem:
            problems.append(repr(problem))
            start.abort()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(Desk(crew.project, crew.round, one),)) for one in people]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = perf_counter() - began
    assert not problems, problems
    conditions = {"reviewers": CREW - 1, "labels": len(labels), "seconds": round(took, 1), "processes": 1}
    times = [label.submit for label in labels]
    yield Result("load.submit.p50", size, percentile(times, 0.5), "ms", None, conditions)
    yield Result("load.submit.p95", size, percentile(times, 0.95), "ms", None, conditions)
    yield Result("load.submit.rate", size, len(labels) / took, "1/s", None, conditions)
