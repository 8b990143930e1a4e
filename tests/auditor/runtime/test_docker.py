"""The containers' files, without a container engine: their names, their copies, and their commands for real."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from auditor.runtime.broker import BrokerServer
from auditor.runtime.places import BASE_DIR
from auditor.runtime.postgres import PostgresServer
from tests.auditor.runtime.machine import clean_environment, connect, free_port, get, within

DOCKER = BASE_DIR / "docker"
FOR_POSTGRES = {"POSTGRES_PASSWORD"}  # the database image's own
NOT_FOR_TEAMS = {  # tests only; the image has one interpreter
    "AUDITOR_EAGER_TASKS",
    "AUDITOR_INTERP_PYTHON",
}


def read_by_the_code() -> set[str]:
    source = (BASE_DIR / "auditor" / "config" / "env.py").read_text(encoding="utf-8")
    return set(re.findall(r'^\w+ = env_\w+\(\s*"(\w+)"', source, re.MULTILINE))


def test_the_example_names_what_the_code_reads_and_nothing_else() -> None:
    example = (DOCKER / "env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert named - FOR_POSTGRES == read_by_the_code() - NOT_FOR_TEAMS


def test_the_entrypoint_and_the_image_name_only_what_the_code_reads() -> None:
    words = (DOCKER / "entrypoint.sh").read_text(encoding="utf-8") + (DOCKER / "Dockerfile").read_text(
        encoding="utf-8"
    )
    assert set(re.findall(r"\bAUDITOR_\w+", words)) <= read_by_the_code() | {"AUDITOR_VAR"}


def test_the_composition_has_every_part_and_each_role_is_one_of_the_entrypoints() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert set(services) == {"postgres", "valkey", "migrate", "web", "worker", "caller", "modeller", "beat"}
    entrypoint = (DOCKER / "entrypoint.sh").read_text(encoding="utf-8")
    for role in ("migrate", "web", "worker", "caller", "modeller", "beat"):
        assert services[role]["command"] == [role]
        assert services[role]["env_file"] == ".env"
        assert f"    {role})" in entrypoint
    password = str(services["postgres"]["environment"]["POSTGRES_PASSWORD"])
    assert set(re.findall(r"\$\{(\w+)", password)) == FOR_POSTGRES
    assert services["modeller"]["profiles"] == ["models"]  # torch is large, and not every team wants it
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_every_file_that_the_image_copies_exists() -> None:
    copies = re.findall(r"^COPY (.+)$", (DOCKER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    sources = [source for line in copies for source in line.split()[:-1]]
    assert len(sources) > 5
    assert [source for source in sources if not (BASE_DIR / source).exists()] == []


class Roles:
    """The entrypoint's roles as processes of their own, on servers that are not theirs."""

    def __init__(self, var: Path, environment: dict[str, str]) -> None:
        self.var = var
        self.environment = environment
        self.running: list[subprocess.Popen[bytes]] = []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._argv(*arguments),
            cwd=BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def start(self, role: str) -> None:
        with (self.var.parent / f"{role}.log").open("wb") as log:
            self.running.append(
                subprocess.Popen(self._argv(role), cwd=BASE_DIR, env=self.environment, stdout=log, stderr=log)
            )

    def _argv(self, *arguments: str) -> list[str]:
        return ["sh", str(DOCKER / "entrypoint.sh"), *arguments]


@pytest.fixture
def roles(open_place: Path) -> Iterator[Roles]:
    servers = open_place / "servers"
    database, broker = PostgresServer(servers, settings={"fsync": "off"}), BrokerServer(servers)
    database.start()
    broker.start()
    password = (servers / "pgpass").read_text().strip().rpartition(":")[2]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    roles = Roles(
        open_place / "var",
        clean_environment(
            open_place / "var",
            PATH=path,
            DATABASE_URL=f"postgresql://auditor:{password}@/auditor?host={database.socket_folder}",
            CELERY_BROKER_URL=f"redis+socket://{broker.socket}",
            AUDITOR_SECRET_KEY="for this test only",
            AUDITOR_HOST="127.0.0.1",
            AUDITOR_PORT=str(free_port()),
        ),
    )
    yield roles
    for process in roles.running:
        process.send_signal(signal.SIGTERM)
    for process in roles.running:
        process.wait(30)
    broker.stop()
    database.stop()


@pytest.mark.slow
@pytest.mark.xdist_group("product")
def test_the_entrypoints_commands_run_and_work_goes_through_them(roles: Roles, open_place: Path) -> None:
    migrated = roles.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    linked = roles.run("sign_in_link", "--base-url", "https://auditor.example.org")
    assert linked.stdout.startswith("https://auditor.example.org/"), linked.stderr
    for role in ("worker", "caller", "modeller", "beat", "web"):
        roles.start(role)
    port = roles.environment["AUDITOR_PORT"]
    assert within(20, lambda: get(int(port), "/healthz")[0] == 200)
    curl = [
        sys.executable,
        "-c",
        f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/healthz', timeout=3)",
    ]
    assert subprocess.run(curl, capture_output=True).returncode == 0
    with connect(open_place / "servers") as session:
        session.autocommit = True
        assert within(30, lambda: session.execute("SELECT count(*) FROM runs_pulse").fetchone() == (3,))
    assert not (open_place / "var" / "pg").exists()


def test_the_shell_accepts_the_entrypoint() -> None:
    shell = shutil.which("dash") or "sh"
    assert subprocess.run([shell, "-n", str(DOCKER / "entrypoint.sh")]).returncode == 0
