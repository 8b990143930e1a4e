"""Fixtures that every test may use."""

from tests.people import ada, ana, bo, cy, mia, project, vic

__all__ = ["ada", "ana", "bo", "cy", "mia", "project", "vic"]
