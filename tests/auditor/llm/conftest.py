"""A server that does what it is told, and an endpoint that is it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from auditor.accounts.models import Project
from auditor.llm.calls import Call, Outcome, Tally
from auditor.llm.engine import run_calls
from auditor.llm.models import Endpoint
from bench.scripted import Script, scripted
from tests import make


@pytest.fixture
def server(settings: Settings) -> Iterator[Script]:
    settings.ALLOWED_MODEL_HOSTS = ["127.0.0.1"]
    with scripted() as script:
        yield script


@pytest.fixture
def endpoint(project: Project, server: Script) -> Endpoint:
    return make.endpoint(project, server.url)


@dataclass
class Caller:
    """Whoever runs calls, and what they were told."""

    endpoint: Endpoint
    marked: list[Call] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    on_beat: Callable[[Tally], None] = lambda tally: None
    on_store: Callable[[Sequence[Outcome]], None] = lambda outcomes: None

    def run(self, calls: Sequence[Call], **more: Any) -> Tally:
        """All of the calls."""
        given: dict[str, Any] = {"cap": None, "spent": 0, **more}
        return run_calls(
            endpoint=self.endpoint,
            calls=iter(calls),
            mark=self.marked.extend,
            store=self._store,
            beat=self._beat,
            **given,
        )

    def by_number(self) -> dict[int, Outcome]:
        """The outcome of each call, which must have one only."""
        assert len({one.call.ident for one in self.outcomes}) == len(self.outcomes)
        return {one.call.ident: one for one in self.outcomes}

    def _store(self, outcomes: Sequence[Outcome]) -> None:
        self.on_store(outcomes)
        self.outcomes.extend(outcomes)

    def _beat(self, tally: Tally) -> None:
        self.tallies.append(tally)
        self.on_beat(tally)


@pytest.fixture
def caller(endpoint: Endpoint) -> Caller:
    return Caller(endpoint)
