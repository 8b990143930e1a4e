"""Images, sounds and files that messages carry: kept once by their digest, named by the part's "blob"."""

from collections.abc import Iterable

from django.core.files.storage import default_storage
from django.db import transaction

from auditor.corpus.models import Attachment, ImportBatch
from auditor.corpus.rows import Carried
from auditor.corpus.sources import incoming, storage_lock, store_once


def keep_attachments(batch: ImportBatch, carried: Iterable[Carried]) -> None:
    """Store the bytes that messages carry; safe to repeat. The caller holds the transaction."""
    found: dict[str, Attachment] = {}
    for digest, media_type, data in carried:
        if not found:
            storage_lock()
        if digest in found:
            continue
        path = f"attachments/{digest[:2]}/{digest}"
        arrived = incoming()
        arrived.write_bytes(data)
        store_once(path, arrived)
        found[digest] = Attachment(
            batch=batch, digest=digest, media_type=media_type, size=len(data), path=path
        )  # fmt: skip
    Attachment.objects.bulk_create(found.values(), ignore_conflicts=True)


def forget_attachments(batch: ImportBatch) -> None:
    """Let go of what the batch's messages carried; bytes that no other batch names are removed.

    Call it outside a transaction, once the messages are gone.
    """
    held = list(Attachment.objects.filter(batch=batch).values_list("digest", "path"))
    Attachment.objects.filter(batch=batch).delete()
    for digest, path in held:
        with transaction.atomic():
            storage_lock(alone=True)
            if not Attachment.objects.filter(digest=digest).exists():
                default_storage.delete(path)
