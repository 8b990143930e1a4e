"""What a record of a release may look like: every field with its type and bounds, as the database will hold it.

Records come from anywhere. What fits this shape can be stored; what does not is refused with its place in the record.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    with_config,
)
from typing_extensions import TypedDict

from auditor.corpus.records import ROLES
from auditor.web.shapes import UNSTORABLE

DEEPEST = 100  # levels of JSON
WORDS = 2_000_000  # characters of what a person or a judge wrote
TEXT = 100_000_000  # characters of one message
MANY = 100_000  # parts of one thing
STRICT = ConfigDict(extra="forbid", strict=True)


class BadRecord(ValueError):
    """The line is no record; the message says where in it and why."""


def storable(value: Any, depth: int = 0) -> Any:
    """JSON that the database can hold.

    Raises:
        ValueError: too deep, a number that is none, or characters that cannot be stored.
    """
    if depth > DEEPEST:
        raise ValueError(f"nested deeper than {DEEPEST} levels")
    if isinstance(value, str):
        if UNSTORABLE.search(value):
            raise ValueError("characters that cannot be stored")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number that is none")
    elif isinstance(value, list):
        for item in value:
            storable(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            storable(key, depth)
            storable(item, depth + 1)
    return value


def _clean(text: str) -> str:
    if UNSTORABLE.search(text):
        raise ValueError("characters that cannot be stored")
    return text


Clean = AfterValidator(_clean)
Json = Annotated[Any, AfterValidator(storable)]
Object = Annotated[dict[str, Any], AfterValidator(storable)]
Text = Annotated[str, StringConstraints(max_length=TEXT), Clean]
Words = Annotated[str, StringConstraints(max_length=WORDS), Clean]
Said = Words | None  # None: the release leaves it out
Short = Annotated[str, StringConstraints(max_length=200), Clean]
Name = Annotated[str, StringConstraints(min_length=1, max_length=150), Clean]
Long = Annotated[str, StringConstraints(max_length=300), Clean]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
Place = Number | None
Count = Annotated[int, Field(ge=0, le=2**62)]
Real = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Part = Annotated[str, StringConstraints(max_length=20), Clean]
Code = Annotated[str, StringConstraints(min_length=1, max_length=10), Clean]
Group = Annotated[str, StringConstraints(max_length=30), Clean]
Grade = Annotated[str, StringConstraints(max_length=4), Clean]
Kind = Annotated[str, StringConstraints(max_length=30), Clean]
Stage = Literal["blind", "final"]
Moment = Annotated[str, StringConstraints(max_length=40)] | None
Role = Annotated[str, AfterValidator(lambda role: role if role in ROLES else _no("an unknown role"))]


def _no(reason: str) -> str:
    raise ValueError(reason)


@with_config(STRICT)
class WhereIn(TypedDict, total=False):
    """Where a record stands in its source; see `corpus.records.Place`."""

    record: Count
    line: Count
    member: Annotated[str, StringConstraints(max_length=4000), Clean]
    start: Count
    length: Count
    pieces: Annotated[list[tuple[Count, Count, Long]], Field(max_length=MANY)]
    row_group: Count
    row: Count
    branch: Long
    sha256: Annotated[str, StringConstraints(max_length=64)]


@with_config(STRICT)
class SourceIn(TypedDict):
    """The file that a transcript came in."""

    file: Long | None
    sha256: Digest | None
    format: Annotated[str, StringConstraints(max_length=40), Clean]
    place: WhereIn


@with_config(STRICT)
class MessageIn(TypedDict):
    """One turn; None where the release leaves a text out."""

    position: Number
    role: Role
    text: Text | None
    reasoning: Text | None
    parts: Annotated[list[Object], Field(max_length=MANY)]
    source_id: Short
    model: Short


@with_config(STRICT)
class IdentityIn(TypedDict):
    """A transcript by its record."""

    record_digest: Digest
    ordinal: Number


@with_config(STRICT)
class TranscriptIn(TypedDict):
    """One conversation."""

    external_id: Long
    record_digest: Digest
    ordinal: Number
    fingerprint: Digest
    prompt_digest: Annotated[str, StringConstraints(max_length=32)]
    model: Short
    conditions: Object
    metadata: Object
    warnings: Annotated[list[Any], AfterValidator(storable)]
    parent: IdentityIn | None
    shared: Number
    source: SourceIn
    messages: Annotated[list[MessageIn], Field(max_length=1_000_000)] | None


@with_config(STRICT)
class RoundIn(TypedDict):
    """The round that the item was labelled in."""

    name: Name
    policy: Annotated[str, StringConstraints(max_length=20)]
    codebook: Number
    codebook_digest: Digest
    escalation: Long | None


@with_config(STRICT)
class ReferenceIn(TypedDict):
    """A label by whose it is."""

    reviewer: Name
    stage: Stage
    number: Number


@with_config(STRICT)
class SpanIn(TypedDict):
    """Words that a unit rests on."""

    kind: Kind
    position: Number
    part: Part
    start: Number
    end: Number
    quote: Text | None
    unit: Number


@with_config(STRICT)
class RuledUnitIn(TypedDict):
    """A unit of a ruling."""

    number: Number
    position: Place
    part: Part
    start: Place
    end: Place
    quote: Text | None
    label: Code
    group: Group
    grade: Grade
    answers: Object


@with_config(STRICT)
class LabelUnitIn(RuledUnitIn):
    """A unit of a reviewer's label."""

    derived_label: Code
    grade_cap: Grade
    lowered_reason: Said
    missing_tests: list[Short]


