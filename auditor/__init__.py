"""Auditor: what models said, and what machines make of it."""

from pathlib import Path


def _version() -> str:
    """The version is the first `## x.y.z` heading of the changelog: one source of truth."""
    changelog = Path(__file__).resolve().parent.parent / "CHANGELOG.md"
    for line in changelog.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            return line[3:].split(" ", 1)[0]
    return "0.0.0"


__version__ = _version()
