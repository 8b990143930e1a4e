"""One line of an evidence file: its fields checked, one by one, before anything is believed.

A field we do not know is an error and not ignored: a misspelt `strat` must not silently turn a
span into a whole message.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.corpus.jsontext import encode_json
from auditor.corpus.records import ParsedQuote, Place
from auditor.corpus.sanitise import clean_json, clean_text
from auditor.evidence.records import (
    ChannelLine,
    EvidenceLine,
    ReadingLine,
    TokenLine,
    TrackLine,
    TranscriptName,
)

TOKEN_LIMIT = 200_000  # of one track
KEY_LIMIT = 200  # characters of a channel's key and of a label
IDENTIFIER_LIMIT = 100  # characters
QUOTE_LIMIT = 1_000  # quotes of one reading
INT_LIMIT = 2**31 - 1
UNITS = ("transcript", "message", "span", "token")
ROLLUPS = ("max", "min", "mean", "last")
_PART = re.compile(r"text|reasoning|part:(0|[1-9]\d{0,5})")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_CHANNEL = {"key", "name", "kind", "unit", "rollup", "lo", "hi", "polarity", "notice", "detail"}
_TRACK_ONLY = {"starts", "ends", "values", "tokens", "special"}
_TRACK = {"transcript", "channel", "position", "part", "detail", *_TRACK_ONLY}
_READING = {"transcript", "channel", "value", "label", "position", "part", "start", "end"}
_READING |= {"explanation", "quotes", "detail", "message_id", "identifier"}


class BadLine(ValueError):
    """The line cannot be used; the message names the field and what is wrong with it."""


def read_line(line: Any, place: Place) -> EvidenceLine:
    """The declaration, reading or track in one decoded line.

    Raises:
        BadLine: an unknown field, a wrong type, a number out of range.
    """
    if not isinstance(line, dict):
        raise BadLine("the line is no object")
    if isinstance(line.get("channel"), dict):
        _known(line, {"channel"})
        return read_channel(line["channel"], place)
    if _TRACK_ONLY & set(line):
        return _read_track(line, place)
    return _read_reading(line, place)


def read_channel(fields: Any, place: Place) -> ChannelLine:
    """A channel's declaration.

    Raises:
        BadLine: an unknown field, a wrong type, or kind `human`, which is for people's labels.
    """
    if not isinstance(fields, dict):
        raise BadLine("the channel's declaration is no object")
    _known(fields, _CHANNEL, "channel.")
    kind = _text(fields, "kind", 40)
    if kind == "human":
        raise BadLine("kind 'human' is for what people decide here and cannot be imported as evidence")
    lo, hi = _number(fields, "lo"), _number(fields, "hi")
    if lo is not None and hi is not None and lo >= hi:
        raise BadLine("lo must be less than hi")
    return ChannelLine(
        place=place,
        key=_text(fields, "key", KEY_LIMIT, required=True),
        name=_text(fields, "name", 300),
        kind=kind,
        unit=_one_of(fields, "unit", UNITS),
        rollup=_one_of(fields, "rollup", ROLLUPS),
        lo=lo,
        hi=hi,
        polarity=_text(fields, "polarity", 200),
        notice=_text(fields, "notice", 300),
        detail=_detail(fields),
    )


def _read_reading(line: dict[str, Any], place: Place) -> ReadingLine:
    _known(line, _READING)
    position = _count(line, "position")
    start, end = _count(line, "start"), _count(line, "end")
    part = _part(line)
    if (start is None) != (end is None):
        raise BadLine("start and end go together")
    if start is not None and end is not None and start > end:
        raise BadLine("start is after end")
    message_id = _text(line, "message_id", KEY_LIMIT)
    if position is not None and message_id:
        raise BadLine("the message is given twice, by position and by message_id")
    if position is None and not message_id and (part or start is not None):
        raise BadLine("part, start and end need a position: the message they are in")
    value, label = _number(line, "value"), _text(line, "label", KEY_LIMIT)
    explanation, quotes = _text(line, "explanation", None), _quotes(line)
    if value is None and not label and not explanation and not quotes:
        raise BadLine("the reading says nothing: it has no value, label, explanation or quotes")
    return ReadingLine(
        place=place,
        transcript=_transcript(line),
        channel=_text(line, "channel", KEY_LIMIT, required=True),
        value=value,
        label=label,
        position=position,
        part=part or ("text" if start is not None else ""),
        start=start,
        end=end,
        explanation=explanation,
        quotes=quotes,
        detail=_detail(line),
        message_id=message_id,
        identifier=_text(line, "identifier", IDENTIFIER_LIMIT),
    )


def _read_track(line: dict[str, Any], place: Place) -> TrackLine | TokenLine:
    _known(line, _TRACK)
    position = _count(line, "position")
    if position is None:
        raise BadLine("a token track needs a position: the message it runs along")
    if "tokens" in line:
        return _read_tokens(line, place, position)
    if "special" in line:
        raise BadLine("special goes with tokens")
    lists = {name: line.get(name) for name in ("starts", "ends", "values")}
    for name, items in lists.items():
        if not isinstance(items, list):
            raise BadLine(f"{name} must be a list")
        if len(items) > TOKEN_LIMIT:
            raise BadLine(f"{name} has more than {TOKEN_LIMIT:,} tokens")
    starts, ends, values = lists["starts"] or [], lists["ends"] or [], lists["values"] or []
    if not len(starts) == len(ends) == len(values):
        raise BadLine(
            f"starts, ends and values have different lengths: {len(starts)}, {len(ends)}, {len(values)}"
        )
    if not starts:
        raise BadLine("the track has no tokens")
    _check_offsets(starts, ends)
    return TrackLine(
        place=place,
        transcript=_transcript(line),
        channel=_text(line, "channel", KEY_LIMIT, required=True),
        position=position,
        part=_part(line) or "text",
        starts=tuple(starts),
        ends=tuple(ends),
        values=tuple(_finite(value, f"values[{index}]") for index, value in enumerate(values)),
        detail=_detail(line),
    )


def _read_tokens(line: dict[str, Any], place: Place, position: int) -> TokenLine:
    if "starts" in line or "ends" in line:
        raise BadLine("a track has either tokens or starts and ends")
    special = line.get("special")
    if special is not None and not isinstance(special, list):
        raise BadLine("special must be a list")
    return token_line(
        place=place, transcript=_transcript(line), channel=_text(line, "channel", KEY_LIMIT, required=True),
        position=position, part=_part(line) or "text", tokens=line["tokens"], values=line.get("values"),
        special=special, detail=_detail(line),
    )  # fmt: skip


def token_line(
    *,
    place: Place,
    transcript: TranscriptName,
    channel: str,
    position: int,
    part: str,
    tokens: Any,
    values: Any,
    special: Sequence[Any] | None,
    detail: Mapping[str, Any],
) -> TokenLine:
    """A track whose tokens are strings; special ones, which stand on no words, are left out.

    Args:
        tokens, values: lists of equal length.
        special: for each token whether it is one, as true and false or 1 and 0; None: none is.

    Raises:
        BadLine: lists of unequal lengths, a token that is no text, a value that is not finite, no token with words.
    """
    for name, items in (("tokens", tokens), ("values", values)):
        if not isinstance(items, list):
            raise BadLine(f"{name} must be a list")
        if len(items) > TOKEN_LIMIT:
            raise BadLine(f"{name} has more than {TOKEN_LIMIT:,} tokens")
    lengths = [len(tokens), len(values)] + ([] if special is None else [len(special)])
    if len(set(lengths)) != 1:
        raise BadLine(f"tokens, values and special have different lengths: {', '.join(map(str, lengths))}")
    kept = [index for index in range(len(tokens)) if special is None or not special[index]]
    if not kept:
        raise BadLine("the track has no tokens with words")
    for index in kept:
        if not isinstance(tokens[index], str):
            raise BadLine(f"tokens[{index}] must be a text")
    return TokenLine(
        place=place, transcript=transcript, channel=channel, position=position, part=part,
        tokens=tuple(tokens[index] for index in kept),
        values=tuple(_finite(values[index], f"values[{index}]") for index in kept), numbers=tuple(kept), detail=detail,
    )  # fmt: skip


def transcript_named(fields: dict[str, Any]) -> TranscriptName:
    """Which transcript an object names, by its field `transcript`.

    Raises:
        BadLine: by none, or by two names.
    """
    return _transcript(fields)


def placed(fields: dict[str, Any]) -> tuple[int, str]:
    """The message and part that an object names.

    Raises:
        BadLine: no position, or no such part.
    """
    position = _count(fields, "position")
    if position is None:
        raise BadLine("position is required: the message whose tokens these are, from 0")
    return position, _part(fields) or "text"


def _check_offsets(starts: list[Any], ends: list[Any]) -> None:
    before = 0
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if type(start) is not int or type(end) is not int:
            raise BadLine(f"token {index}: offsets must be whole numbers")
        if start < 0 or end > INT_LIMIT:
            raise BadLine(f"token {index}: offset out of range")
        if end < start:
            raise BadLine(f"token {index} ends before it starts")
        if start < before:
            raise BadLine(f"token {index} starts before the one before it: starts must not fall")
        before = start


def _transcript(line: dict[str, Any]) -> TranscriptName:
    name = line.get("transcript")
    if not isinstance(name, dict):
        raise BadLine('transcript must be {"id": …} or {"fingerprint": …}')
    _known(name, {"id", "fingerprint"}, "transcript.")
    given = {key: value for key, value in name.items() if value is not None}
    if len(given) != 1:
        raise BadLine("transcript must have either an id or a fingerprint")
    if "id" in given:
        identity = given["id"]
        if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
            raise BadLine("transcript.id must be a text")
        return TranscriptName(external_id=clean_text(str(identity)))
    fingerprint = given["fingerprint"]
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint.lower()):
        raise BadLine("transcript.fingerprint must be 64 hexadecimal digits")
    return TranscriptName(fingerprint=fingerprint.lower())


def _quotes(line: dict[str, Any]) -> tuple[ParsedQuote, ...]:
    items = line.get("quotes")
    if items is None:
        return ()
    if not isinstance(items, list) or len(items) > QUOTE_LIMIT:
        raise BadLine(f"quotes must be a list of at most {QUOTE_LIMIT:,}")
    quotes = []
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise BadLine(f'quotes[{index}] must be {{"text": …, "position": …}}')
        _known(item, {"text", "position", "message_id"}, f"quotes[{index}].")
        words = _text(item, "text", None, required=True)
        quotes.append(
            ParsedQuote(words, _text(item, "message_id", KEY_LIMIT), position=_count(item, "position"))
        )
    return tuple(quotes)


def _known(fields: dict[str, Any], known: set[str], where: str = "") -> None:
    unknown = sorted(str(key) for key in fields if key not in known)
    if unknown:
        names = ", ".join(where + clean_text(key[:60]) for key in unknown[:5])
        raise BadLine(f"unknown field{'s' if len(unknown) > 1 else ''}: {names}")


def _text(fields: dict[str, Any], name: str, limit: int | None, *, required: bool = False) -> str:
    value = fields.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise BadLine(f"{name} must be a text" if value is not None else f"{name} is required")
    if required and not value:
        raise BadLine(f"{name} is empty")
    if limit is not None and len(value) > limit:
        raise BadLine(f"{name} is longer than {limit} characters")
    return clean_text(value)


def _one_of(fields: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = _text(fields, name, None)
    if value and value not in allowed:
        raise BadLine(f"{name} must be one of {', '.join(allowed)}")
    return value


def _part(fields: dict[str, Any]) -> str:
    value = _text(fields, "part", None)
    if value and not _PART.fullmatch(value):
        raise BadLine("part must be text, reasoning or part:<number>")
    return value


def _number(fields: dict[str, Any], name: str) -> float | None:
    value = fields.get(name)
    return None if value is None else _finite(value, name)


def _finite(value: Any, name: str) -> float:
    if type(value) is float:
        number = value
    elif type(value) is int:
        number = float(value) if abs(value) < 10**300 else math.inf
    else:
        raise BadLine(f"{name} must be a number")
    if not math.isfinite(number):
        raise BadLine(f"{name} must be finite, and is {number}")
    return number


def _count(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise BadLine(f"{name} must be a whole number")
    if not 0 <= value <= INT_LIMIT:
        raise BadLine(f"{name} is out of range")
    return value


def _detail(fields: dict[str, Any]) -> Mapping[str, Any]:
    value = fields.get("detail")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadLine("detail must be an object")
    detail: dict[str, Any] = clean_json(value)
    if len(encode_json(detail)) > 1_000_000:
        raise BadLine("detail is larger than 1 MB")
    return detail
