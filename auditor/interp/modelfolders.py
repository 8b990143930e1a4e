"""Which folders of this machine a model may be read from: those below the ones the deployment names.

A reference is a path below one of these folders, or an absolute path that lies below one. What a link leads to
counts, not where the link stands, so that no name leads out.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

DEEPEST = 3  # folders below an allowed one in which models are looked for
MOST_LISTED = 200
MOST_FILES = 20_000  # of one model's folder


class OutsideFolders(ValueError):
    """The reference names no folder that models may be read from; the message says why, for people."""


def folder_of(reference: str, allowed: Sequence[str]) -> Path:
    """The real folder that `reference` names.

    Args:
        reference: relative to one of the allowed folders, or absolute.
        allowed: absolute paths of the folders below which models may lie.

    Raises:
        OutsideFolders: nothing is allowed, no such folder, or one that is not below an allowed one.
    """
    if not allowed:
        raise OutsideFolders("This deployment allows no folders of models: AUDITOR_MODEL_FOLDERS names them.")
    named = Path(reference)
    if "\0" in reference or not reference.strip() or ".." in named.parts:
        raise OutsideFolders(f"{_shown(reference)} is no path below a folder of models.")
    for root in (Path(one).resolve() for one in allowed):
        found = (root / named).resolve()  # an absolute path stands for itself
        if found.is_relative_to(root) and found.is_dir():
            _refuse_links_that_lead_out(found, root)
            return found
    raise OutsideFolders(f"There is no folder {_shown(reference)} below the folders that hold models here.")


def _refuse_links_that_lead_out(folder: Path, root: Path) -> None:
    for number, path in enumerate(folder.rglob("*")):
        if number >= MOST_FILES:
            raise OutsideFolders(f"{folder.name} holds more than {MOST_FILES:,} files: name the model's own.")
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise OutsideFolders(f"{_shown(str(path.relative_to(folder)))} is a link that leads out of it.")


def listed(allowed: Sequence[str]) -> list[str]:
    """The models below the allowed folders (folders with a config.json), each as a reference; at most 200."""
    found: list[str] = []
    for root in (Path(one).resolve() for one in allowed):
        for folder in _models_below(root, DEEPEST):
            found.append(str(folder.relative_to(root)) if folder != root else str(root))
            if len(found) >= MOST_LISTED:
                return sorted(found)
    return sorted(found)


def _models_below(folder: Path, deep: int) -> Iterator[Path]:
    try:
        if (folder / "config.json").is_file():
            yield folder
            return
        below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:  # not ours to read
        return
    if deep:
        for path in below:
            yield from _models_below(path, deep - 1)


def _shown(reference: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in reference[:120])
    return f"“{printable}”"
