"""Only folders below those that are allowed are models, whatever a name or a link says."""

from pathlib import Path

import pytest

from auditor.interp.modelfolders import OutsideFolders, folder_of, listed


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("models/tiny", "models/org/large", "elsewhere/secret"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text("{}")
    return tmp_path


def test_a_folder_below_is_found_by_either_spelling(place: Path) -> None:
    allowed = [str(place / "models")]
    assert folder_of("tiny", allowed) == place / "models" / "tiny"
    assert folder_of(str(place / "models" / "org" / "large"), allowed) == place / "models" / "org" / "large"


@pytest.mark.parametrize(
    "reference",
    ["../elsewhere/secret", "tiny/../../elsewhere/secret", "", "  ", "nothing", "ti\0ny", "tiny/config.json"],
)
def test_what_leads_out_or_nowhere_is_refused(place: Path, reference: str) -> None:
    with pytest.raises(OutsideFolders):
        folder_of(reference, [str(place / "models")])


def test_an_absolute_path_outside_is_refused(place: Path) -> None:
    with pytest.raises(OutsideFolders):
        folder_of(str(place / "elsewhere" / "secret"), [str(place / "models")])


def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_not(place: Path) -> None:
    allowed = [str(place / "models")]
    (place / "models" / "out").symlink_to(place / "elsewhere" / "secret")
    with pytest.raises(OutsideFolders):
        folder_of("out", allowed)
    (place / "models" / "tiny" / "weights").symlink_to(place / "elsewhere" / "secret" / "config.json")
    with pytest.raises(OutsideFolders, match="weights"):
        folder_of("tiny", allowed)
    (place / "models" / "tiny" / "weights").unlink()
    (place / "models" / "tiny" / "weights").symlink_to(place / "models" / "org" / "large" / "config.json")
    assert folder_of("tiny", allowed).name == "tiny"  # as a cache of the hub has its files


def test_nothing_is_allowed_unless_it_is_said(place: Path) -> None:
    with pytest.raises(OutsideFolders, match="AUDITOR_MODEL_FOLDERS"):
        folder_of("tiny", [])


def test_models_are_listed_by_the_name_that_finds_them(place: Path) -> None:
    allowed = [str(place / "models"), str(place / "nowhere")]
    assert listed(allowed) == ["org/large", "tiny"]
    assert all(folder_of(name, allowed) for name in listed(allowed))
