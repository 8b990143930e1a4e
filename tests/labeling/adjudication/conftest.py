"""A round of one transcript that Ana and Bo review."""

import pytest

from auditor.accounts.models import Project, User
from labeling.queues.models import Item
from tests import make


@pytest.fixture
def item(project: Project, ana: User, bo: User) -> Item:
    return make.round(project, [make.transcript(project)], [ana, bo]).items.get()
