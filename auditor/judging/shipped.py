"""The rubrics that come with Auditor, read, to begin from."""

from dataclasses import dataclass
from functools import cached_property

from auditor.judging import rubrics
from auditor.judging.rubric import Rubric, parse_rubric


@dataclass(frozen=True)
class Shipped:
    """One of them."""

    key: str
    text: str

    @cached_property
    def parsed(self) -> Rubric:
        """What it defines."""
        return parse_rubric(self.text)


SHIPPED = {key: Shipped(key, rubrics.text_of(key)) for key in rubrics.SHIPPED}
