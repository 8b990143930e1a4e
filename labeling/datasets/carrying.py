"""What messages of a release carry: which images, sounds and files they refer to, and these as files where it includes them.

    attachments/<sha256>   the bytes, as they came

Only what came in with the transcripts themselves is taken, so that a release of one moment has the same files for ever.
Where a release leaves out what tools said, it leaves out what they carried.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import Q

from auditor.corpus.models import Attachment, Segment, Transcript
from labeling.datasets.definition import Definition
from labeling.datasets.models import Release
from labeling.datasets.rows.texts import TOOL_PARTS

FOLDER = "attachments"
BLOCK = 1 << 20  # bytes
AT_ONCE = 1000  # rows read together


class DamagedAttachment(RuntimeError):
    """The storage does not hold what the attachment's row says."""


@dataclass
class Reference:
    """One attachment, as messages refer to it."""

    media_type: str
    messages: int = 0
    beyond_tools: bool = False  # somebody else than tools carries it too
    size: int | None = None  # bytes; None: they are not held here
    included: bool = False


class Carried:
    """The attachments that records refer to, by their sha256."""

    def __init__(self) -> None:
        self.found: dict[str, Reference] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """What the messages of one more record carry."""
        for message in record["transcript"]["messages"] or ():
            if message["parts"]:
                self._add(message)

    def listed(self) -> list[dict[str, Any]]:
        """As the manifest says it, by sha256."""
        return [
            {
                "sha256": digest, "media_type": one.media_type, "messages": one.messages, "size": one.size,
                "included": one.included,
            }
            for digest, one in sorted(self.found.items())
        ]  # fmt: skip

    def _add(self, message: Mapping[str, Any]) -> None:
        said: dict[str, tuple[str, bool]] = {}
        for part in message["parts"]:
            if digest := part.get("blob"):
                tool = message["role"] == "tool" or part.get("kind") in TOOL_PARTS
                before = said.get(digest, ("", True))
                said[digest] = (before[0] or str(part.get("media_type") or ""), before[1] and tool)
        for digest, (media_type, tool) in said.items():
            one = self.found.setdefault(digest, Reference(media_type))
            one.messages += 1
            one.beyond_tools |= not tool


def write_attachments(
    folder: Path, release: Release, carried: Carried, *, beat: Callable[[], None] = lambda: None
) -> list[str]:
    """Write the attachments that the release includes, and say of all of them how large they are; the names of the files.

    Raises:
        DamagedAttachment: the storage has lost one, or holds other bytes under its name.
    """
    definition = Definition.from_json(release.parameters)
    names = []
    for digest, path, size in _held(release, carried):
        one = carried.found[digest]
        one.size = size
        if definition.attachments and (definition.tools or one.beyond_tools):
            names.append(f"{FOLDER}/{digest}")
            _copy(path, folder / names[-1], digest)
            one.included = True
            beat()
    return names


def _held(release: Release, carried: Carried) -> Iterator[tuple[str, str, int]]:
    """(sha256, path, bytes) of what came in with the release's transcripts or those that they branch off."""
    mine = release.items.order_by().values("transcript_id")
    batches = Transcript.objects.filter(
        Q(pk__in=mine) | Q(pk__in=Segment.objects.filter(transcript_id__in=mine).values("owner_id"))
    )
    ids = sorted(set(batches.values_list("batch_id", flat=True))) if carried.found else []
    digests = sorted(carried.found)
    for start in range(0, len(digests), AT_ONCE):
        rows = Attachment.objects.filter(batch_id__in=ids, digest__in=digests[start : start + AT_ONCE])
        rows = rows.order_by("digest", "pk")
        yield from rows.distinct("digest").values_list("digest", "path", "size")


def _copy(path: str, into: Path, digest: str) -> None:
    into.parent.mkdir(exist_ok=True)
    found = hashlib.sha256()
    try:
        with default_storage.open(path, "rb") as stored, into.open("wb") as out:
            while block := stored.read(BLOCK):
                found.update(block)
                out.write(block)
    except FileNotFoundError as problem:
        raise DamagedAttachment(f"the storage has lost the attachment {digest}") from problem
    if found.hexdigest() != digest:
        raise DamagedAttachment(f"the storage holds other bytes than those of the attachment {digest}")
