"""A transcript that Ana and Bo shall label, and one that nobody reviews."""

import pytest

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from labeling.queues.models import Round
from tests import make


@pytest.fixture
def transcript(project: Project) -> Transcript:
    return make.transcript(project, external_id="the-one")


@pytest.fixture
def round(project: Project, transcript: Transcript, ana: User, bo: User) -> Round:
    return make.round(project, [transcript], [ana, bo], name="Blind round")
