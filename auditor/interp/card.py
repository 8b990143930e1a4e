"""What a probe must say of itself before anybody may believe a number of it.

    Card.from_json({...})        every field checked; a problem names its field
    card.counts(table)           which tokens its rule counts
    card.aggregate(values, counted), card.peak(values, counted)
    card.in_words()              the same for people

Two conventions of counting layers differ by one, two signs of a score mean opposite things, and a mean and a
maximum of the same tokens rank texts differently: so none of these is guessed, and a card without them is refused.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.evidence.blockformat import TokenTable
from auditor.interp.aggregating import AGGREGATIONS, aggregate, peak

FORMAT = "auditor.probe.1"
UNKNOWN = "unknown"  # an honest answer where nobody knows a revision or a digest

KINDS = {
    "logistic": "logistic regression",
    "mean_difference": "difference of two means",
    "lat": "first principal component of differences (LAT)",
    "token_hallucination": "token-level hallucination head",
    "vector": "a direction whose making is not known",
}
CONVENTIONS = {
    "resid_post": "layer n is the residual stream after block n, the first block being 0",
    "hidden_states": "layer n is entry n of hidden_states, where 0 is the embedding: after block n - 1",
}
HOOKS = {
    "resid_post": "the residual stream after the block",
    "resid_pre": "the residual stream before the block",
    "mlp_out": "what the block's MLP adds",
    "attn_out": "what the block's attention adds",
}
STANDARDISATIONS = {
    "none": "activations are taken as they are",
    "mean": "a mean is taken off each activation first",
    "mean_scale": "a mean is taken off each activation, then it is divided by a scale, number by number",
}
TOKEN_RULES = {
    "assistant": "every token of the assistant's words",
    "assistant_text": "every token of what the assistant says, its reasoning left out",
    "all": "every token that stands on words, whoever says them",
    "last": "the last token of the assistant's words",
}
OUTPUTS = {
    "linear": "the score is direction · activation + bias",
    "probability": "the score is the logistic function of direction · activation + bias",
}
MOST_LAYERS = 10_000
LONGEST_WINDOW = 100_000  # tokens
LONGEST = 2_000  # characters of one text
_HOOK = re.compile(r"(?:blocks\.(\d{1,5})\.hook_)?([a-z_]+)")
_HEX = re.compile(r"[0-9a-f]{64}")

Flags = npt.NDArray[np.bool_]


class CardProblem(ValueError):
    """A card cannot be as given; `field` says where."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class Training:
    """What the direction was learned from."""

    text: str
    digest: str  # sha256 hex, or "unknown"


@dataclass(frozen=True)
class CardThreshold:
    """From where on the probe's makers say that it fires, and on what they saw that."""

    value: float
    control: str
    n: int
    fired: int  # of those n, at or above the value
    wanted: float | None = None  # the rate aimed at


