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

TRUTH = (
    "truth"  # the kind of span that shows where the truth stood; any other kind names the unit's own words
)
MAX_BYTES = 400_000  # of the form as JSON
MAX_SPANS = 200
MAX_TEXT = 20_000  # code points of the rationale, and of a span's words
MAX_REASON = 2_000
MAX_ANSWERS = 100
MAX_RELIED_ON = 200
MAX_UNITS = 50
MAX_FLAG = 500


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
class Place:
    """Where a unit stands if no span of its own says so: a message, a part of one, or words."""

    position: int
    part: str = ""
    start: int | None = None  # code points
    end: int | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Relied:
    """A reading the reviewer points at, and the words of it they mean, if not all of it."""

    reading: int
    place: Place | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON-clean data."""
        return {"reading": self.reading} | ({"place": asdict(self.place)} if self.place is not None else {})


@dataclass(frozen=True, slots=True)
class Unit:
    """One claim or action, or the whole transcript; empty label and grade mean the derived ones."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    spans: tuple[MarkedSpan, ...] = ()
    label: str = ""
    grade: str = ""
    lowered_reason: str = ""
    place: Place | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON-clean data that `read` takes back."""
        return {
            "answers": dict(self.answers), "spans": [asdict(span) for span in self.spans], "label": self.label,
            "grade": self.grade, "lowered_reason": self.lowered_reason,
            "place": asdict(self.place) if self.place is not None else None,
        }  # fmt: skip

    @property
    def stands(self) -> Place | None:
        """Where it stands: as said, else at the first words marked other than where the truth was."""
        if self.place is not None:
            return self.place
        own = next((span for span in self.spans if span.kind != TRUTH), None)
        return Place(own.position, own.part, own.start, own.end, own.quote) if own is not None else None


@dataclass(frozen=True, slots=True)
class Content:
    """The whole form: the units, of which a form about the whole transcript has one, and what is said of all."""

    units: tuple[Unit, ...] = (Unit(),)
    confidence: int | None = None  # 1 .. 5
    rationale: str = ""
    flag: str = ""  # why an adjudicator should look at it all the same
    relied_on: tuple[Relied, ...] = ()

    @classmethod
    def of(cls, answers: Mapping[str, Answer], **more: Any) -> "Content":
        """A form with one unit; `more` are fields of the unit or of the form."""
        own = {
            name: more.pop(name)
            for name in ("spans", "label", "grade", "lowered_reason", "place")
            if name in more
        }
        return cls(units=(Unit(answers, **own),), **more)

    @property
    def spans(self) -> tuple[MarkedSpan, ...]:
        """The marked words of all units."""
        return tuple(span for unit in self.units for span in unit.spans)

    @property
    def pointed_at(self) -> list[MarkedSpan | Place]:
        """Every place in the text that the form names."""
        places = [unit.place for unit in self.units] + [one.place for one in self.relied_on]
        return [*self.spans, *(place for place in places if place is not None)]

    def plain(self) -> dict[str, Any]:
        """As JSON-clean data that `read` takes back."""
        return {
            "units": [unit.plain() for unit in self.units], "confidence": self.confidence,
            "rationale": self.rationale, "flag": self.flag, "relied_on": [one.plain() for one in self.relied_on],
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
    """The form in plain data; one without `units` is itself the only unit.

    Raises:
        BadContent: a field of another shape, or more than the limits above.
    """
    if not isinstance(data, dict):
        raise BadContent("content: not an object")
    units = _some(data, "units", MAX_UNITS) if "units" in data else [data]
    content = Content(
        units=tuple(_unit(one, index) for index, one in enumerate(units)) or (Unit(),),
        confidence=_confidence(data.get("confidence")),
        rationale=_text(data, "rationale", MAX_TEXT),
        flag=_text(data, "flag", MAX_FLAG),
        relied_on=tuple(dict.fromkeys(_relied(one) for one in _some(data, "relied_on", MAX_RELIED_ON))),
    )
    if len(content.spans) > MAX_SPANS:
        raise BadContent(f"spans: more than {MAX_SPANS}")
    return content


def misplaced(content: Content, texts: Mapping[int, Mapping[str, str]], kinds: Iterable[str]) -> str:
    """What is wrong with the first mark or place that does not stand in the stored text; empty if all do.

    Args:
        texts: message position -> part -> stored text.
        kinds: the kinds of span the codebook knows.
    """
    known = set(kinds)
    for span in content.spans:
        if span.kind not in known:
            return f"There are no spans of kind '{span.kind}'."
    for place in content.pointed_at:
        if not _stands(place, texts):
            return (
                f"“{place.quote[:60]}” does not stand where it was marked, in message {place.position + 1}."
            )
    return ""


def _stands(place: MarkedSpan | Place, texts: Mapping[int, Mapping[str, str]]) -> bool:
    if place.position not in texts:
        return False
    if not place.part:
        return place.start is None
    text = texts[place.position].get(place.part)
    if text is None or place.start is None or place.end is None:
        return text is not None
    words = text[place.start : place.end]
    unsaid = isinstance(place, Place) and not place.quote  # pointed at, without saying the words again
    return 0 <= place.start < place.end <= len(text) and (unsaid or words == place.quote)


def _unit(data: object, index: int) -> Unit:
    if not isinstance(data, dict):
        raise BadContent(f"units[{index}]: not an object")
    return Unit(
        answers=_answers(data.get("answers") or {}),
        spans=tuple(_span(one, at) for at, one in enumerate(_some(data, "spans", MAX_SPANS))),
        label=_text(data, "label", 10),
        grade=_text(data, "grade", 4),
        lowered_reason=_text(data, "lowered_reason", MAX_REASON),
        place=_place(data.get("place")),
    )


def _place(data: object) -> Place | None:
    if data is None:
        return None
    if not isinstance(data, dict):
        raise BadContent("place: not an object")
    start, end = (None if data.get(name) is None else _whole(data[name], name) for name in ("start", "end"))
    if (start is None) != (end is None):
        raise BadContent("place: start and end belong together")
    return Place(
        position=_whole(data.get("position"), "position"),
        part=_text(data, "part", 20),
        start=start,
        end=end,
        quote=_text(data, "quote", MAX_TEXT),
    )


def _relied(data: object) -> Relied:
    if isinstance(data, dict):
        return Relied(_whole(data.get("reading"), "relied_on"), _place(data.get("place")))
    return Relied(_whole(data, "relied_on"))


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
