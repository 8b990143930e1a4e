"""Images, sounds and files of a release, into the imports that its transcripts belong to."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from auditor.corpus.attachments import keep_attachments
from auditor.corpus.models import ImportBatch
from auditor.corpus.rows import Carried
from auditor.web.shapes import UNSTORABLE
from labeling.datasets.carrying import FOLDER
from labeling.datasets.importing.opening import CannotOpen, Opened
from labeling.datasets.importing.shape import TranscriptIn
from labeling.datasets.verifying import MANIFEST

LARGEST = 64 << 20  # bytes of one, which is held as a whole
LONGEST = 100  # characters of a media type
DIGEST = re.compile(r"[0-9a-f]{64}")


def included(release: Opened) -> dict[str, str]:
    """The media type of each attachment whose bytes the release has, by sha256.

    Raises:
        CannotOpen: the manifest says what is no attachment, or its bytes are others or missing.
    """
    files = {one["name"]: one for one in release.manifest["files"]}
    found = {}
    for one in release.manifest["attachments"]:
        digest, kind = one.get("sha256"), one.get("media_type")
        if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
            raise CannotOpen(f"{MANIFEST}: an attachment has no sha256")
        if not isinstance(kind, str) or len(kind) > LONGEST or UNSTORABLE.search(kind):
            raise CannotOpen(f"{MANIFEST}: attachment {digest[:12]}… has no media type that can be stored")
        if not one.get("included"):
            continue
        name = f"{FOLDER}/{digest}"
        if not release.has(name) or files[name]["sha256"] != digest:
            raise CannotOpen(f"{name}: missing, or not what its name says")
        if files[name]["size"] > LARGEST:
            raise CannotOpen(f"{name}: larger than {LARGEST >> 20} MB")
        found[digest] = kind
    return found


def carried_by(transcript: TranscriptIn) -> Iterator[str]:
    """The sha256 of what its messages refer to."""
    for message in transcript["messages"] or ():
        for part in message["parts"]:
            if isinstance(digest := part.get("blob"), str):
                yield digest


def write(
    release: Opened,
    kinds: Mapping[str, str],
    wanted: Mapping[ImportBatch, Iterable[str]],
    step: Callable[[int], None],
) -> None:
    """Store what the messages of each import refer to; the caller holds the transaction."""

    def bytes_of(digests: Iterable[str]) -> Iterator[Carried]:
        for digest in digests:
            step(0)
            yield Carried(digest, kinds[digest], (release.folder / FOLDER / digest).read_bytes())

    for batch, digests in wanted.items():
        keep_attachments(batch, bytes_of(sorted(set(digests) & kinds.keys())))
