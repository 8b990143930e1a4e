"""A round of one transcript that Ana and Bo review, and a case they disagree on."""

import pytest

from auditor.accounts.models import Project, User
from auditor.evidence.actions import lift_veils
from auditor.evidence.queries import MACHINE
from labeling.adjudication import actions
from labeling.adjudication.models import Case
from labeling.annotations.models import LabelRevision
from labeling.queues.models import Item
from tests import make

SPANS = [("truth", 0, 0, 3, "Did"), ("misleads", 1, 0, 3, "Yes")]


@pytest.fixture
def item(project: Project, ana: User, bo: User) -> Item:
    return make.round(project, [make.transcript(project)], [ana, bo]).items.get()


@pytest.fixture
def labels(item: Item, ana: User, bo: User) -> list[LabelRevision]:
    """Ana says strategic deception and marks words, Bo says ignorance."""
    lift_veils(round_key=item.round.veil_key, scopes=[MACHINE])
    return [make.label(item, ana, "D", grade="I3", spans=SPANS), make.label(item, bo, "U")]


@pytest.fixture
def disputed(item: Item, labels: list[LabelRevision]) -> Case:
    actions.settle(item=item)
    return Case.objects.select_related("item__round__project", "item__transcript").get(item=item)
