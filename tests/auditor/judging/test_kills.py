"""A worker is killed in the middle of a judge run: nothing that was stored is asked again, and the run says what was."""

import pytest

from bench.campaign import judging


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_is_killed_half_way() -> None:
    report = judging.prove(seed=4, transcripts=150, runs=1, at_once=4)
    (run,) = report["runs"]
    assert 75 <= run["stored_at_the_kill"] < 150, run
    assert report["holds"], run
