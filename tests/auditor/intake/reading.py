"""Bytes in, records out: what the tests of importers have in common."""

import io
from pathlib import Path
from typing import Any

import pytest

from auditor.corpus.records import ParsedTranscript, Rejection
from auditor.intake.importers import FORMATS
from auditor.intake.importers.mapping import Mapping

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


def read(form: str, data: bytes, mapping: Mapping | None = None) -> list[ParsedTranscript | Rejection]:
    """All that a format's parser yields for these bytes."""
    return list(FORMATS[form].parser(io.BytesIO(data), name="upload", mapping=mapping))


def only(items: list[Any]) -> ParsedTranscript:
    """The one transcript among what was yielded."""
    (item,) = items
    assert isinstance(item, ParsedTranscript), item
    return item


def transcripts(items: list[Any]) -> list[ParsedTranscript]:
    """Those that could be read."""
    return [item for item in items if isinstance(item, ParsedTranscript)]


def rejections(items: list[Any]) -> list[Rejection]:
    """Those that could not."""
    return [item for item in items if isinstance(item, Rejection)]


def real_file(path: str) -> Path:
    """A public research file that stands beside the repository, or a skip that says so."""
    if not (REAL / path).exists():
        pytest.skip(f"the research file {path} is not here (looked in ../shared/data)")
    return REAL / path
