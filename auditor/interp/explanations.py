"""What others say of a dictionary's features: Neuronpedia's JSON, as lines or whole, gzipped or not.

Three shapes are read, told apart by their fields:

    {"modelId", "layer", "index", "explanations": [{"description", …}], "frac_nonzero", …}   a feature, as its API has it
    {"modelId", "layer", "index", "description", "explanationModelName", "typeName", …}      a line of a bulk export
    {"modelId", "layer", "index", "frac_nonzero", "maxActApprox", …}                         the same, of features

`layer` is "12-res-jb" there: it names layer and dictionary. Numbers may come as texts. What cannot be read is a
value in the stream, so that the others go in.

Source: the fields of neuronpedia.org's /api/feature answers and of its public exports, read in 2026.
"""

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO

MAX_BYTES = 4 << 30  # of a file, unpacked
MAX_LINE = 32 << 20  # bytes: one feature with all its activations
MAX_TEXT = 2_000  # characters of an explanation
MAX_PER_FEATURE = 50
MAX_INDEX = 1 << 24


@dataclass(frozen=True)
class Explained:
    """One explanation of a feature."""

    text: str
    explainer: str = ""  # model and method, as "gpt-4o, oai_token-act-pair"
    context_tokens: int | None = None
    n_examples: int | None = None
    score: float | None = None
    score_kind: str = ""


@dataclass(frozen=True)
class FeatureLine:
    """What a file says of one feature."""

    place: str  # "line 3"
    index: int
    layer: str = ""  # as the file names it: "12-res-jb"
    model: str = ""
    density: float | None = None  # share of tokens on which it is active
    explanations: tuple[Explained, ...] = field(default=())


@dataclass(frozen=True)
class BadLine:
    """A line that says nothing that can be used, and why."""

    place: str
    reason: str


def parse(stream: BinaryIO, *, name: str) -> Iterator[FeatureLine | BadLine]:
    """One record or one rejection for each feature named in the file, in its order.

    Args:
        stream: the file's bytes; holds one line at a time, or the whole where the file is one JSON value.
        name: its name: one that ends in .gz is unpacked.
    """
    try:
        yield from _records(_unpacked(stream, name))
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        yield BadLine("the file", f"it cannot be unpacked: {problem}")


def _unpacked(stream: BinaryIO, name: str) -> BinaryIO:
    first = stream.read(2)
    stream.seek(0)
    packed = PurePosixPath(name).suffix == ".gz" or first == b"\x1f\x8b"
    return gzip.GzipFile(fileobj=stream, mode="rb") if packed else stream  # type: ignore[return-value]


def _records(stream: BinaryIO) -> Iterator[FeatureLine | BadLine]:
    total = number = 0
    while True:
        line = stream.readline(MAX_LINE + 1)
        if not line:
            return
        number += 1
        total += len(line)
        if total > MAX_BYTES:
            yield BadLine(f"line {number}", f"the file is larger than {MAX_BYTES >> 30} GB")
            return
        if len(line) > MAX_LINE:
            yield BadLine(f"line {number}", f"it is longer than {MAX_LINE >> 20} MB")
            return
        if number == 1 and _is_one_value(line):
            yield from _whole(line + stream.read(MAX_LINE - len(line) + 1))
            return
        if line.strip():
            yield from _line(line, f"line {number}")


def _is_one_value(line: bytes) -> bool:
    """Whether the file is one JSON value over several lines: its first line is none by itself, or a list."""
    begun = line.lstrip(b"\xef\xbb\xbf \t")
    if begun.startswith(b"["):
        return True
    try:
        json.loads(begun.decode("utf-8"))
    except (ValueError, RecursionError):
        return begun.strip() in (b"{", b"") or begun.rstrip().endswith((b",", b"{", b"["))
    return False


def _whole(text: bytes) -> Iterator[FeatureLine | BadLine]:
    if len(text) > MAX_LINE:
        yield BadLine("the file", f"as one JSON value it may have {MAX_LINE >> 20} MB; give it as lines")
        return
    try:
        value = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        yield BadLine("the file", f"no JSON: {problem}")
        return
    some = value if isinstance(value, list) else [value]
    for number, one in enumerate(some, start=1):
        yield _record(one, f"entry {number}" if isinstance(value, list) else "the file")


def _line(line: bytes, place: str) -> Iterator[FeatureLine | BadLine]:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        yield BadLine(place, f"no JSON: {problem}")
        return
    yield _record(value, place)


def _record(value: Any, place: str) -> FeatureLine | BadLine:
    if not isinstance(value, Mapping):
        return BadLine(place, "a feature is a JSON object")
    try:
        index = _index(value.get("index"))
        given = value.get("explanations")
        if given is None:
            given = [value] if "description" in value else []
        if not isinstance(given, list):
            raise ValueError("explanations is a list")
        if len(given) > MAX_PER_FEATURE:
            raise ValueError(f"a feature has at most {MAX_PER_FEATURE} explanations")
        explained = tuple(one for entry in given if (one := _explained(entry)) is not None)
        density = _share(value.get("frac_nonzero", value.get("density")))
    except ValueError as problem:
        return BadLine(place, str(problem))
    if not explained and density is None:
        return BadLine(place, "neither an explanation (description) nor a density (frac_nonzero)")
    return FeatureLine(
        place=place, index=index, layer=_text(value.get("layer"), 100), model=_text(value.get("modelId"), 200),
        density=density, explanations=explained,
    )  # fmt: skip


def _explained(entry: Any) -> Explained | None:
    if not isinstance(entry, Mapping):
        raise ValueError("an explanation is a JSON object")
    text = _text(entry.get("description"), MAX_TEXT)
    if not text:
        return None
    who = [_text(entry.get(key), 90) for key in ("explanationModelName", "typeName")]
    score, kind = _score(entry.get("scores"))
    return Explained(
        text=text,
        explainer=", ".join(one for one in who if one),
        context_tokens=_count(entry.get("contextTokens", entry.get("context_tokens"))),
        n_examples=_count(entry.get("numExamples", entry.get("n_examples"))),
        score=score,
        score_kind=kind,
    )


def _score(scores: Any) -> tuple[float | None, str]:
    """The first score that has a number, and what kind it is."""
    for one in scores if isinstance(scores, list) else []:
        if isinstance(one, Mapping) and (value := _number(one.get("value"))) is not None:
            kind = one.get("explanationScoreTypeName", one.get("typeName", one.get("name")))
            return value, _text(kind, 60)
    return None, ""


def _index(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_INDEX:
        raise ValueError("index is the feature's number in its dictionary, from 0")
    return value


def _share(value: Any) -> float | None:
    number = _number(value)
    if number is not None and not 0 <= number <= 1:
        raise ValueError("frac_nonzero is a share from 0 to 1")
    return number


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 < number < 1 << 31 else None


def _text(value: Any, most: int) -> str:
    """Printable text; null bytes and lone surrogates, which no row holds, are dropped."""
    if value is None or isinstance(value, Mapping | list):
        return ""
    kept = "".join(letter for letter in str(value) if letter != "\0" and not "\ud800" <= letter <= "\udfff")
    return kept.strip()[:most]
