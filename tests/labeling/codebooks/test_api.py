"""Codebooks for programs: imported, drafted and published as on the page."""

import yaml

from auditor.accounts.models import Project, User
from labeling.codebooks import actions
from labeling.codebooks.models import CodebookVersion
from tests.programs import program, read


def test_a_codebook_goes_out_as_yaml_and_comes_in_as_an_equal_one(
    project: Project, mia: User, vic: User
) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    text = program(vic, project).asks(f"/codebook-versions/{version.pk}/yaml").content.decode()
    robot = program(mia, project)
    draft = robot.does("/codebooks", {"name": "A copy", "text": text})
    assert (draft["problem"], draft["changed"]) == ("", True)
    made = robot.does(f"/codebooks/{draft['codebook']}/publish", {"base": draft["base"]})
    assert made["digest"] == version.digest
    again = robot.does(f"/codebooks/{draft['codebook']}/publish", {"base": draft["base"]})
    assert again["id"] == made["id"]
    assert robot.gets(f"/codebook-versions/{made['id']}")["definition"] == version.definition
    assert len(robot.gets("/codebook-versions")["items"]) == 2
    refused = robot.sends("/codebooks", {"name": "A copy", "text": text})
    assert (refused.status_code, read(refused)["existing"]) == (409, draft["codebook"])


def test_a_draft_over_an_older_one_is_refused_with_what_stands(project: Project, mia: User) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    robot, book = program(mia, project), version.codebook_id
    opened = robot.gets(f"/codebooks/{book}/draft")
    changed = {**yaml.safe_load(opened["text"]), "title": "Another"}
    saved = robot.does(
        f"/codebooks/{book}/draft", {"text": yaml.safe_dump(changed), "base": opened["base"]}, method="PUT"
    )
    assert saved["base"] > opened["base"]
    late = robot.sends(f"/codebooks/{book}/draft", {"text": "title: x", "base": opened["base"]}, method="PUT")
    assert late.status_code == 409
    assert read(late)["standing"]["text"] == saved["text"]
    assert robot.sends(f"/codebooks/{book}/publish", {"base": opened["base"]}).status_code == 409
    second = robot.does(f"/codebooks/{book}/publish", {"base": saved["base"]})
    assert second["number"] == 2
    diff = robot.gets(f"/codebook-versions/{second['id']}/diff")
    assert diff["against"] == version.pk
    (change,) = diff["changes"]
    assert change["lines"][0]["after"] == "Another"
    assert robot.gets(f"/codebook-versions/{version.pk}/diff")["against"] is None
    assert robot.gets(f"/codebook-versions/{version.pk}/diff", against=second["id"])["changes"]
    assert robot.gets(f"/codebook-versions/{second['id']}/touched")["labels"] == []


def test_a_text_that_defines_nothing_is_kept_and_not_published(project: Project, mia: User) -> None:
    robot = program(mia, project)
    draft = robot.does("/codebooks", {"name": "Broken", "text": "title: [unclosed"})
    assert draft["problem"]
    answer = robot.sends(f"/codebooks/{draft['codebook']}/publish", {"base": draft["base"]})
    assert (answer.status_code, read(answer)["errors"][0]["field"]) == (422, "text")
    assert not CodebookVersion.objects.exists()
