"""Wiring only: it names everything, and nobody imports it."""

from auditor.config.celery import app as celery_app

__all__ = ["celery_app"]
