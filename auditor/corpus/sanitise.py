"""Make foreign values safe to store: PostgreSQL text and jsonb refuse some of what JSON allows.

NUL characters and lone surrogates become U+FFFD; NaN and infinities become null in JSON and
None as numbers. The raw bytes stay in the source file, so nothing is lost.
"""

import math
import re
from typing import Any

_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"
MAX_DEPTH = 100


def clean_text(value: str) -> str:
    """`value` without NUL and lone surrogates, same length in code points."""
    if value.isascii():  # known without a scan, and most text is
        return value.replace("\x00", REPLACEMENT)
    return _FORBIDDEN.sub(REPLACEMENT, value)


def clean_number(value: object) -> float | None:
    """A finite float for a number or bool; None for anything else, NaN and infinities included."""
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def clean_json(value: Any, _depth: int = 0) -> Any:
    """A copy of a JSON value that jsonb accepts.

    Raises:
        ValueError: nested deeper than `MAX_DEPTH`, which no log has and a parser bomb would.
    """
    if _depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(item, _depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item, _depth + 1) for item in value]
    return clean_text(str(value))
