"""What the document on formats shows is run in a folder with every format; what needs a library that is absent is skipped by name."""

import importlib.util
import io
import re
from pathlib import Path
from typing import Any

import pytest

from labeling.datasets.exporters import FORMATS
from tests.labeling.datasets.made import context, record, written

DOCS = Path(__file__).resolve().parents[3] / "docs/exports.md"
BLOCKS = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_the_snippets_run(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for library in re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"needs {library}, which is not installed here")
    records = [record(n, "DH"[n % 2], prompt="One prompt") for n in range(4)]
    written(tmp_path, records, *FORMATS, about=context())
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(DOCS), "exec"), {"open": _at_once})
    assert capsys.readouterr().out.strip()


def _at_once(*args: Any, **more: Any) -> io.StringIO:
    """`open`, which reads all and closes; a short snippet need not say `with`."""
    with Path(args[0]).open(**more) as file:
        return io.StringIO(file.read())


def test_every_format_and_its_files_are_in_the_document(tmp_path: Path) -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name in written(tmp_path, [record()], *FORMATS):
        stem = name.replace(".jsonl", "").replace(".csv", "")
        assert name in text or stem in text, name
    for key, one in FORMATS.items():
        assert key in ("jsonl", "parquet") or f"`{key}`" in text, key
        assert one.name.split(" ")[0] in text
