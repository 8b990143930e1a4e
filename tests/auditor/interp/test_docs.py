"""The ten lines of docs/tracks.md are run as they stand, on a block that a capture wrote."""

import re
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from auditor.accounts.models import Project, User
from auditor.evidence.blocks import read_block
from auditor.evidence.models import Block
from auditor.interp import reader, tasks
from auditor.interp.actions.captures import Wanted
from auditor.runtime.places import BASE_DIR
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.interp import scene
from tests.auditor.interp.scripted import Script


def test_a_block_is_read_by_ten_lines_without_code_of_ours(
    project: Project, mia: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "open_reader", Script().open_reader)
    make.transcript(project)
    wanted = [
        Wanted(probe=scene.probe(project, mia)),
        Wanted(dictionary=scene.dictionary(project, mia, tmp_path), mode="full", features=[3], top=2),
    ]
    made = tasks.queue_capture(
        project=project, subject=scene.subject(project, mia), wanted=wanted, chosen=Chosen(), actor=mia
    )
    tasks.capture(made.run_id)
    row = Block.objects.select_related("shard").get()
    words = (BASE_DIR / "docs" / "tracks.md").read_text(encoding="utf-8")
    lines = re.findall(r"```python\n(.*?)```", words, re.DOTALL)[0]  # the second is about tracks in a release
    assert len([line for line in lines.splitlines() if line.strip() and not line.startswith("import")]) <= 10
    assert "auditor" not in lines
    found = {
        "block": {"offset": row.offset, "length": row.length, "digest": row.digest},
        "path": default_storage.path(row.shard.path),
    }
    exec(lines, found)
    block = read_block(row)
    assert list(found["values"]) == list(block.keys)
    assert found["values"]["probe.lies.v1"].tolist() == block.row("probe.lies.v1").tolist()
    assert found["text"] == block.rendered
    assert found["tokens"][:3] == ["user:", "Did", "the"]
    assert found["tensors"]["top.res1.index"].shape == (row.n_tokens, 2)
