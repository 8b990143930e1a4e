"""What a judge version consists of, and the digest over all of it.

The digest is part of the key of every reply, so two versions share a reply only if nothing that could
move the verdict differs between them.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from auditor.judging.prompting import DEFAULT_TEMPLATE
from auditor.judging.rendering import Renderer

ENTROPY = "entropy"  # the channel of how far votes differ; no dimension is called so
MOST_VOTES = 50
MOST_EXAMPLES = 40
CONTEXT = 32_768  # tokens, where nobody says how long a model's window is
ANSWER = 2_000  # tokens of an answer in words
LIMITS = ("max_tokens", "max_completion_tokens")  # what endpoints call the most that an answer may take
EFFORTS = ("", "none", "minimal", "low", "medium", "high", "xhigh")


class DefinitionProblem(ValueError):
    """A version cannot be as asked; `field` says where."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True)
class Parameters:
    """How the model is asked."""

    temperature: float | None = 0.0  # None: not sent, for models that refuse it
    top_p: float | None = None
    seed: int | None = None  # of the first vote; each vote adds one
    answer_tokens: int = ANSWER
    limit: str = "max_tokens"
    effort: str = ""  # reasoning_effort; empty: not sent
    top_logprobs: int = 20  # asked for where the rubric's answer is a number
    context: int = CONTEXT  # tokens of the model's window

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Parameters":
        """What was kept, or given, of them.

        Raises:
            DefinitionProblem: a name that is no parameter, or a value out of its bounds.
        """
        unknown = set(kept) - set(cls.__dataclass_fields__)
        if unknown:
            raise DefinitionProblem("parameters", f"There is no parameter {min(unknown)}.")
        made = cls(**kept)
        for name, lo, hi, whole in (
            ("temperature", 0, 2, False),
            ("top_p", 0, 1, False),
            ("seed", 0, 2**31 - 1, True),
            ("answer_tokens", 1, 200_000, True),
            ("top_logprobs", 0, 20, True),
            ("context", 512, 10_000_000, True),
        ):
            value = getattr(made, name)
            if value is None and name in ("temperature", "top_p", "seed"):
                continue
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise DefinitionProblem(
                    name, f"{name} is a {'whole ' if whole else ''}number from {lo} to {hi}."
                )
            if not math.isfinite(value) or not lo <= value <= hi:
                raise DefinitionProblem(
                    name, f"{name} is a {'whole ' if whole else ''}number from {lo} to {hi}."
                )
        if made.limit not in LIMITS:
            raise DefinitionProblem("limit", f"limit is one of {', '.join(LIMITS)}.")
        if made.effort not in EFFORTS:
            raise DefinitionProblem("effort", f"effort is one of {', '.join(EFFORTS[1:])}, or empty.")
        return made

    def to_json(self) -> dict[str, Any]:
        """What is kept."""
        return asdict(self)


@dataclass(frozen=True)
class Definition:
    """All that bears on a verdict, besides the transcript."""

    rubric: str
    base_url: str
    model: str
    template: str = DEFAULT_TEMPLATE
    parameters: Parameters = field(default_factory=Parameters)
    renderer: Renderer = field(default_factory=Renderer)
    votes: int = 1
    examples: Sequence[Mapping[str, Any]] = ()

    @property
    def digest(self) -> str:
        """sha256 hex over the canonical JSON of everything."""
        return digest_of(
            {
                "rubric": self.rubric,
                "template": self.template,
                "base_url": self.base_url,
                "model": self.model,
                "parameters": self.parameters.to_json(),
                "renderer": self.renderer.to_json(),
                "votes": self.votes,
                "examples": [dict(one) for one in self.examples],
            }
        )


def digest_of(value: Any) -> str:
    """sha256 hex of a JSON value, written in one way only."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
