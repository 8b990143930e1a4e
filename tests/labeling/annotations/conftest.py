"""What the tests of the desk share."""

import pytest

from auditor.accounts.models import Project, User
from labeling.queues.models import Round
from tests import make


@pytest.fixture
def unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adjudication has tests of its own."""
    monkeypatch.setattr("labeling.annotations.actions.commits.ring", lambda *_: None)


@pytest.fixture
def round(project: Project, ana: User, bo: User) -> Round:
    return make.round(project, [make.transcript(project) for _ in range(2)], [ana, bo])
