"""Activations as Neuronpedia's inference server gives them, each with the transcript whose words they are of.

    {"transcript": {"id": "a1"}, "position": 1, "channel": "sae.gemma.20", "response": {...}}

One such object is a file, or each line of one; the response's fields may also stand beside the names. Known are
`activation/single` (one value a token), `activation/source` (values by feature, where it is active) and
`activation/topk-by-token` (the strongest features of each token). Features become channels CHANNEL.INDEX. Tokens that
the response calls special stand on no words; all others must give exactly the text of that part of the message.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from auditor.corpus.jsontext import NotJson, decode_json
from auditor.corpus.lines import LINE_LIMIT, read_lines
from auditor.corpus.records import Place, Rejection
from auditor.corpus.sanitise import clean_text
from auditor.evidence.evidence_line import (
    KEY_LIMIT,
    TOKEN_LIMIT,
    BadLine,
    placed,
    token_line,
    transcript_named,
)
from auditor.evidence.records import EvidenceLine, TokenLine

MOST_FILE = 256 * 1024 * 1024  # bytes of a file that is one object
MOST_FEATURES = 4_000  # of one response
NAMES = ("transcript", "position", "part", "channel")
INDEX = re.compile(r"\d{1,9}")
_MARKS = (b'"activeFeatures"', b'"topFeatures"', b'"maxValueIndex"')
SINGLE, SOURCE, TOP_K = "activation/single", "activation/source", "activation/topk-by-token"


def is_response(record: Any) -> bool:
    """Whether a decoded object is of this form."""
    if isinstance(record, list):
        return bool(record) and isinstance(record[0], Mapping) and "topFeatures" in record[0]
    if not isinstance(record, Mapping):
        return False
    inner = record.get("response", record)
    return isinstance(inner, list | Mapping) and _kind(inner) is not None


def begins_so(data: bytes) -> bool:
    """Whether the beginning of a file looks like one, where its first line alone is no object."""
    return data.lstrip()[:1] in (b"{", b"[") and any(mark in data for mark in _MARKS)


def parse(source: BinaryIO, *, name: str) -> Iterator[EvidenceLine | Rejection]:
    """A track for each response or feature, in file order, or why it cannot be used."""
    first = next(iter(read_lines(source)), None)
    source.seek(0)
    if first is None:
        return
    if first.too_long or _decoded(first.data) is None:  # one object over several lines
        data = source.read(MOST_FILE + 1)
        if len(data) > MOST_FILE:
            yield Rejection(Place(1), f"it is larger than {MOST_FILE // 1024**2} MB; write one object a line")
            return
        yield from _record(data, Place(1, start=0, length=len(data)))
        return
    record = 0
    for line in read_lines(source):
        if line.blank:
            continue
        record += 1
        place = Place(record, line=line.number, start=line.start, length=len(line.data))
        if line.too_long:
            yield Rejection(place, f"the line is longer than {LINE_LIMIT // 1024**2} MB")
            continue
        yield from _record(line.data, place)


def _record(data: bytes, place: Place) -> Iterator[EvidenceLine | Rejection]:
    try:
        given = decode_json(data)
        if not is_response(given):
            raise BadLine(
                "it is no response of activation/single, activation/source or activation/topk-by-token"
            )
        yield from _lines(given, place)
    except (NotJson, BadLine) as problem:
        yield Rejection(place, clean_text(str(problem)[:500]))
    except (ValueError, RecursionError):
        yield Rejection(place, "nested too deeply")


def _lines(given: Any, place: Place) -> Iterator[TokenLine]:
    if isinstance(given, list):
        raise BadLine(
            'it says not which transcript it is of: write {"transcript": {"id": …}, "position": …, "channel": …, '
            '"response": …}'
        )
    response = given.get("response", given)
    names = {key: given[key] for key in NAMES if key in given}
    kind = _kind(response)
    results = response.get("results") if isinstance(response, Mapping) else None
    if kind == SOURCE and isinstance(results, list):
        for number, result in enumerate(results):
            if not isinstance(result, Mapping):
                raise BadLine(f"results[{number}] is no object")
            own = {key: result[key] for key in NAMES if key in result}
            if len(results) > 1 and "transcript" not in own:
                raise BadLine(f"results[{number}] says not which transcript it is of")
            yield from _by_feature({**names, **own}, place, result)
    elif kind == SOURCE:
        yield from _by_feature(names, place, response)
    elif kind == TOP_K:
        yield from _top(names, place, results if isinstance(results, list) else response)
    else:
        yield _single(names, place, response)


def _kind(response: Any) -> str | None:
    if isinstance(response, list):
        return (
            TOP_K if response and isinstance(response[0], Mapping) and "topFeatures" in response[0] else None
        )
    results = response.get("results")
    if isinstance(results, list) and results and isinstance(results[0], Mapping):
        return SOURCE if "activeFeatures" in results[0] else TOP_K if "topFeatures" in results[0] else None
    if "activeFeatures" in response:
        return SOURCE
    held = response.get("activation")
    return SINGLE if isinstance(held, Mapping) and "values" in held and "tokens" in response else None


def _single(names: Mapping[str, Any], place: Place, response: Mapping[str, Any]) -> TokenLine:
    held = response["activation"]
    return _line(
        names,
        place,
        _channel(names),
        response.get("tokens"),
        held.get("values"),
        response.get("tokensIsSpecial"),
        SINGLE,
    )


def _by_feature(names: Mapping[str, Any], place: Place, result: Mapping[str, Any]) -> Iterator[TokenLine]:
    tokens, active = result.get("tokens"), result.get("activeFeatures")
    if not isinstance(tokens, list) or not isinstance(active, Mapping) or len(active) > MOST_FEATURES:
        raise BadLine(f"it needs tokens, and activeFeatures of at most {MOST_FEATURES:,} features")
    if len(tokens) > TOKEN_LIMIT:
        raise BadLine(f"tokens has more than {TOKEN_LIMIT:,} tokens")
    for feature, pairs in active.items():
        if not INDEX.fullmatch(str(feature)) or not isinstance(pairs, list):
            raise BadLine(
                f"activeFeatures.{str(feature)[:20]} is no feature with a list of [token, activation]"
            )
        values: list[Any] = [0.0] * len(tokens)
        for pair in pairs:
            if (
                not isinstance(pair, list)
                or len(pair) != 2
                or type(pair[0]) is not int
                or not 0 <= pair[0] < len(tokens)
            ):
                raise BadLine(f"feature {feature}: {json.dumps(pair)[:60]} names no token of {len(tokens):,}")
            values[pair[0]] = pair[1]
        special = result.get("tokensIsSpecial")
        yield _line(names, place, f"{_channel(names)}.{feature}", tokens, values, special, SOURCE)


def _top(names: Mapping[str, Any], place: Place, rows: list[Any]) -> Iterator[TokenLine]:
    if len(rows) > TOKEN_LIMIT:
        raise BadLine(f"it has more than {TOKEN_LIMIT:,} tokens")
    by_feature: dict[int, list[Any]] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping) or not isinstance(row.get("topFeatures"), list):
            raise BadLine(f"token {number}: it is no object with topFeatures")
        if row.get("tokenPosition", number) != number:
            raise BadLine(
                f"token {number}: tokenPosition is {str(row.get('tokenPosition'))[:20]}, and should be {number}"
            )
        for one in row["topFeatures"]:
            index = one.get("featureIndex") if isinstance(one, Mapping) else None
            if type(index) is not int or index < 0:
                raise BadLine(f"token {number}: a feature without featureIndex")
            if index not in by_feature and len(by_feature) >= MOST_FEATURES:
                raise BadLine(f"it has more than {MOST_FEATURES:,} features")
            by_feature.setdefault(index, [0.0] * len(rows))[number] = one.get("activationValue")
    tokens = [row.get("token") for row in rows]
    special = [row.get("isSpecial", False) for row in rows]
    for index, values in sorted(by_feature.items()):
        yield _line(names, place, f"{_channel(names)}.{index}", tokens, values, special, TOP_K)


def _line(
    names: Mapping[str, Any], place: Place, channel: str, tokens: Any, values: Any, special: Any, kind: str
) -> TokenLine:
    position, part = placed(dict(names))
    if special is not None and not isinstance(special, list):
        raise BadLine("tokensIsSpecial must be a list")
    return token_line(
        place=place, transcript=transcript_named(dict(names)), channel=channel, position=position, part=part,
        tokens=tokens, values=values, special=special, detail={"neuronpedia": kind},
    )  # fmt: skip


def _channel(names: Mapping[str, Any]) -> str:
    channel = names.get("channel")
    if not isinstance(channel, str) or not channel or len(channel) > KEY_LIMIT - 12:
        raise BadLine("channel is required: the key under which these values stand, such as sae.gemma.20")
    return clean_text(channel)


def _decoded(data: bytes) -> Any:
    try:
        return decode_json(data)
    except (NotJson, ValueError, RecursionError):
        return None
