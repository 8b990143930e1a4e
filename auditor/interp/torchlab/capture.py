"""What instruments see in a model, token by token, transcript by transcript; activations are never all held."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from auditor.evidence.blockformat import Floats, Top
from auditor.interp.torchlab.dictionaries import DictionaryUse
from auditor.interp.torchlab.probes import ProbeUse
from auditor.interp.torchlab.subject import Read, Subject

Key = TypeVar("Key", bound=Hashable)
Instrument = ProbeUse | DictionaryUse


@dataclass(frozen=True)
class Seen:
    """What was seen of one transcript of n tokens."""

    values: Mapping[str, Floats] = field(default_factory=dict)  # channel's key -> [n]
    tops: Mapping[str, Top] = field(default_factory=dict)  # dictionary's name -> [n, k]
    seconds: float = 0.0  # in the model, its share of the batch's
    words: str = ""  # why nothing was seen; empty if it was


def run(
    subject: Subject,
    reads: Iterable[tuple[Key, Read]],
    instruments: Sequence[Instrument],
    *,
    batch_tokens: int = 4096,
) -> Iterator[tuple[Key, Seen]]:
    """Each transcript's values, in about the order given (transcripts of like length are read together).

    Args:
        batch_tokens: most tokens of one batch, padding included; a longer transcript is a batch of its own.

    Raises:
        ValueError: an instrument does not fit the model: its width, or a layer that the model does not have.
    """
    raise RuntimeError("no model")
