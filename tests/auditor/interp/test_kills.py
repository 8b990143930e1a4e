"""The worker is killed three times in a capture: no transcript is lost, and none is in the evidence twice."""

import pytest

from bench.campaign import captures


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_is_killed_three_times() -> None:
    report = captures.prove(seed=4, transcripts=150, runs=1)
    (run,) = report["runs"]
    assert len(run["stored_at_the_kills"]) == 3
    assert report["holds"], run
