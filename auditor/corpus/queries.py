"""Questions about transcripts and where they came from."""

from collections.abc import Iterable

from auditor.corpus.models import ImportBatch, Message, Transcript


def texts_of(message: Message) -> dict[str, str]:
    """The parts of a message that anchors may point into, by the part's name."""
    texts = {"text": message.text}
    if message.reasoning:
        texts["reasoning"] = message.reasoning
    for index, part in enumerate(message.parts):
        if part.get("text"):
            texts[f"part:{index}"] = part["text"]
    return texts


def messages_of(transcript_ids: Iterable[int]) -> dict[int, list[Message]]:
    """Messages in order for each transcript, in one query; the search vector is left behind."""
    found: dict[int, list[Message]] = {pk: [] for pk in transcript_ids}
    for message in (
        Message.objects.filter(transcript_id__in=list(found))
        .defer("search")
        .order_by("transcript_id", "position")
    ):
        found[message.transcript_id].append(message)
    return found


def batches_of(project_id: int) -> list[ImportBatch]:
    """The imports of a project, newest first."""
    rows = ImportBatch.objects.filter(project_id=project_id).select_related("run", "created_by", "source")
    return list(rows.order_by("-id")[:200])


def ids_by_external_id(project_id: int, external_ids: Iterable[str]) -> dict[str, list[int]]:
    """Transcript ids for each external id; several ids mean that the key is ambiguous."""
    found: dict[str, list[int]] = {}
    rows = Transcript.objects.filter(project_id=project_id, external_id__in=set(external_ids))
    for key, pk in rows.order_by("pk").values_list("external_id", "pk"):
        found.setdefault(key, []).append(pk)
    return found


def ids_by_fingerprint(project_id: int, fingerprints: Iterable[str]) -> dict[str, list[int]]:
    """Transcript ids for each content fingerprint."""
    found: dict[str, list[int]] = {}
    rows = Transcript.objects.filter(project_id=project_id, fingerprint__in=set(fingerprints))
    for key, pk in rows.order_by("pk").values_list("fingerprint", "pk"):
        found.setdefault(key, []).append(pk)
    return found
