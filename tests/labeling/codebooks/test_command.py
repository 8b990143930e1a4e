"""`manage.py codebook`: out, in, and a check that names file and line."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from auditor.accounts.models import Project, User
from labeling.codebooks import actions
from labeling.codebooks.defaults import text_of
from labeling.codebooks.models import Codebook
from labeling.codebooks.queries import sheet_of


def run(*words: object) -> str:
    out = StringIO()
    call_command("codebook", *map(str, words), stdout=out)
    return out.getvalue()


def test_what_is_exported_comes_in_with_an_equal_digest(project: Project, mia: User, tmp_path: Path) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    file = tmp_path / "codebook.yaml"
    run("export", "--project", project.slug, version.codebook.name, "--to", file)
    assert run("export", "--project", project.slug, version.codebook.name) == file.read_text()
    said = run("import", "--project", project.slug, file, "--name", "Copy", "--publish")
    assert f"Copy v1, digest {version.digest[:12]}" in said
    assert Codebook.objects.get(name="Copy").versions.get().digest == version.digest


def test_importing_into_a_codebook_writes_its_draft_and_importing_again_changes_nothing(
    project: Project, mia: User, tmp_path: Path
) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    file = tmp_path / "codebook.yaml"
    file.write_text(text_of("intent_versus_hallucination").replace("Separates what", "Parts what"))
    for _ in range(2):
        assert "draft of Intent versus hallucination" in run("import", "--project", project.slug, file)
    assert sheet_of(version.codebook).number == 1
    assert "v2" in run("import", "--project", project.slug, file, "--publish")


def test_a_draft_that_somebody_is_writing_is_not_overwritten(
    project: Project, mia: User, tmp_path: Path
) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    actions.save_draft(codebook=version.codebook, text="title: Mine", base=0, actor=mia)
    file = tmp_path / "codebook.yaml"
    file.write_text(text_of("intent_versus_hallucination"))
    with pytest.raises(CommandError, match="is being drafted"):
        run("import", "--project", project.slug, file)
    assert sheet_of(version.codebook).text == "title: Mine"


def test_checking_says_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "flag.yaml"
    file.write_text(text_of("flag"))
    assert run("check", file).startswith("Flag: 4 questions, 3 labels, 3 rules, 1 grades, digest ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (text_of("flag").replace("value: harmful", "value: untrue").encode(), r"flag.yaml:\d+: questions\[1\].codes\[1\].value: used twice"),
        (b"title: [", r"flag.yaml:\d+: No YAML"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b"a" * 1_300_000, "longer than"),
    ],
)  # fmt: skip
def test_checking_names_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "flag.yaml"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        run("check", file)


def test_what_is_not_there_is_named(project: Project, tmp_path: Path) -> None:
    for words in (
        ("check", tmp_path / "none.yaml"),
        ("export", "--project", project.slug, "No such"),
        ("export", "--project", "no-project", "x"),
    ):
        with pytest.raises(CommandError):
            run(*words)


def test_only_a_manager_is_acted_for(project: Project, mia: User, ana: User, tmp_path: Path) -> None:
    file = tmp_path / "flag.yaml"
    file.write_text(text_of("flag"))
    with pytest.raises(CommandError, match="manages"):
        run("import", "--project", project.slug, file, "--as", ana.email)
    run("import", "--project", project.slug, file, "--as", mia.email)
    assert Codebook.objects.get().name == "Flag"
