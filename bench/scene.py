"""Invented transcripts of 10 messages and 4 KB, the same for the same seed, and the people who review them."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role, User
from auditor.intake.actions import import_file
from auditor.sampling.actions import UNIFORM, draw_sample
from labeling.codebooks.models import CodebookVersion
from labeling.overview.actions import begin_project
from labeling.queues import actions as queues
from labeling.queues.models import REVEAL, Round

WORDS = [
    "ledger",
    "payment",
    "harbour",
    "reference",
    "cleared",
    "quarter",
    "annex",
    "invoice",
    "schedule",
    "museum",
    "patient",
    "record",
    "check",
    "found",
    "missing",
    "figure",
    "table",
    "confirm",
    "sent",
    "reply",
    "account",
    "branch",
    "report",
    "train",
    "ticket",
    "weather",
    "harvest",
    "index",
    "field",
    "note",
]
MESSAGES = 10
MESSAGE_CHARS = 360  # with roles and structure about 4 KB a transcript


def write_jsonl(path: Path, size: int, *, seed: int = 7) -> Path:
    """A chat JSONL file of `size` transcripts with a model, a condition and two judges' scores."""
    rng = Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(size):
            messages = [
                {"role": "user" if turn % 2 == 0 else "assistant", "content": _text(rng)}
                for turn in range(MESSAGES)
            ]
            record = {
                "id": f"bench-{number:07d}",
                "model": f"model-{number % 3}",
                "condition": ("monitored", "unmonitored")[number % 2],
                "messages": messages,
                "judges": {name: {"score": rng.randrange(101)} for name in ("quill", "sable")},
            }
            file.write(json.dumps(record) + "\n")
    return path


MAPPING = {
    "conversation": "messages",
    "id": ["id"],
    "model": "model",
    "conditions": {"oversight": "condition"},
    "scores": [{"path": "judges.*.score", "channel": "judge.*", "kind": "judge"}],
}


def _text(rng: Random) -> str:
    words: list[str] = []
    length = 0
    while length < MESSAGE_CHARS:
        word = rng.choice(WORDS)
        words.append(word)
        length += len(word) + 1
    return " ".join(words)


def begin(name: str) -> tuple[Project, User]:
    """A new project and its owner."""
    email = f"{''.join(c for c in name.lower() if c.isalnum())}@example.org"
    owner = accounts.create_user(email=email, name="Bench", may_create_projects=True)
    return begin_project(name=name, owner=owner), owner


def stock(project: Project, owner: User, size: int, *, seed: int = 7) -> None:
    """Import `size` invented transcripts."""
    with TemporaryDirectory(prefix="auditor-bench-") as folder:
        path = write_jsonl(Path(folder) / f"{size}.jsonl", size, seed=seed)
        import_file(
            project=project,
            path=path,
            file_name=path.name,
            format="mapped_jsonl",
            mapping=MAPPING,
            actor=owner,
        )


def reviewers(project: Project, owner: User, count: int, *, stem: str = "reviewer") -> list[User]:
    """New people who review in the project."""
    people = [
        accounts.create_user(email=f"{project.slug}-{stem}{number}@example.org", name=f"{stem} {number}")
        for number in range(count)
    ]
    for person in people:
        accounts.add_member(project=project, user=person, role=Role.REVIEWER, actor=owner)
    return people


def open_round(
    project: Project,
    owner: User,
    crew: Sequence[User],
    items: int,
    *,
    overlap: int,
    name: str,
    policy: str = REVEAL,
) -> Round:
    """A round by the project's codebook over `items` transcripts drawn uniformly."""
    sample = draw_sample(project=project, name=name, design=UNIFORM, n=items, seed=7, actor=owner)
    version = CodebookVersion.objects.get(codebook__project=project)
    return queues.open_round(
        project=project, name=name, sample=sample, codebook_version=version, members=crew, overlap=overlap,
        policy=policy, actor=owner,
    )  # fmt: skip
