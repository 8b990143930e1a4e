"""Tiny models of three families, made and loaded once."""

from pathlib import Path
from typing import Any

import pytest

from auditor.interp.conversation import Turn, Words


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    from tests.interp.tiny_models import FAMILIES, make

    return {family: make(family, tmp_path_factory.mktemp(family)) for family in FAMILIES}


@pytest.fixture(scope="session")
def subjects(folders: dict[str, Path]) -> dict[str, Any]:
    from auditor.interp.torchlab.subject import SubjectSpec, load

    return {family: load(SubjectSpec(str(folder), device="cpu")) for family, folder in folders.items()}


def talk(*texts: str) -> tuple[Turn, ...]:
    """A conversation in which user and assistant take turns."""
    return tuple(
        Turn(n, ("user", "assistant")[n % 2], (Words(n, "text", text),) if text else ())
        for n, text in enumerate(texts)
    )
