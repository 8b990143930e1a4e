"""Import against the floor: the very same rows, copied into the same tables by COPY alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from auditor.accounts.models import Project, User
from auditor.corpus.models import ImportBatch, Transcript
from auditor.corpus.rows import MESSAGE_COLUMNS, TRANSCRIPT_COLUMNS
from auditor.intake.actions import import_file
from auditor.runs.models import Run
from bench.harness import Result, children_megabytes, forget_peak, peak_megabytes, seconds
from bench.scene import MAPPING, MESSAGES, begin, write_jsonl

TABLES = {"corpus_transcript": TRANSCRIPT_COLUMNS, "corpus_message": MESSAGE_COLUMNS}
WORDS = ("transcript_id", "position", "role", "search")
SHORT = {"messages": 4, "words": 20}  # about 600 bytes a transcript


@dataclass(frozen=True)
class _Taken:
    """Seconds that one import took, and after it the making of its full text."""

    rows: float
    words: float
    megabytes: float  # the most that the process held
    reader: float  # the most that the process which read the file held, if there was one


def run(project: Project, owner: User, size: int, folder: Path) -> Iterator[Result]:
    """A plain chat file into a project of its own, with its full text; then one with scores into `project`."""
    yield from _plain(owner, size, folder)
    yield from stocked(project, owner, size, folder)


def _plain(owner: User, size: int, folder: Path) -> Iterator[Result]:
    plain, _ = begin(f"Plain {size}")
    path = write_jsonl(folder / "plain.jsonl", size, judged=False)
    forget_peak()
    before = peak_megabytes()
    taken = _take(plain, owner, path)
    assert Transcript.objects.of(plain.pk).count() == size
    again = _take(plain, owner, path)
    weight = _weight()
    floor, words = _floor(plain)
    conditions = {
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "messages": MESSAGES,
        "format": "openai_chat",
    }
    path.unlink()
    yield Result("import.time", size, taken.rows, "s", floor, conditions)
    yield Result("import.rate", size, size / taken.rows, "1/s", None, conditions)
    yield Result("import.again", size, again.rows, "s", floor, {**conditions, "note": "everything is there"})
    yield Result(
        "import.memory", size, taken.megabytes, "MB", None,
        {"before_mb": round(before), "reader_mb": round(taken.reader), "note": "both at their peaks"},
    )  # fmt: skip
    yield Result("index.time", size, taken.words, "s", words, {**conditions, **weight})
    whole = taken.rows + taken.words
    yield Result("import.whole", size, whole, "s", floor + words, {**conditions, "note": "rows, then words"})
    yield Result("index.rate", size, size / taken.words, "1/s", None, {})


def stocked(project: Project, owner: User, size: int, folder: Path) -> Iterator[Result]:
    """A chat file with two judges' scores into `project`, by mapping; full text after it."""
    path = write_jsonl(folder / "judged.jsonl", size)
    scored = _take(project, owner, path, format="mapped_jsonl", mapping=MAPPING)
    conditions = {"file_mb": round(path.stat().st_size / 1e6, 1), "channels": 2, "format": "mapped_jsonl"}
    path.unlink()
    floor, _ = _floor(project)
    yield Result("import.scores", size, scored.rows, "s", floor, conditions)


def scale(owner: User, size: int, folder: Path) -> Iterator[Result]:
    """Short transcripts, a tenth of `size` of them and then `size`: growth is linear if the rates are equal."""
    for some in (size // 10, size):
        project, _ = begin(f"Short {some}")
        path = write_jsonl(folder / f"{some}.jsonl", some, judged=False, **SHORT)
        forget_peak()
        before = peak_megabytes()
        taken = _take(project, owner, path)
        conditions: dict[str, Any] = {"file_mb": round(path.stat().st_size / 1e6, 1), **SHORT}
        path.unlink()
        floor, words = _floor(project)
        yield Result("scale.time", some, taken.rows, "s", floor, conditions)
        yield Result("scale.rate", some, some / taken.rows, "1/s", None, conditions)
        yield Result(
            "scale.memory",
            some,
            taken.megabytes,
            "MB",
            None,
            {"before_mb": round(before), "reader_mb": round(taken.reader)},
        )
        yield Result("scale.index", some, taken.words, "s", words, {**conditions, **_weight()})
        whole = taken.rows + taken.words
        yield Result("scale.whole", some, whole, "s", floor + words, conditions)


def _take(
    project: Project, owner: User, path: Path, *, format: str = "openai_chat", mapping: Any = None
) -> _Taken:
    batches: list[ImportBatch] = []
    others, reader = children_megabytes(), 0.0  # the servers are children too

    def watch(done: int, words: str) -> None:
        nonlocal reader
        reader = max(reader, children_megabytes() - others)

    def bring() -> None:
        batches.append(
            import_file(
                project=project, path=path, file_name=path.name, format=format, mapping=mapping, actor=owner,
                beat=watch,
            )
        )  # fmt: skip

    whole = seconds(bring)
    run = Run.objects.filter(indexed_batch=batches[0]).first()
    words = (
        (run.finished_at - run.started_at).total_seconds()
        if run and run.finished_at and run.started_at
        else 0
    )
    return _Taken(rows=whole - words, words=words, megabytes=peak_megabytes() + reader, reader=reader)


def _weight() -> dict[str, int]:
    """How large full text is, with all projects of the server, and how large the messages are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_size('messages_by_words'), pg_total_relation_size('corpus_searchedmessage'),"
            " pg_total_relation_size('corpus_message')"
        )
        index, words, messages = cursor.fetchone()
    return {"gin_mb": index // 10**6, "words_mb": words // 10**6, "messages_mb": messages // 10**6}


def _floor(project: Project) -> tuple[float, float]:
    """Seconds to COPY the same transcripts and messages (no readings) into their tables, indexes and all; and
    seconds to COPY the words of these messages, made before, into their table with its full-text index.

    The rows wait in the server's own file format outside the clock, a table at a time.
    """
    tables = {**TABLES, "corpus_searchedmessage": WORDS}
    with transaction.atomic(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"CREATE TABLE {table.replace('corpus_', 'floor_')} (LIKE {table} INCLUDING ALL)")
        *rows, words = [_copied(cursor, project.pk, table, columns) for table, columns in tables.items()]
        cursor.execute("DROP TABLE floor_searchedmessage, floor_message, floor_transcript")
    return sum(rows), words


def _copied(cursor: Any, project_id: int, table: str, columns: tuple[str, ...]) -> float:
    where = f"project_id = {project_id}" if table == "corpus_transcript" else (
        f"transcript_id IN (SELECT id FROM corpus_transcript WHERE project_id = {project_id})"
    )  # fmt: skip
    names = ", ".join(columns)
    with cursor.copy(f"COPY (SELECT {names} FROM {table} WHERE {where} ORDER BY 1, 2) TO STDOUT") as copy:
        held = [bytes(block) for block in copy]
    blocks = [b"".join(held[at : at + 500]) for at in range(0, len(held), 500)]

    def copy_in() -> None:
        with cursor.copy(f"COPY {table.replace('corpus_', 'floor_')} ({names}) FROM STDIN") as copy:
            for block in blocks:
                copy.write(block)

    return seconds(copy_in)
