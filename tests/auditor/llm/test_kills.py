"""A worker is killed with calls under way: what was stored is not asked again, and nothing is lost."""

import pytest

from bench.campaign import calls


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_is_killed_half_way() -> None:
    report = calls.prove(seed=3, calls=120, runs=1)
    (run,) = report["runs"]
    assert 60 <= run["stored_at_the_kill"] < 120, run
    assert run["stored_and_asked_again"] == 0, run
    assert report["holds"], run
