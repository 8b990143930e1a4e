"""What a process of the web server loads before anybody asks."""

from typing import Any, cast

import pytest
from django.template import engines
from django.template.loaders import filesystem

from auditor.runtime.web import warm


def test_no_page_waits_for_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    for loader in cast(Any, engines["django"]).engine.template_loaders:
        loader.reset()
    warm().join(60)

    def read(*_: Any) -> str:
        raise AssertionError("a template is read from disk")

    monkeypatch.setattr(filesystem.Loader, "get_contents", read)
    assert engines["django"].get_template("labeling/annotations/item.html")
    assert engines["django"].get_template("components/empty.html")
