"""An endpoint that answers, a version that asks it, and a manager who looks."""

from collections.abc import Iterator

import pytest
from django.test import Client

from auditor.accounts.models import Project, User
from auditor.judging.models import JudgeVersion
from auditor.llm.models import Endpoint
from tests.auditor.judging.answering import Asked, answering
from tests.auditor.judging.scene import answer, endpoint, version
from tests.people import signed_in


@pytest.fixture
def asked(settings) -> Iterator[Asked]:  # type: ignore[no-untyped-def]
    settings.ALLOWED_MODEL_HOSTS = ["127.0.0.1"]
    with answering() as found:
        found.answer = lambda body: answer()
        yield found


@pytest.fixture
def place(project: Project, mia: User, asked: Asked) -> Endpoint:
    return endpoint(project, mia, asked.url)


@pytest.fixture
def quill(place: Endpoint, mia: User) -> JudgeVersion:
    return version(place, mia)


@pytest.fixture
def reader(mia: User) -> Client:
    return signed_in(mia)