@dataclass(frozen=True)
class Card:
    """A probe's card; see the module for what each choice means."""

    kind: str
    model: str
    revision: str
    layer: int
    hook: str  # a key of HOOKS
    convention: str
    polarity: str  # what a high value means, in words
    standardisation: str
    token_rule: str
    aggregation: str
    training: Training
    window: int | None = None  # tokens, of rolling_max
    output: str = "linear"
    thresholds: tuple[CardThreshold, ...] = ()
    name: str = ""
    source: str = ""
    licence: str = ""
    notes: str = ""

    @classmethod
    def from_json(cls, given: Any) -> "Card":
        """The card in a decoded JSON object.

        Raises:
            CardProblem: a field is missing, unknown or not as it must be; it names the first.
        """
        if not isinstance(given, Mapping):
            raise CardProblem("card", "it must be a JSON object")
        known = {*cls.__dataclass_fields__, "format"}
        unknown = sorted(str(key)[:60] for key in given if key not in known)
        if unknown:
            raise CardProblem(unknown[0], "a card has no such field")
        if given.get("format", FORMAT) != FORMAT:
            raise CardProblem("format", f"only {FORMAT} is read")
        aggregation = _one_of(given, "aggregation", AGGREGATIONS)
        convention = _one_of(given, "convention", CONVENTIONS)
        layer = _whole(given, "layer", 0, MOST_LAYERS)
        return cls(
            kind=_one_of(given, "kind", KINDS),
            model=_text(given, "model", 200, required=True),
            revision=_text(given, "revision", 100, required=True, hint='the commit, or "unknown"'),
            layer=layer,
            hook=_hook(given, layer, convention),
            convention=convention,
            polarity=_polarity(given),
            standardisation=_one_of(given, "standardisation", STANDARDISATIONS),
            token_rule=_one_of(given, "token_rule", TOKEN_RULES),
            aggregation=aggregation,
            training=_training(given),
            window=_window(given, aggregation),
            output=_one_of(given, "output", OUTPUTS, "linear"),
            thresholds=_thresholds(given),
            name=_text(given, "name", 150),
            source=_text(given, "source", 300),
            licence=_text(given, "licence", 100),
            notes=_text(given, "notes", LONGEST),
        )

    def to_json(self) -> dict[str, Any]:
        """What is kept; `from_json` gives an equal card back."""
        kept: dict[str, Any] = {
            "format": FORMAT, "kind": self.kind, "model": self.model, "revision": self.revision, "layer": self.layer,
            "hook": self.hook, "convention": self.convention, "polarity": self.polarity,
            "standardisation": self.standardisation, "token_rule": self.token_rule, "aggregation": self.aggregation,
            "training": {"text": self.training.text, "digest": self.training.digest}, "output": self.output,
        }  # fmt: skip
        if self.window is not None:
            kept["window"] = self.window
        if self.thresholds:
            kept["thresholds"] = [
                {"value": t.value, "control": t.control, "n": t.n, "fired": t.fired, "wanted": t.wanted}
                for t in self.thresholds
            ]
        for name in ("name", "source", "licence", "notes"):
            if getattr(self, name):
                kept[name] = getattr(self, name)
        return kept

    @property
    def block(self) -> int | None:
        """The block whose stream is read, counted from 0; None: the embedding, before any block."""
        if self.convention == "resid_post":
            return self.layer
        return None if self.layer == 0 else self.layer - 1

    @property
    def full_hook(self) -> str:
        """The place in one spelling for both conventions: `blocks.12.hook_resid_post`."""
        if self.block is None:
            return "blocks.0.hook_resid_pre"
        return f"blocks.{self.block}.hook_{self.hook}"

    def problem_with(self, n_layers: int) -> str:
        """Why a model of so many blocks cannot be read there; empty if it can."""
        if self.convention == "hidden_states" and self.layer == n_layers:
            return (
                f"layer: entry {n_layers} of hidden_states is the last, and most models take it after their final "
                f"norm; say resid_post {n_layers - 1} if the stream before that norm is meant"
            )
        if self.block is not None and self.block >= n_layers:
            return f"layer: the model has {n_layers} blocks, 0 to {n_layers - 1}, and the card reads {self.block}"
        return ""

    def counts(self, table: TokenTable, parts: Sequence[str]) -> Flags:
        """Which of n tokens the card's rule counts, [n].

        Args:
            table: `counted` says which are the assistant's words.
            parts: the names that `table.part` numbers.
        """
        assistant: Flags = table.counted.astype(bool) & ~table.special.astype(bool)
        if self.token_rule == "all":  # noqa: S105 - a rule about tokens, no password
            on_words: Flags = (table.position >= 0) & (table.end > table.start) & (table.special == 0)
            return on_words
        if self.token_rule == "assistant_text":  # noqa: S105
            reasoning = [number for number, part in enumerate(parts) if part == "reasoning"]
            spoken: Flags = assistant & ~np.isin(table.part, reasoning)
            return spoken
        if self.token_rule == "last":  # noqa: S105
            last = np.zeros(len(table), dtype=bool)
            if assistant.any():
                last[np.flatnonzero(assistant)[-1]] = True
            return last
        return assistant

    def aggregate(self, values: npt.ArrayLike, counted: npt.ArrayLike) -> float | None:
        """One value of the counted tokens, or None where there are none; see `aggregating.aggregate`."""
        return aggregate(values, counted, self.aggregation, self.window or 1)

    def peak(self, values: npt.ArrayLike, counted: npt.ArrayLike) -> int | None:
        """The index of the token to look at first, or None; see `aggregating.peak`."""
        return peak(values, counted, self.aggregation, self.window or 1)

    @property
    def anchored(self) -> bool:
        """Whether its value is one place's rather than the whole transcript's."""
        return self.aggregation != "mean"

    def in_words(self) -> list[tuple[str, str]]:
        """Each field as (what it is, what it says), in plain words."""
        rows = [
            ("Kind", KINDS[self.kind]),
            ("Model", f"{self.model}, revision {self.revision}"),
            ("Reads", f"{HOOKS[self.hook]}, layer {self.layer} ({self.full_hook})"),
            ("Counting of layers", CONVENTIONS[self.convention]),
            ("A high value means", self.polarity),
            ("Standardisation", STANDARDISATIONS[self.standardisation]),
            ("Score of a token", OUTPUTS[self.output]),
            ("Counted", TOKEN_RULES[self.token_rule]),
            ("Value of a transcript", self.aggregation_in_words),
            ("Trained on", self.training.text),
            ("Digest of that", self.training.digest),
        ]
        rows += [("Source", self.source)] if self.source else []
        rows += [("Licence", self.licence)] if self.licence else []
        rows += [("Notes", self.notes)] if self.notes else []
        return rows

    @property
    def aggregation_in_words(self) -> str:
        """How tokens become one value, with the window where there is one."""
        if self.aggregation == "rolling_max":
            return f"greatest mean of {self.window} counted tokens in a row"
        return AGGREGATIONS[self.aggregation]


