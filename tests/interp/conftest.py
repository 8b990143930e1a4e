"""The tiny Llama's server, one for all tests here. Without torch there is nothing here to collect: `make test-interp`."""

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 240.0  # seconds, most of them importing torch for the first time
if find_spec("torch") is None or find_spec("llguidance") is None:
    collect_ignore_glob = ["test_*.py", "torchlab/test_*.py"]


@dataclass(frozen=True)
class Tiny:
    """Where the model answers, and where its files are."""

    url: str  # of the API, with /v1
    folder: Path

    @property
    def asked(self) -> int:
        """Completions asked for since it was started, refused ones included."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/asked") as response:
            return int(json.load(response)["asked"])

    def complete(self, **body: Any) -> dict[str, Any]:
        """The answer to one request, asked without the product.

        Raises:
            urllib.error.HTTPError: it was refused.
        """
        request = urllib.request.Request(
            f"{self.url}/chat/completions", json.dumps({"model": "tiny-llama", **body}).encode(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request) as response:
            found: dict[str, Any] = json.load(response)
            return found


@pytest.fixture(scope="session", autouse=True)
def _starting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple["subprocess.Popen[str]", Path] | None]:
    """The server's process, which imports torch while the test database is made; none where no test asks it."""
    if not any("tiny" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield None
        return
    folder = tmp_path_factory.mktemp("tiny-llama")
    quiet = {
        "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.interp.tiny_server", str(folder)],
            cwd=ROOT, env=os.environ | quiet, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    with server:
        yield server, folder
        server.kill()


@pytest.fixture(scope="session")
def tiny(_starting: tuple["subprocess.Popen[str]", Path] | None, django_db_setup: None) -> Tiny:
    assert _starting is not None
    server, folder = _starting
    assert server.stdout is not None
    patience = threading.Timer(STARTS_WITHIN, server.kill)
    patience.start()
    port = server.stdout.readline().strip()  # nothing, if it was killed
    patience.cancel()
    assert port, (folder / "server.log").read_text()
    return Tiny(f"http://127.0.0.1:{port}/v1", folder)
