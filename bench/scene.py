"""Invented transcripts of 10 messages and 4 KB, the same for the same seed, and the people who review them."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role, User
from auditor.corpus.indexing import index_here
from auditor.corpus.models import ImportBatch, ImportFile, SourceFile
from auditor.corpus.records import ParsedMessage, ParsedScore, ParsedTranscript, Place
from auditor.corpus.writer import write
from auditor.intake.actions import import_file
from auditor.intake.scores import ScoreWriter
from auditor.sampling.actions import draw_sample
from auditor.sampling.designs.design import Design
from labeling.codebooks.models import CodebookVersion
from labeling.overview.actions import begin_project
from labeling.queues import actions as queues
from labeling.queues.models import REVEAL, Round

MESSAGES = 10
MESSAGE_WORDS = 52  # with roles and structure about 4 KB a transcript
VOCABULARY = 20_000
SYLLABLES = [
    "ka",
    "re",
    "mi",
    "to",
    "sel",
    "dan",
    "vor",
    "lu",
    "pin",
    "ash",
    "ter",
    "ou",
    "gri",
    "ne",
    "bal",
    "chi",
    "mor",
    "wen",
    "da",
    "sti",
]


@cache
def vocabulary() -> tuple[list[str], list[float]]:
    """Invented words, the commonest first, and their cumulated weights by Zipf's law: word n has 1/(n + 2)."""
    words = []
    for number in range(VOCABULARY):
        word, left = "", number + len(SYLLABLES)
        while left:
            left, at = divmod(left, len(SYLLABLES))
            word += SYLLABLES[at]
        words.append(word)
    return words, list(accumulate(1 / (number + 2) for number in range(VOCABULARY)))


def write_jsonl(
    path: Path,
    size: int,
    *,
    seed: int = 7,
    messages: int = MESSAGES,
    words: int = MESSAGE_WORDS,
    judged: bool = True,
) -> Path:
    """A chat JSONL file of `size` transcripts with a model and a condition, and two judges' scores if `judged`."""
    rng = Random(seed)
    known, weights = vocabulary()
    with path.open("w", encoding="utf-8") as file:
        for number in range(size):
            said = rng.choices(known, cum_weights=weights, k=messages * words)
            record: dict[str, Any] = {
                "id": f"bench-{number:07d}",
                "model": f"model-{number % 3}",
                "condition": ("monitored", "unmonitored")[number % 2],
                "task": f"task-{number % 97}",
                "messages": [
                    {
                        "role": "user" if turn % 2 == 0 else "assistant",
                        "content": " ".join(said[turn * words : (turn + 1) * words]),
                    }
                    for turn in range(messages)
                ],
            }
            if judged:
                record["judges"] = {name: {"score": rng.randrange(101)} for name in ("quill", "sable")}
            file.write(json.dumps(record) + "\n")
    return path


MAPPING = {
    "conversation": "messages",
    "id": ["id"],
    "model": "model",
    "conditions": {"oversight": "condition"},
    "scores": [{"path": "judges.*.score", "channel": "judge.*", "kind": "judge"}],
}


def begin(name: str) -> tuple[Project, User]:
    """A new project and its owner."""
    email = f"{''.join(c for c in name.lower() if c.isalnum())}@example.org"
    owner = accounts.create_user(email=email, name="Bench", may_create_projects=True)
    return begin_project(name=name, owner=owner), owner


def stock(project: Project, owner: User, size: int, *, seed: int = 7) -> None:
    """Import `size` invented transcripts from a file."""
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


def fill(project: Project, owner: User, size: int, *, messages: int, words: int, seed: int = 7) -> None:
    """The same without a file, through the writer: for sizes at which only what comes afterwards is measured."""
    source, _ = SourceFile.objects.get_or_create(
        digest="0" * 64, defaults={"size": 0, "path": "sources/none"}
    )
    batch = ImportBatch.objects.create(
        project=project, file_name="filled", format="mapped_jsonl", created_by=owner
    )
    file = ImportFile.objects.create(
        batch=batch, ordinal=0, name="filled", source=source, digest=source.digest, size=0, format="mapped_jsonl",
        done=True,
    )  # fmt: skip
    made = _invented(size, messages, words, Random(seed))
    for _ in write(batch, made, file=file, attach=ScoreWriter(batch, owner).write):
        pass
    index_here(batch=batch, actor=owner)


def _invented(size: int, messages: int, words: int, rng: Random) -> Iterator[ParsedTranscript]:
    known, weights = vocabulary()
    for number in range(size):
        said = rng.choices(known, cum_weights=weights, k=messages * words)
        yield ParsedTranscript(
            digest=sha256(f"{size} {number}".encode()).hexdigest(),
            place=Place(number + 1, line=number + 1),
            messages=tuple(
                ParsedMessage(
                    "user" if turn % 2 == 0 else "assistant", " ".join(said[turn * words :][:words])
                )
                for turn in range(messages)
            ),
            external_id=f"bench-{number:07d}",
            model=f"model-{number % 3}",
            conditions={"oversight": ("monitored", "unmonitored")[number % 2]},
            metadata={"task": f"task-{number % 97}"},
            scores=tuple(
                ParsedScore(f"judge.{name}", "judge", float(rng.randrange(101)))
                for name in ("quill", "sable")
            ),
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
    helping: bool = False,
) -> Round:
    """A round by the project's codebook over `items` transcripts drawn uniformly."""
    sample = draw_sample(project=project, name=name, design=Design(n=items), seed=7, actor=owner)
    version = CodebookVersion.objects.get(codebook__project=project)
    return queues.open_round(
        project=project, name=name, sample=sample, codebook_version=version, members=crew, overlap=overlap,
        policy=policy, helping=helping, seed=7, actor=owner,
    )  # fmt: skip
