"""Django's own checks of models, addresses and settings find nothing; processes that start do not repeat them."""

from django.core.checks import run_checks


def test_djangos_checks_find_nothing() -> None:
    assert run_checks() == []
