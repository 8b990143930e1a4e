"""Files of explanations that come by browser or program: kept, then read by a worker."""

from collections.abc import Iterable
from dataclasses import asdict

from django.conf import settings
from django.db import transaction

from auditor.accounts.models import User
from auditor.corpus.sources import keep_source, open_source
from auditor.interp.actions.features import import_explanations
from auditor.interp.actions.naming import CannotDo
from auditor.interp.modelfiles import TooLarge, arriving
from auditor.interp.models import Dictionary, ExplanationFile
from auditor.ledger.actions import record
from auditor.runs.actions import Ticket, open_run

EXPLAIN_TASK = "interp.explain"


def hand_in(
    *,
    dictionary: Dictionary,
    chunks: Iterable[bytes],
    file_name: str,
    actor: User,
    source: str = "",
    context_tokens: int | None = None,
    n_examples: int | None = None,
) -> ExplanationFile:
    """Keep a file, with a queued run that reads it; ring for it with `tasks.queue_explanations`.

    Raises:
        CannotDo: it is larger than an upload may be.
    """
    try:
        with arriving(chunks, limit=settings.MAX_UPLOAD_BYTES) as came:
            kept = keep_source(came.path)
    except TooLarge as problem:
        raise CannotDo(
            f"{problem} manage.py interp explanations reads files of any size.", field="file"
        ) from problem
    with transaction.atomic():
        run = open_run(
            project_id=dictionary.project_id, kind="explanations", title=f"Explanations of {dictionary.name}: {file_name}"[:300],
            task=EXPLAIN_TASK, actor=actor, unit="lines",
        )  # fmt: skip
        made = ExplanationFile.objects.create(
            dictionary=dictionary, source_file=kept, file_name=file_name[:200], source=source, run=run,
            context_tokens=context_tokens, n_examples=n_examples, created_by=actor,
        )  # fmt: skip
        record(
            verb="explanations.handed_in", subject=made, actor=actor, project_id=dictionary.project_id,
            file=made.file_name, sha256=kept.digest,
        )  # fmt: skip
    return made


def take_in(ticket: Ticket) -> None:
    """Read the file of a run; what it says twice is written once, so a second run is safe."""
    rows = ExplanationFile.objects.select_related("dictionary", "source_file", "created_by")
    row = rows.get(run=ticket.run)
    assert row.created_by is not None
    lines = 0

    def beat(n: int) -> None:
        nonlocal lines
        lines = n
        ticket.beat(done=n, note=f"{n:,} lines")

    with open_source(row.source_file) as stream:
        said = import_explanations(
            dictionary=row.dictionary, stream=stream, file_name=row.file_name, actor=row.created_by, source=row.source,
            context_tokens=row.context_tokens, n_examples=row.n_examples,
            beat=beat,
        )  # fmt: skip
    row.brought = asdict(said)
    row.save(update_fields=["brought"])
    ticket.beat(done=lines, note=said.in_words(), force=True)
