"""A closed round with its rulings, and a judge that spoke on all of it."""

from collections.abc import Iterable

import numpy as np
import pytest

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel
from labeling.queues.models import Round
from labeling.validity.scored import Mask
from tests import make
from tests.labeling.validity import scene
from tests.labeling.validity.scene import RULED, ruled, speak, transcripts_of


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn is tested by itself; here a hundred times are enough, and halves do not follow from ids."""
    monkeypatch.setattr("labeling.validity.redrawing.TIMES", 100)
    monkeypatch.setattr("labeling.validity.operating.halves", every_other)


def every_other(keys: Iterable[int], seed: int) -> Mask:
    """A split that is the same whatever the ids: with some of them a half would have too few of a kind to report on."""
    found = list(keys)
    rank = {key: at for at, key in enumerate(sorted(set(found)))}
    return np.array([rank[key] % 2 == 0 for key in found])


@pytest.fixture
def round(project: Project, ana: User, bo: User, mia: User) -> Round:
    return ruled(project, RULED, [ana, bo], mia, name="First round")


@pytest.fixture
def judge(project: Project, round: Round) -> Channel:
    made = make.channel(project, "judge.quill", name="Quill", lo=0, hi=100)
    scores = [min(100.0, max(0.0, 50 + 12 * one)) for one in scene.scores_for(RULED, 2)]
    speak(made, transcripts_of(round), scores, ["D" if one >= 60 else "K" for one in scores])
    return made
