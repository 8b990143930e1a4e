"""Questions about transcripts and where they came from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from auditor.corpus.jsontext import encode_json
from auditor.corpus.models import ImportBatch, Message, Segment, Transcript
from auditor.web.plainrows import Columns
from auditor.web.prepared import prepared

UUIDS = """
    SELECT metadata->>'uuid', corpus_transcript.id
    FROM unnest(%s::jsonb[]) AS wanted(facts) JOIN corpus_transcript ON metadata @> wanted.facts
    WHERE project_id = %s AND NOT jsonb_exists(place, 'branch') ORDER BY corpus_transcript.id
"""
MESSAGES = Columns(Message)
OWN = f"""
    SELECT {MESSAGES.of("message")} FROM corpus_message message
    WHERE transcript_id = %s AND position >= %s AND position < %s ORDER BY position
"""  # noqa: S608 - made of constants


def array_of(ids: Iterable[int]) -> RawSQL:
    """Ids as one array, for `__in`: a list of thousands of parameters takes longer to send than to answer."""
    return RawSQL("SELECT unnest(%s::bigint[])", [array_text(ids)])


def array_text(ids: Iterable[int]) -> str:
    """Ids as PostgreSQL spells an array, for a parameter that is cast to `bigint[]`.

    The driver looks at each member of a list in Python, which for thousands takes longer than the statement.
    """
    return "{" + ",".join(map(str, ids)) + "}"


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
    """Messages in order for each transcript; a branch has those it shares with its parents too.

    Two queries, and one more for every hundred stretches that branches share.
    """
    wanted = list(transcript_ids)
    found: dict[int, list[Message]] = {pk: [] for pk in wanted}
    for stretch in _shared(Segment.objects.filter(transcript_id__in=wanted)):
        found[stretch.transcript_id] += stretch.messages
    for message in Message.objects.filter(transcript_id__in=wanted).order_by("transcript_id", "position"):
        found[message.transcript_id].append(message)
    return found


def messages_between(transcript: Transcript, first: int, end: int) -> list[Message]:
    """The messages at positions `first` to `end` (exclusive), in order, whoever stores them."""
    found: list[Message] = []
    if transcript.parent_id is not None and first < transcript.shared:
        inherited = Segment.objects.filter(transcript=transcript, start__lt=end, end__gt=first)
        for stretch in _shared(inherited, first, end):
            found += stretch.messages
    with prepared() as cursor:
        cursor.execute(OWN, [transcript.pk, first, end])
        return found + [MESSAGES.row(iter(row)) for row in cursor.fetchall()]


def own_messages(transcript: Transcript) -> list[tuple[int, int, int]]:
    """(owner, start, end) of every stretch of the transcript in order; one alone unless it is a branch."""
    inherited = Segment.objects.filter(transcript=transcript).order_by("start")
    stretches = list(inherited.values_list("owner_id", "start", "end")) if transcript.parent_id else []
    return [*stretches, (transcript.pk, transcript.shared, transcript.n_messages)]


def positions_of_role(transcript: Transcript, role: str, first: int, end: int) -> set[int]:
    """Which of the messages at positions `first` to `end` (exclusive) are of this role, whoever stores them."""
    found: set[int] = set()
    for owner, low, high in own_messages(transcript):
        rows = Message.objects.filter(
            transcript_id=owner, role=role, position__gte=max(low, first), position__lt=min(high, end)
        )
        found.update(rows.values_list("position", flat=True))
    return found


@dataclass(frozen=True)
class _Stretch:
    transcript_id: int
    messages: list[Message]


def _shared(segments: QuerySet[Segment], first: int = 0, end: int | None = None) -> Iterator[_Stretch]:
    """The messages of each segment (those at `first` to `end` only), a hundred segments a query."""
    rows = list(segments.order_by("transcript_id", "start"))
    for at in range(0, len(rows), 100):
        some = rows[at : at + 100]
        bounds = [(max(one.start, first), one.end if end is None else min(one.end, end)) for one in some]
        either = Q()
        for one, (low, high) in zip(some, bounds, strict=True):
            either |= Q(transcript_id=one.owner_id, position__gte=low, position__lt=high)
        stored: dict[int, list[Message]] = {}
        for message in Message.objects.filter(either).order_by("position"):
            stored.setdefault(message.transcript_id, []).append(message)
        for one, (low, high) in zip(some, bounds, strict=True):
            inside = [m for m in stored.get(one.owner_id, []) if low <= m.position < high]
            yield _Stretch(one.transcript_id, inside)


def batches_of(project_id: int) -> list[ImportBatch]:
    """The imports of a project, newest first."""
    rows = ImportBatch.objects.filter(project_id=project_id).select_related("run", "created_by")
    return list(rows.prefetch_related("files__source").order_by("-id")[:200])


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


def ids_by_uuid(project_id: int, uuids: Iterable[str]) -> dict[str, list[int]]:
    """Transcript ids for each `uuid` that the metadata states; branches, which state it too, are left out."""
    wanted = sorted(set(uuids))
    if not wanted:
        return {}
    found: dict[str, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(UUIDS, [[encode_json({"uuid": uuid}) for uuid in wanted], project_id])
        for uuid, pk in cursor.fetchall():
            found.setdefault(uuid, []).append(pk)
    return found
