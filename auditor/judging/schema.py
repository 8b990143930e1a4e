"""The JSON schema of an answer, strict: the reasons first, then the words, then the values.

Reasons come first because a model that has written its verdict defends it.
"""

from typing import Any

from auditor.judging.rubric import NUMBER, SCALE, Ask, Dimension, Rubric

MOST_QUOTES = 50  # that are read of one answer


def answer_schema(rubric: Rubric, ask: Ask) -> dict[str, Any] | None:
    """What an endpoint that can must keep to; None where the answer is a bare number.

    Every field is required and no other allowed, as strict modes want it; lengths are not bounded here,
    since some endpoints refuse that.
    """
    if rubric.answer == NUMBER:
        return None
    quote = {
        "message": {"type": "integer"},
        "quote": {"type": "string"},
        "supports": {"type": "string", "enum": [one.key for one in ask.dimensions]},
    }
    return _object(
        {
            "rationale": {"type": "string"},
            "quotes": {"type": "array", "items": _object(quote)},
            **{one.key: _value(one) for one in ask.dimensions},
        }
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False
    }  # fmt: skip


def _value(dimension: Dimension) -> dict[str, Any]:
    if dimension.kind == SCALE:
        return {"type": "integer", "minimum": dimension.lo, "maximum": dimension.hi}
    return {"type": "string", "enum": list(dimension.words)}
