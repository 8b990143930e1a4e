#!/usr/bin/env python3
"""Says whether this release is whole: every file there, of its size and digest, and every record readable.

    python3 verify.py [FOLDER]

Needs Python 3.8 or later and nothing else. Exits with 0 where all is well and with 1 where anything is not; it writes
nothing and asks nobody. What is checked: SHA256SUMS against the files, manifest.json against both, the records of
labels.jsonl against the manifest's count, that no transcript comes twice, and that attachments have the sha256 that
they are called by.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

MANIFEST, SUMS, RECORDS = "manifest.json", "SHA256SUMS", "labels.jsonl"
BLOCK = 1024 * 1024  # bytes read at a time
SMALL = 64 * 1024 * 1024  # bytes that a manifest or a list of digests may have
LONGEST = 256 * 1024 * 1024  # bytes that a line of the records may have
MOST = 20  # problems that are listed
_SUM = re.compile(r"([0-9a-f]{64})  (.+)")
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def problems(folder: Path) -> list[str]:
    """What is wrong with the release in this folder, as sentences; none where it is whole."""
    try:
        manifest = json.loads(_small(folder / MANIFEST))
        files = {str(one["name"]): (int(one["size"]), str(one["sha256"])) for one in manifest["files"]}
        included = int(manifest["counts"]["included"])
        carried = [str(one["sha256"]) for one in manifest.get("attachments", []) if one["included"]]
    except _UNREADABLE as problem:
        return [f"{MANIFEST} cannot be read: {type(problem).__name__}: {problem}"]
    found = [problem for name in sorted(files) for problem in _file(folder, name, *files[name])]
    found += [
        f"attachments/{one} is not the file that {MANIFEST} says"
        for one in carried
        if files.get(f"attachments/{one}", (0, ""))[1] != one
    ]
    found += _sums(folder, files)
    if RECORDS not in files:
        found.append(f"{MANIFEST} names no {RECORDS}")
    elif not found:
        found += _records(folder / RECORDS, included)
    return found


def _sums(folder: Path, files: dict[str, tuple[int, str]]) -> list[str]:
    try:
        lines = _small(folder / SUMS).splitlines()
    except _UNREADABLE as problem:
        return [f"{SUMS} cannot be read: {problem}"]
    found, listed = [], {}
    for number, line in enumerate(lines, 1):
        parts = _SUM.fullmatch(line)
        if parts is None:
            found.append(f"{SUMS}, line {number}: not a digest and a name")
        else:
            listed[parts.group(2)] = parts.group(1)
    for name, (_, digest) in sorted(files.items()):
        if listed.get(name) != digest:
            found.append(f"{SUMS} and {MANIFEST} differ about {name}")
    found += [
        f"{SUMS} names {name}, which {MANIFEST} does not" for name in sorted(set(listed) - {*files, MANIFEST})
    ]
    if MANIFEST not in listed:
        found.append(f"{SUMS} does not name {MANIFEST}")
    elif _digest(folder / MANIFEST) != listed[MANIFEST]:
        found.append(f"{MANIFEST}: its sha256 is not the one in {SUMS}")
    return found


def _file(folder: Path, name: str, size: int, digest: str) -> list[str]:
    steps = name.split("/")
    if "\\" in name or ":" in name or any(step in ("", ".", "..") for step in steps):
        return [f"{name!r} is no name of a file in this folder"]
    path = folder / name
    if not path.is_file():
        return [f"{name} is missing"]
    if path.stat().st_size != size:
        return [f"{name} has {path.stat().st_size} bytes, not {size}"]
    if _digest(path) != digest:
        return [f"{name}: its sha256 is not the one in {MANIFEST}"]
    return []


def _records(path: Path, included: int) -> list[str]:
    found: list[str] = []
    seen = set()
    number = 0
    with path.open("rb") as lines:
        while len(found) < MOST:
            line = lines.readline(LONGEST)
            if not line:
                break
            number += 1
            try:
                transcript = json.loads(line)["transcript"]
                key = f"{transcript['record_digest']}:{int(transcript['ordinal'])}"
            except _UNREADABLE as problem:
                found.append(f"{path.name}, line {number} is no record: {type(problem).__name__}: {problem}")
                continue
            if key in seen:
                found.append(f"{path.name}, line {number}: transcript {key} comes twice")
            seen.add(key)
    if not found and number != included:
        found.append(f"{path.name} has {number} records, not {included}")
    return found


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def _small(path: Path) -> str:
    if path.stat().st_size > SMALL:
        raise ValueError(f"larger than {SMALL} bytes")
    return path.read_text(encoding="utf-8")


def main(words: list[str]) -> int:
    """The command line."""
    folder = Path(words[0]) if words else Path(__file__).resolve().parent
    found = problems(folder)
    for one in found[:MOST]:
        sys.stdout.write(one + "\n")
    if len(found) > MOST:
        sys.stdout.write(f"and {len(found) - MOST} more\n")
    sys.stdout.write(f"{folder}: {'NOT whole' if found else 'whole'}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
