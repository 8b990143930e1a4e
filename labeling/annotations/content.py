"""The form as the desk keeps it: what a draft holds and a commit sends, checked for size and shape.

Whoever calls the address can send anything, so everything is bounded here before it is stored or
looked at. Whether it means anything (codebook, stored text, evidence) is checked at the commit.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from auditor.corpus.sanitise import clean_text
from labeling.codebooks.conditions import Answer

MAX_BYTES = 400_000  # of the form as JSON
MAX_SPANS = 200
MAX_TEXT = 20_000  # code points of the rationale, and of a span's words
MAX_REASON = 2_000
MAX_ANSWERS = 100
MAX_RELIED_ON = 200


class BadContent(ValueError):
    """The form is not of the shape the desk sends; the message says where."""


@dataclass(frozen=True, slots=True)
class MarkedSpan:
    """Words somebody marked, with the words themselves as they read them."""

    kind: str
    position: int
    part: str
    start: int  # code points
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Content:
    """The whole form; empty label and grade mean the derived ones."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    spans: tuple[MarkedSpan, ...] = ()
    confidence: int | None = None  # 1 .. 5
    label: str = ""
    grade: str = ""
    lowered_reason: str = ""
    rationale: str = ""
    relied_on: tuple[int, ...] = ()  # ids of readings

    def plain(self) -> dict[str, Any]:
        """As JSON-clean data that `read` takes back."""
        return {
            "answers": dict(self.answers), "spans": [asdict(span) for span in self.spans],
            "confidence": self.confidence, "label": self.label, "grade": self.grade,
            "lowered_reason": self.lowered_reason, "rationale": self.rationale, "relied_on": list(self.relied_on),
        }  # fmt: skip


def parse(body: bytes | str) -> dict[str, Any]:
    """A JSON object that somebody sent.

    Raises:
        BadContent: too large, no JSON, or no object.
    """
    if len(body) > MAX_BYTES:
        raise BadContent("This is more than a form can hold.")
    try:
        data = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise BadContent("This is not JSON.") from problem
    if not isinstance(data, dict):
        raise BadContent("This is not a form.")
    return data


def read(data: object) -> Content:
    """The form in plain data.

    Raises:
        BadContent: a field of another shape, or more than the limits above.
    """
    if not isinstance(data, dict):
        raise BadContent("content: not an object")
    return Content(
        answers=_answers(data.get("answers") or {}),
        spans=tuple(_span(one, index) for index, one in enumerate(_some(data, "spans", MAX_SPANS))),
        confidence=_confidence(data.get("confidence")),
        label=_text(data, "label", 10),
        grade=_text(data, "grade", 4),
        lowered_reason=_text(data, "lowered_reason", MAX_REASON),
        rationale=_text(data, "rationale", MAX_TEXT),
        relied_on=tuple(
            dict.fromkeys(_whole(one, "relied_on") for one in _some(data, "relied_on", MAX_RELIED_ON))
        ),
    )


def misplaced(
    spans: Iterable[MarkedSpan], texts: Mapping[int, Mapping[str, str]], kinds: Iterable[str]
) -> str:
    """What is wrong with the first span that does not stand in the stored text; empty if all do.

    Args:
        texts: message position -> part -> stored text.
        kinds: the kinds of span the codebook knows.
    """
    known = set(kinds)
    for span in spans:
        if span.kind not in known:
            return f"There are no spans of kind '{span.kind}'."
        text = texts.get(span.position, {}).get(span.part)
        if (
            text is None
            or not 0 <= span.start < span.end <= len(text)
            or text[span.start : span.end] != span.quote
        ):
            return f"“{span.quote[:60]}” does not stand where it was marked, in message {span.position + 1}."
    return ""


def _answers(data: object) -> dict[str, Answer]:
    if not isinstance(data, dict) or len(data) > MAX_ANSWERS:
        raise BadContent("answers: not an object, or too many")
    found: dict[str, Answer] = {}
    for key, value in data.items():
        if isinstance(value, str) and len(value) <= MAX_TEXT:
            found[key] = clean_text(value)
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1000:
            found[key] = value
        elif (
            isinstance(value, list)
            and len(value) <= 50
            and all(isinstance(v, str) and len(v) <= 100 for v in value)
        ):
            found[key] = [clean_text(v) for v in value]
        else:
            raise BadContent(f"answers.{key[:40]}: not an answer")
    return found


def _span(data: object, index: int) -> MarkedSpan:
    if not isinstance(data, dict):
        raise BadContent(f"spans[{index}]: not an object")
    return MarkedSpan(
        kind=_text(data, "kind", 30),
        position=_whole(data.get("position"), "position"),
        part=_text(data, "part", 20),
        start=_whole(data.get("start"), "start"),
        end=_whole(data.get("end"), "end"),
        quote=_text(data, "quote", MAX_TEXT),
    )


def _confidence(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5):
        return value
    raise BadContent("confidence: 1 to 5")


def _text(data: Mapping[str, Any], name: str, longest: int) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise BadContent(f"{name}: not text of at most {longest:,} characters")
    return clean_text(value)


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 31:
        raise BadContent(f"{name}: not a whole number")
    return value


def _some(data: Mapping[str, Any], name: str, most: int) -> list[object]:
    value = data.get(name) or []
    if not isinstance(value, list) or len(value) > most:
        raise BadContent(f"{name}: not a list of at most {most}")
    return value


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")
