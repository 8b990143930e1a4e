"""Fixtures that every test may use, and two settings: invented people's passwords are hashed cheaply, and nothing is timed."""

from importlib.util import find_spec

import hypothesis
import pytest
from django.conf import settings

from tests.people import ada, ana, bo, cy, mia, project, vic

__all__ = ["ada", "ana", "bo", "cy", "mia", "project", "vic"]

# a busy machine breaks no property
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """A third of a second for each person, spent on purpose in the product, is most of a test's time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, so that nobody takes this run for all of them."""
    if find_spec("torch") is None:
        terminalreporter.write_line(
            "Left out: tests/interp, what runs inside models; torch is not installed here. `make test-interp` runs them."
        )
