"""How fast a capture is and what it takes on disk, in numbers for its page."""

from dataclasses import dataclass

from auditor.interp.models import Capture


@dataclass(frozen=True)
class Pace:
    """Of a capture so far; None where nothing says it yet."""

    tokens_a_second: float | None  # in the model
    bytes_a_token: float | None  # of the blocks, compressed
    seconds_left: float | None


def pace_of(capture: Capture) -> Pace:
    """From what has been stored."""
    return Pace(
        capture.n_tokens / capture.seconds if capture.seconds > 0 else None,
        capture.n_bytes / capture.n_tokens if capture.n_tokens else None,
        None if capture.run.rests else capture.seconds_left,
    )
