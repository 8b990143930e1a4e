"""Files of releases over HTTP: whole, from a byte on, and all of them as one archive, streamed."""

import re
import zipfile
from collections.abc import Iterator
from io import RawIOBase
from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from labeling.datasets.models import Release, ReleaseFile

BLOCK = 256 * 1024  # bytes
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member of an archive, so that equal releases give equal archives
TYPES = {
    ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
}


def type_of(name: str) -> str:
    """The media type of a file by its ending; nothing that a browser would run."""
    return next((kind for ending, kind in TYPES.items() if name.endswith(ending)), "application/octet-stream")


def sent(request: HttpRequest, file: ReleaseFile) -> HttpResponseBase:
    """The file, or the one range of bytes that was asked for; its digest is its ETag."""
    tag = f'"{file.digest}"'
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or request.headers.get("If-Range", tag) != tag:
        answer: HttpResponseBase = FileResponse(default_storage.open(file.path, "rb"))
        answer["Content-Length"] = str(file.size)
    else:
        start, end = _span(asked[1], asked[2], file.size)
        if start >= end:
            refused = HttpResponse(status=416)
            refused["Content-Range"] = f"bytes */{file.size}"
            return refused
        answer = StreamingHttpResponse(_part(file, start, end), status=206)
        answer["Content-Length"] = str(end - start)
        answer["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    answer["ETag"] = tag
    answer["Accept-Ranges"] = "bytes"
    return _guarded(answer, file.name.rpartition("/")[2], type_of(file.name))


def archived(release: Release) -> HttpResponseBase:
    """All files of a release as one ZIP archive, stored as they are: equal releases give equal archives."""
    name = re.sub(r"[^\w.-]+", "-", release.name).strip("-.") or "release"
    answer = StreamingHttpResponse(_archive(list(release.files.all()), name))
    return _guarded(answer, f"{name}.zip", "application/zip")


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    """(start, end) in bytes; empty where there is nothing to send."""
    if not first:
        return (max(0, size - int(last)), size) if last else (0, 0)
    return int(first), min(size, int(last) + 1) if last else size


def _part(file: ReleaseFile, start: int, end: int) -> Iterator[bytes]:
    with default_storage.open(file.path, "rb") as stored:
        stored.seek(start)
        left = end - start
        while left > 0 and (block := stored.read(min(BLOCK, left))):
            left -= len(block)
            yield block


def _archive(files: list[ReleaseFile], folder: str) -> Iterator[bytes]:
    out = _Sink()
    with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_STORED, allowZip64=True) as archive:
        for file in files:
            info = zipfile.ZipInfo(f"{folder}/{file.name}", date_time=EPOCH)
            info.file_size = file.size
            with archive.open(info, "w", force_zip64=file.size >= 1 << 31) as member:
                for block in _part(file, 0, file.size):
                    member.write(block)
                    yield out.taken()
            yield out.taken()
    yield out.taken()


class _Sink(RawIOBase):
    """What was written since it was last taken; it cannot seek, so that an archive is written straight through."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        data = bytes(block)
        self._blocks.append(data)
        return len(data)

    def taken(self) -> bytes:
        data = b"".join(self._blocks)
        self._blocks = []
        return data


def _guarded(answer: HttpResponseBase, name: str, kind: str) -> HttpResponseBase:
    """As a file to keep, and nothing that a browser would show or run."""
    answer["Content-Type"] = kind
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer
