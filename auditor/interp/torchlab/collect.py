"""Activations of chosen layers, gathered for training: one vector or all counted tokens of each transcript."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from auditor.evidence.blockformat import Floats
from auditor.interp.hookpoints import Place
from auditor.interp.torchlab.subject import Read, Subject

Key = TypeVar("Key", bound=Hashable)
Rule = Literal["mean", "last", "tokens"]


@dataclass(frozen=True)
class Gathered:
    """One transcript's activations."""

    at: Mapping[Place, Floats]  # [d] by "mean" or "last", [tokens, d] by "tokens"; float32
    tokens: int  # that counted
    words: str = ""  # why there is nothing: too long, or no token that counts


def activations(
    subject: Subject,
    reads: Iterable[tuple[Key, Read]],
    places: Sequence[Place],
    *,
    rule: Rule = "mean",
    batch_tokens: int = 4096,
) -> Iterator[tuple[Key, Gathered]]:
    """For each transcript, the activations at each place over the tokens that count.

    Args:
        rule: "mean" over them, the "last" of them, or all "tokens".
    """
    raise RuntimeError("no model")
