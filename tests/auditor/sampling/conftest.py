"""A corpus to draw from, and draws."""

import pytest

from auditor.accounts.models import Project, User
from auditor.sampling import actions
from auditor.sampling.designs.design import Design
from auditor.sampling.models import Sample
from tests import make


@pytest.fixture
def corpus(project: Project) -> list[int]:
    """Twelve transcripts; the judge gives 0, 10, … 110 to them in order."""
    judge = make.channel(project)
    made = [make.transcript(project) for _ in range(12)]
    for number, transcript in enumerate(made):
        make.reading(judge, transcript, 10.0 * number)
    return [transcript.pk for transcript in made]


@pytest.fixture
def draws(project: Project, mia: User):
    """Draws by name, of Mia."""

    def draw(name: str, design: Design, *, seed: int = 1, **more) -> Sample:
        return actions.draw_sample(project=project, name=name, design=design, seed=seed, actor=mia, **more)

    return draw
