"""Several test sessions at once: each has a database and a folder of its own, and leaves neither behind."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from auditor.runtime.places import BASE_DIR
from tests.auditor.runtime.machine import clean_environment


@pytest.mark.slow
@pytest.mark.xdist_group("product")
def test_two_sessions_run_side_by_side_and_clean_up(tmp_path: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix="auditor-sessions-"))
    temporary.chmod(0o755)
    environment = clean_environment(tmp_path, TMPDIR=str(temporary))
    argv = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    argv.append("tests/auditor/runtime/test_health.py::test_a_silent_database_is_a_503")
    sessions = [
        subprocess.Popen(argv, cwd=BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for session in sessions:
        words, _ = session.communicate(timeout=90)
        assert session.returncode == 0, words
    assert list(temporary.glob("auditor-*")) == []
    for left in temporary.iterdir():  # pytest's own folders
        subprocess.run(["rm", "-r", str(left)], check=True)
    temporary.rmdir()
