"""/healthz says which server answers, to anybody, and where nothing is."""

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

import auditor
from auditor.runtime import health


@pytest.mark.django_db
def test_everything_answers(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"database": True, "broker": True, "version": auditor.__version__}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_a_silent_broker_is_a_503(client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = False
    settings.CELERY_BROKER_URL = f"redis+socket://{tmp_path}/nobody.sock"
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["broker"] is False
    assert str(tmp_path) not in answer.content.decode()


def test_a_silent_database_is_a_503(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "database_answers", lambda: False)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["database"] is False