def _one_of(given: Mapping[str, Any], name: str, allowed: Mapping[str, str], default: str = "") -> str:
    value = given.get(name, default)
    if value in (None, ""):
        raise CardProblem(name, f"it is missing; it is one of {', '.join(allowed)}")
    if not isinstance(value, str) or value not in allowed:
        raise CardProblem(name, f"it must be one of {', '.join(allowed)}")
    return value


def _text(given: Mapping[str, Any], name: str, most: int, *, required: bool = False, hint: str = "") -> str:
    value = given.get(name)
    if value is None or value == "":
        if required:
            raise CardProblem(name, "it is missing" + (f"; say {hint}" if hint else ""))
        return ""
    if not isinstance(value, str):
        raise CardProblem(name, "it must be a text")
    if required and not value.strip():
        raise CardProblem(name, "it is empty")
    if len(value) > most or "\0" in value:
        raise CardProblem(name, f"it may have {most:,} characters, and no zero bytes")
    return value.strip()


def _whole(given: Mapping[str, Any], name: str, lo: int, hi: int) -> int:
    value = given.get(name)
    if value is None:
        raise CardProblem(name, f"it is missing; it is a whole number from {lo} to {hi:,}")
    if type(value) is not int or not lo <= value <= hi:
        raise CardProblem(name, f"it must be a whole number from {lo} to {hi:,}")
    return value


def _number(given: Mapping[str, Any], name: str, where: str) -> float:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CardProblem(where, f"{name} must be a finite number")
    return float(value)


def _hook(given: Mapping[str, Any], layer: int, convention: str) -> str:
    """The short name of the hook; a block that it names must be the one that layer and convention give."""
    value = _text(given, "hook", 100, required=True, hint=f"one of {', '.join(HOOKS)}")
    found = _HOOK.fullmatch(value)
    if found is None or found[2] not in HOOKS:
        raise CardProblem(
            "hook", f"it must be one of {', '.join(HOOKS)}, or blocks.N.hook_ before one of these"
        )
    if convention == "hidden_states" and found[2] != "resid_post":
        raise CardProblem("hook", "hidden_states holds the residual stream alone: the hook is resid_post")
    block = layer if convention == "resid_post" else layer - 1
    if found[1] is not None and int(found[1]) != block:
        raise CardProblem(
            "hook", f"it names block {found[1]}, and layer {layer} counted as {convention} is block {block}"
        )
    return found[2]


def _polarity(given: Mapping[str, Any]) -> str:
    value = _text(given, "polarity", 200, required=True, hint="what a high value means, in words")
    if not re.search(r"[^\W\d_]{3,}", value):
        raise CardProblem("polarity", "say in words what a high value means, such as: high is deceptive")
    return value


def _training(given: Mapping[str, Any]) -> Training:
    value = given.get("training")
    if not isinstance(value, Mapping):
        raise CardProblem(
            "training", 'it must be {"text": what it was trained on, "digest": sha256 or "unknown"}'
        )
    unknown = sorted(str(key)[:60] for key in value if key not in ("text", "digest"))
    if unknown:
        raise CardProblem("training", f"it has no field {unknown[0]}")
    digest = value.get("digest")
    if digest != UNKNOWN and not (isinstance(digest, str) and _HEX.fullmatch(digest)):
        raise CardProblem("training", 'its digest is 64 hexadecimal digits (sha256), or "unknown"')
    if not isinstance(value.get("text"), str) or not value["text"].strip():
        raise CardProblem("training", "say in its text what the probe was trained on")
    return Training(_text(value, "text", LONGEST, required=True), digest)


def _window(given: Mapping[str, Any], aggregation: str) -> int | None:
    if aggregation == "rolling_max":
        return _whole(given, "window", 1, LONGEST_WINDOW)
    if given.get("window") is not None:
        raise CardProblem("window", "only rolling_max has one")
    return None


def _thresholds(given: Mapping[str, Any]) -> tuple[CardThreshold, ...]:
    value = given.get("thresholds")
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > 50:
        raise CardProblem("thresholds", "it must be a list of at most 50")
    made = []
    for number, one in enumerate(value):
        where = f"thresholds[{number}]"
        if not isinstance(one, Mapping):
            raise CardProblem(where, "it must be an object with value, control, n and fired")
        control = one.get("control")
        if not isinstance(control, str) or not control.strip() or len(control) > 200:
            raise CardProblem(where, "a threshold names the control set that it was chosen on")
        n, fired = one.get("n"), one.get("fired")
        if type(n) is not int or not 1 <= n <= 2**31 - 1:
            raise CardProblem(where, "n is how many texts the control set has, at least 1")
        if type(fired) is not int or not 0 <= fired <= n:
            raise CardProblem(where, "fired is how many of the n were at or above the value")
        wanted = None if one.get("wanted") is None else _number(one, "wanted", where)
        if wanted is not None and not 0 <= wanted <= 1:
            raise CardProblem(where, "wanted is a rate from 0 to 1")
        made.append(CardThreshold(_number(one, "value", where), control.strip(), n, fired, wanted))
    return tuple(made)
