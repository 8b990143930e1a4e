"""What a process of the web server loads before anybody asks."""

import gc
from collections.abc import Iterator
from typing import Any, cast

import pytest
from django.template import engines
from django.template.loaders import filesystem

from auditor.runtime.web import SELDOM, warm


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """As it was, for the tests that follow."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_no_page_waits_for_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    for loader in cast(Any, engines["django"]).engine.template_loaders:
        loader.reset()
    warm(0).join(60)

    def read(*_: Any) -> str:
        raise AssertionError("a template is read from disk")

    monkeypatch.setattr(filesystem.Loader, "get_contents", read)
    assert engines["django"].get_template("labeling/annotations/item.html")
    assert engines["django"].get_template("components/empty.html")


def test_the_collector_of_cycles_passes_over_what_stays_and_comes_seldom() -> None:
    gc.unfreeze()
    warm(0).join(60)
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] == SELDOM
    assert gc.isenabled()
