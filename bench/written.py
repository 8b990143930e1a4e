"""A transcript that was never in a file, by the corpus's own writer."""

import hashlib
from collections.abc import Sequence

from auditor.accounts.models import Project
from auditor.corpus.models import ImportBatch, ImportFile, SourceFile, Transcript
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place
from auditor.corpus.writer import write


def chat(project: Project, texts: Sequence[str]) -> Transcript:
    """The texts by turns of the user and the assistant."""
    source, _ = SourceFile.objects.get_or_create(
        digest="0" * 64, defaults={"size": 0, "path": "sources/none"}
    )
    batch = ImportBatch.objects.create(project=project, file_name="made.jsonl", format="openai_chat")
    file = ImportFile.objects.create(
        batch=batch, ordinal=0, name="made.jsonl", source=source, digest=source.digest, size=0, format="openai_chat",
    )  # fmt: skip
    parsed = ParsedTranscript(
        digest=hashlib.sha256("\0".join(texts).encode()).hexdigest(),
        place=Place(record=1),
        messages=tuple(ParsedMessage(role=("user", "assistant")[n % 2], text=text) for n, text in enumerate(texts)),
        external_id=f"made-{len(texts)}",
    )  # fmt: skip
    (written,) = write(batch, [parsed], file=file)
    return Transcript.objects.get(pk=written.pairs[0][1])
