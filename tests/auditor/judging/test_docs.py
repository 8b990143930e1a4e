"""What docs/judges.md shows and says is so."""

import re
from pathlib import Path

from auditor.judging.injections import SET
from auditor.judging.prompting import PLACEHOLDERS
from auditor.judging.rubric import parse_rubric
from auditor.judging.rubrics import SHIPPED

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "judges.md").read_text(encoding="utf-8")


def test_the_rubric_it_shows_is_one() -> None:
    (example,) = re.findall(r"```markdown\n(.*?)```", TEXT, re.DOTALL)
    rubric = parse_rubric(example)
    assert rubric.overall(rubric.examples[0].answer) == "overclaimed"
    assert rubric.main.must_cite(3.0)
    assert not rubric.main.must_cite(2.0)
    assert "notes for people" not in rubric.instructions


def test_the_lists_are_whole() -> None:
    assert set(re.findall(r"^\| `\{\{(\w+)\}\}`", TEXT, re.MULTILINE)) | {"name", "about"} == set(
        PLACEHOLDERS
    )
    for key in SHIPPED:
        assert f"| `{key}` |" in TEXT
    assert f"{len(SET.injections)} texts in twelve families" in TEXT
    assert len({one.family for one in SET.injections}) == 12
