"""Import against the floor: the very same rows, copied into the same tables by COPY alone."""

from collections.abc import Iterator
from pathlib import Path

from django.db import connection, transaction

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.writer import MESSAGE_COLUMNS, TRANSCRIPT_COLUMNS
from auditor.intake.actions import import_file
from bench.harness import Result, forget_peak, peak_megabytes, seconds
from bench.scene import MAPPING, write_jsonl

TABLES = {"corpus_transcript": TRANSCRIPT_COLUMNS, "corpus_message": MESSAGE_COLUMNS}


def run(project: Project, owner: User, size: int, folder: Path) -> Iterator[Result]:
    """Import a file, then copy what it stored out, delete it, and copy it back in: the floor."""
    path = write_jsonl(folder / f"{size}.jsonl", size)
    forget_peak()
    before = peak_megabytes()
    took = seconds(
        lambda: import_file(
            project=project,
            path=path,
            file_name=path.name,
            format="mapped_jsonl",
            mapping=MAPPING,
            actor=owner,
        )
    )
    assert Transcript.objects.of(project.pk).count() == size
    memory = peak_megabytes()
    again = seconds(
        lambda: import_file(
            project=project,
            path=path,
            file_name=path.name,
            format="mapped_jsonl",
            mapping=MAPPING,
            actor=owner,
        )
    )
    floor = _floor(project)
    conditions = {"file_mb": round(path.stat().st_size / 1e6, 1), "messages": 10, "channels": 2}
    yield Result("import.time", size, took, "s", floor, conditions)
    yield Result("import.rate", size, size / took, "1/s", None, conditions)
    yield Result(
        "import.again", size, again, "s", floor, {**conditions, "note": "everything is there already"}
    )
    yield Result(
        "import.memory", size, memory, "MB", None, {"before_mb": round(before), "note": "peak of the process"}
    )


def _floor(project: Project) -> float:
    """Seconds to COPY the same transcripts and messages (no readings) into their tables, indexes and all."""
    held: dict[str, list[bytes]] = {}
    with connection.cursor() as cursor:
        for table, columns in TABLES.items():
            where = f"project_id = {project.pk}" if table == "corpus_transcript" else (
                f"transcript_id IN (SELECT id FROM corpus_transcript WHERE project_id = {project.pk})"
            )  # fmt: skip
            query = f"COPY (SELECT {', '.join(columns)} FROM {table} WHERE {where}) TO STDOUT"
            with cursor.copy(query) as copy:
                held[table] = [bytes(block) for block in copy]
    sink = transaction.atomic()
    with sink, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE floor_transcript (LIKE corpus_transcript INCLUDING ALL)")
        cursor.execute("CREATE TABLE floor_message (LIKE corpus_message INCLUDING ALL)")

        def copy_in() -> None:
            for table, blocks in held.items():
                name = table.replace("corpus_", "floor_")
                with cursor.copy(f"COPY {name} ({', '.join(TABLES[table])}) FROM STDIN") as copy:
                    for block in blocks:
                        copy.write(block)

        took = seconds(copy_in)
        cursor.execute("DROP TABLE floor_message, floor_transcript")
    return took
