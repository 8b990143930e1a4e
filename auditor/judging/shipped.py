"""The rubrics that come with Auditor, to begin from."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from auditor.judging.rubric import Rubric, parse_rubric

FOLDER = Path(__file__).parent / "rubrics"


@dataclass(frozen=True)
class Shipped:
    """One of them, as text and read."""

    key: str
    text: str

    @cached_property
    def parsed(self) -> Rubric:
        return parse_rubric(self.text)


SHIPPED = {
    path.stem.replace("-", "_"): Shipped(path.stem.replace("-", "_"), path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.md"))
}