@with_config(STRICT)
class PointedIn(TypedDict):
    """The words of a reading that a reviewer pointed at."""

    position: Place
    part: Part | None
    start: Place
    end: Place
    quote: Text | None
    value: Real | None


@with_config(STRICT)
class ReliedIn(TypedDict):
    """A reading that a reviewer relied on."""

    channel: Annotated[str, StringConstraints(min_length=1, max_length=200), Clean]
    position: Place
    part: Part
    start: Place
    end: Place
    value: Real | None
    label: Short
    pointed: PointedIn | None


@with_config(STRICT)
class LabelIn(TypedDict):
    """One reviewer's label."""

    reviewer: Name
    stage: Stage
    number: Annotated[int, Field(ge=1, le=100_000)]
    stands: bool
    label: Code
    derived_label: Code
    group: Group
    grade: Grade
    grade_cap: Grade
    answers: Object
    confidence: Annotated[int, Field(ge=1, le=5)] | None
    rationale: Said
    lowered_reason: Said
    missing_tests: list[Short]
    units: Annotated[list[LabelUnitIn], Field(max_length=MANY)]
    spans: Annotated[list[SpanIn], Field(max_length=MANY)]
    flag: Annotated[str, StringConstraints(max_length=500), Clean] | None
    evidence_seen: list[Short]
    relied_on: Annotated[list[ReliedIn], Field(max_length=MANY)]
    active_seconds: Number
    late: bool
    at: Moment
    codebook: Number
    codebook_digest: Digest


@with_config(STRICT)
class RulingIn(TypedDict):
    """One ruling."""

    label: Code
    words: Words
    group: Group
    grade: Grade
    rule: Annotated[str, StringConstraints(min_length=1, max_length=20), Clean]
    number: Annotated[int, Field(ge=1, le=100_000)]
    rule_number: Number
    reason_code: Kind
    reason: Said
    answers: Object
    units: Annotated[list[RuledUnitIn], Field(max_length=MANY)]
    spans: Annotated[list[SpanIn], Field(max_length=MANY)]
    adjudicator: Name | None
    took: ReferenceIn | None
    mixed: dict[str, ReferenceIn | None]
    cites: list[ReferenceIn]
    at: Moment
    codebook: Number
    codebook_digest: Digest
    missing_tests: list[Short]


@with_config(STRICT)
class SamplingIn(TypedDict):
    """How the transcript was drawn."""

    sample: Name
    design: Annotated[str, StringConstraints(max_length=40), Clean]
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    stratum: Words
    stratum_size: Count | None
    stratum_drawn: Count | None
    order: Number
    probability: Share
    overall: Share | None
    carries_back: bool
    frame_size: Number


@with_config(STRICT)
class QuoteIn(TypedDict):
    """Words that a reading cites."""

    text: Text | None
    status: Annotated[str, StringConstraints(max_length=20), Clean]
    position: Place
    part: Part
    start: Place
    end: Place


@with_config(STRICT)
class ReadingIn(TypedDict):
    """One reading."""

    position: Place
    part: Part
    start: Place
    end: Place
    identifier: Annotated[str, StringConstraints(max_length=100), Clean]
    value: Real | None
    label: Short
    explanation: Text
    detail: Object
    quotes: Annotated[list[QuoteIn], Field(max_length=MANY)]


@with_config(STRICT)
class ChannelIn(TypedDict):
    """What a channel says of the transcript."""

    channel: Annotated[str, StringConstraints(min_length=1, max_length=200), Clean]
    kind: Annotated[str, StringConstraints(max_length=40), Clean]
    unit: Annotated[str, StringConstraints(max_length=20), Clean]
    digest: Digest
    value: Real | None
    label: Short
    n: Number
    readings: Annotated[list[ReadingIn], Field(max_length=1_000_000)] | None


@with_config(STRICT)
class RecordIn(TypedDict):
    """One line of `labels.jsonl`."""

    transcript: TranscriptIn
    round: RoundIn
    source: Object
    split: Annotated[str, StringConstraints(max_length=31), Clean] | None
    group: Annotated[str, StringConstraints(max_length=64), Clean] | None
    soft: Annotated[list[Any], Field(max_length=MANY)]
    ruling: RulingIn | None
    earlier_rulings: Annotated[list[RulingIn], Field(max_length=10_000)]
    labels: Annotated[list[LabelIn], Field(max_length=10_000)]
    sampling: SamplingIn
    evidence: Annotated[list[ChannelIn], Field(max_length=MANY)] | None


_RECORD: TypeAdapter[RecordIn] = TypeAdapter(RecordIn)


def read_record(line: bytes) -> RecordIn:
    """The record of one line.

    Raises:
        BadRecord: it is none; the message names the field.
    """
    try:
        return _RECORD.validate_json(line)
    except ValidationError as problem:
        raise BadRecord(said(problem)) from None


def said(problem: ValidationError) -> str:
    """The first thing that is wrong, with its place."""
    first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
