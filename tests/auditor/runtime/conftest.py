"""Places for servers: a folder that every user may enter, and one that only we may."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder below the system's temporary folder that others may pass through."""
    place = Path(tempfile.mkdtemp(prefix="auditor-place-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def var(open_place: Path) -> Path:
    return open_place / "var"


@pytest.fixture(autouse=True)
def no_forced_binaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDITOR_PG_BIN", raising=False)
