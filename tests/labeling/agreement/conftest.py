"""A closed round of six transcripts that Ana and Bo labelled: they differ on two."""

from collections.abc import Sequence

import pytest

from auditor.accounts.models import Project, User
from labeling.queues.actions import close_round
from labeling.queues.models import Round
from tests import make

BLIND = (("D", "D"), ("D", "K"), ("K", "K"), ("U", "H"), ("H", "H"), ("H", "H"))
FINAL = (("D", "D"), ("D", "D"), ("K", "K"), ("U", "H"), ("H", "H"), ("H", "K"))


def labelled(
    project: Project, first: User, second: User, *, blind: Sequence[Sequence[str]] = BLIND,
    final: Sequence[Sequence[str]] = FINAL, **more: object,
) -> Round:  # fmt: skip
    """A round in which each of the two gave these labels, item by item."""
    made = make.round(project, [make.transcript(project) for _ in blind], [first, second], **more)
    for item, before, after in zip(made.items.order_by("order"), blind, final, strict=True):
        for reviewer, one, other in ((first, before[0], after[0]), (second, before[1], after[1])):
            make.label(item, reviewer, one, stage="blind")
            make.label(item, reviewer, other)
    return made


@pytest.fixture
def round(project: Project, ana: User, bo: User, mia: User) -> Round:
    made = labelled(project, ana, bo, name="First round")
    close_round(round=made, actor=mia)
    return made
