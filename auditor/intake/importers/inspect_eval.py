"""Inspect `.eval` logs: a zip with a file per sample, or a folder of chunks per sample.

    header.json  or  _journal/start.json             the run, the latter in interrupted logs
    samples/<id>_epoch_<n>.json                      one sample ("monolith")
    samples/<id>_epoch_<n>/sample.json               one sample in chunks, with
        metadata.json messages/<first>.json attachments/<first>.json

Ids may hold slashes and spaces: the last `_epoch_` counts. Both layouts may be mixed. Samples are
read one at a time, in the archive's order. The digest is the sha256 of the sample's decompressed bytes
(for chunks: of those we read, in order). Layout: inspect_ai 0.3.285, `log/_recorders`.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from auditor.corpus.jsontext import NotJson, decode_json
from auditor.corpus.records import ParsedTranscript, Place, Rejection
from auditor.corpus.sanitise import clean_text
from auditor.intake.importers.inspect_sample import RunHeader, convert_sample
from auditor.intake.importers.mapping import Mapping
from auditor.intake.importers.records import Parsed, rejected
from auditor.intake.importers.zipmembers import MEMBER_LIMIT, BadMember, open_archive, read_member

HEADER_LIMIT = 64 * 1024 * 1024  # bytes
_SAMPLE = re.compile(r"samples/(?P<id>.*)_epoch_(?P<epoch>\d{1,9})(?P<shell>/sample)?\.json", re.DOTALL)
_CHUNK = re.compile(r"(?P<prefix>samples/.*_epoch_\d{1,9})/(?P<sequence>messages|attachments)/(?P<start>\d{1,12})\.json", re.DOTALL)  # fmt: skip
_IN_CHUNKS = re.compile(r"(samples/.*_epoch_\d{1,9})/.*", re.DOTALL)


@dataclass(slots=True)
class _Sample:
    """Where one sample stands in the archive."""

    info: zipfile.ZipInfo
    named: tuple[str, int]  # id and epoch
    prefix: str  # folder of its chunks; empty for a monolith
    chunks: dict[str, list[tuple[int, zipfile.ZipInfo]]] = field(default_factory=dict)


def parse(source: BinaryIO, *, name: str, mapping: Mapping | None = None) -> Parsed:
    """A transcript or a rejection for each sample; holds one sample at a time. `source` can seek."""
    try:
        archive = open_archive(source)
    except BadMember as problem:
        yield rejected(Place(0), str(problem))
        return
    with archive:
        header, problems = _header(archive)
        yield from problems
        record = 0
        samples, strangers = _samples(archive)
        for record, sample in enumerate(samples, start=1):
            yield _read(archive, sample, record, header)
        for stranger, reason in strangers:
            record += 1
            yield rejected(Place(record, member=clean_text(stranger)), reason)
        if not record:
            yield rejected(Place(0), "the archive holds no samples")


def _header(archive: zipfile.ZipFile) -> tuple[RunHeader, list[Rejection]]:
    problems: list[Rejection] = []
    for member in ("header.json", "_journal/start.json"):
        if member not in archive.NameToInfo:
            continue
        try:
            return RunHeader.of(
                decode_json(read_member(archive, archive.getinfo(member), HEADER_LIMIT))
            ), problems
        except (BadMember, NotJson, RecursionError) as problem:
            problems.append(rejected(Place(0, member=member), f"{member} {problem}"))
    return RunHeader(), problems


def _samples(archive: zipfile.ZipFile) -> tuple[list[_Sample], list[tuple[str, str]]]:
    """The samples in the archive's order, and (name, reason) of what is among them but none.

    Of two members with one name the later replaced the earlier when the log was written.
    """
    samples: dict[str, _Sample] = {}
    strangers, chunks = [], []
    for info in archive.infolist():
        name = info.filename
        if not name.startswith("samples/") or name.endswith("/"):
            continue
        if archive.NameToInfo.get(name) is not info:
            strangers.append((name, "an earlier copy of this member; the later one is read"))
        elif found := _SAMPLE.fullmatch(name):
            prefix = name.removesuffix("/sample.json") if found["shell"] else ""
            samples[prefix or name] = _Sample(info, (found["id"], int(found["epoch"])), prefix)
        else:
            chunks.append(info)
    for info in chunks:
        found = _IN_CHUNKS.fullmatch(info.filename)
        owner = samples.get(found[1]) if found else None
        if owner is None:
            strangers.append((info.filename, "not the name of a sample"))
        elif chunk := _CHUNK.fullmatch(info.filename):
            owner.chunks.setdefault(chunk["sequence"], []).append((int(chunk["start"]), info))
    return list(samples.values()), strangers


def _read(
    archive: zipfile.ZipFile, sample: _Sample, record: int, header: RunHeader
) -> ParsedTranscript | Rejection:
    member = clean_text(sample.info.filename)
    place = Place(record, member=member)
    try:
        data = read_member(archive, sample.info)
        digest = hashlib.sha256(data)
        place = Place(record, member=member, start=0, length=len(data))
        value, attachments = decode_json(data), None
        if sample.prefix and isinstance(value, dict):
            value, attachments = _from_chunks(archive, sample, value, digest)
        return convert_sample(
            value,
            digest=digest.hexdigest(),
            place=place,
            header=header,
            attachments=attachments,
            named=sample.named,
        )
    except (BadMember, NotJson) as problem:
        return rejected(place, str(problem))
    except RecursionError:
        return rejected(place, "nested too deeply")
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as problem:
        return rejected(place, str(problem) or type(problem).__name__)


def _from_chunks(
    archive: zipfile.ZipFile, sample: _Sample, shell: dict[str, Any], digest: "hashlib._Hash"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the sample as it would stand in one file, its attachments by reference)."""
    budget = [MEMBER_LIMIT]
    pooled = [item for _, item in _sequence(archive, sample, "messages", digest, budget)]
    attachments = {
        str(index): item for index, item in _sequence(archive, sample, "attachments", digest, budget)
    }
    messages: list[Any] = []
    for first, end in _ranges(shell.get("message_refs")):
        if not 0 <= first <= end <= len(pooled) or len(messages) + end - first > 1_000_000:
            raise ValueError(f"the sample refers to messages {first} to {end} of {len(pooled)}")
        messages += pooled[first:end]
    metadata = archive.NameToInfo.get(f"{sample.prefix}/metadata.json")
    if metadata is not None:
        data = read_member(archive, metadata, budget[0])
        digest.update(data)
        shell = {**shell, "metadata": decode_json(data)}
    return {**shell, "messages": messages}, attachments


def _sequence(
    archive: zipfile.ZipFile, sample: _Sample, name: str, digest: "hashlib._Hash", budget: list[int]
) -> Iterator[tuple[int, Any]]:
    """(index, item) of a sequence kept in chunks, which are named by the index of their first item."""
    expected = 0
    for start, info in sorted(sample.chunks.get(name, []), key=lambda chunk: chunk[0]):
        if start != expected:
            raise ValueError(f"{name} {expected} to {start} are missing")
        data = read_member(archive, info, budget[0])
        budget[0] -= len(data)
        digest.update(data)
        items = decode_json(data)
        if not isinstance(items, list):
            raise ValueError(f"{clean_text(info.filename)} is no list")
        for item in items:
            yield expected, item
            expected += 1


def _ranges(refs: Any) -> Iterator[tuple[int, int]]:
    """Half-open ranges of indices."""
    for ref in refs or []:
        if not (isinstance(ref, list) and len(ref) == 2 and all(isinstance(end, int) for end in ref)):
            raise ValueError("message_refs holds something that is no range")
        yield ref[0], ref[1]
