"""Fixtures that every test may use, and one setting: invented people's passwords are hashed cheaply."""

import pytest
from django.conf import settings

from tests.people import ada, ana, bo, cy, mia, project, vic

__all__ = ["ada", "ana", "bo", "cy", "mia", "project", "vic"]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """A third of a second for each person, spent on purpose in the product, is most of a test's time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
