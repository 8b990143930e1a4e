r"""Which field is what: how a record of any JSONL or CSV becomes a transcript.

    {"conversation": "messages", "id": ["task", "sample_id"], "model": "model",
     "conditions": {"domain": "category"},
     "scores": [{"path": "judges.*.score", "channel": "judge.*", "kind": "judge",
                 "label_path": "judges.*.binary", "explanation_path": "judges.*.raw"}]}

Paths are dotted (see `paths`). Instead of `conversation` there may be `prompt` and `response`.
"""

from collections.abc import Mapping as Object
from dataclasses import dataclass, field
from typing import Any

from auditor.corpus.sanitise import clean_text
from auditor.intake.importers.paths import has_star, split_path

CHANNEL_LIMIT = 200  # characters of a channel's key


class MappingError(ValueError):
    """The mapping cannot be used; `field` names where, such as `scores[0].channel`."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field = field


@dataclass(frozen=True, slots=True)
class ScoreField:
    """One score, or one for each key where the path holds a star."""

    path: str
    channel: str  # the channel's key; its star takes the key that the path's star found
    kind: str = "judge"
    label_path: str = ""
    explanation_path: str = ""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Paths into a record; an empty path means the record has no such field."""

    conversation: str = ""
    prompt: str = ""
    response: str = ""
    id: tuple[str, ...] = ()  # joined by "/"
    model: str = ""
    conditions: Object[str, str] = field(default_factory=dict)  # name of the condition -> path
    scores: tuple[ScoreField, ...] = ()
    role_field: str = "role"  # key of a message
    content_field: str = "content"

    def __post_init__(self) -> None:
        if not self.conversation and not (self.prompt or self.response):
            raise MappingError("conversation", "name the conversation, or a prompt and a response")
        if self.conversation and (self.prompt or self.response):
            raise MappingError(
                "conversation", "name either the conversation or prompt and response, not both"
            )
        for name in ("conversation", "prompt", "response", "model"):
            _check_path(name, getattr(self, name))
        for index, path in enumerate(self.id):
            _check_path(f"id[{index}]", path, required=True)
        for name, path in self.conditions.items():
            _check_path(f"conditions.{name}", path, required=True)
        for index, score in enumerate(self.scores):
            _check_score(f"scores[{index}]", score)


def from_json(value: Any) -> Mapping:
    """The mapping that a JSON value states.

    Raises:
        MappingError: an unknown field, a wrong type, a path that cannot be followed.
    """
    fields = _object("", value, set(Mapping.__dataclass_fields__))
    conditions = fields.get("conditions", {})
    if not isinstance(conditions, dict):
        raise MappingError("conditions", "must be an object of names and paths")
    identity = fields.get("id", [])
    if not isinstance(identity, str | list):
        raise MappingError("id", "must be a path or a list of paths")
    scores = fields.get("scores", [])
    if not isinstance(scores, list):
        raise MappingError("scores", "must be a list")
    plain = ("conversation", "prompt", "response", "model", "role_field", "content_field")
    texts = {name: _text(name, fields[name]) for name in plain if fields.get(name)}
    return Mapping(
        id=tuple(
            _text(f"id[{i}]", p) for i, p in enumerate([identity] if isinstance(identity, str) else identity)
        ),
        conditions={_text("conditions", k): _text(f"conditions.{k}", p) for k, p in conditions.items()},
        scores=tuple(_score(f"scores[{i}]", item) for i, item in enumerate(scores)),
        **texts,
    )


def to_json(mapping: Mapping) -> dict[str, Any]:
    """The JSON object that `from_json` reads back to an equal mapping; empty fields are left out."""
    whole = {
        "conversation": mapping.conversation,
        "prompt": mapping.prompt,
        "response": mapping.response,
        "id": list(mapping.id),
        "model": mapping.model,
        "conditions": dict(mapping.conditions),
        "scores": [
            {name: text for name in ScoreField.__dataclass_fields__ if (text := getattr(score, name))}
            for score in mapping.scores
        ],
        "role_field": mapping.role_field if mapping.role_field != "role" else "",
        "content_field": mapping.content_field if mapping.content_field != "content" else "",
    }
    return {name: value for name, value in whole.items() if value}


def _object(where: str, value: Any, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MappingError(where, "must be a JSON object")
    if unknown := sorted(str(key) for key in value if key not in known):
        raise MappingError(f"{where}.{unknown[0]}" if where else unknown[0], "is no field of a mapping")
    return value


def _score(where: str, value: Any) -> ScoreField:
    fields = _object(where, value, set(ScoreField.__dataclass_fields__))
    texts = {name: _text(f"{where}.{name}", text) for name, text in fields.items() if text not in (None, "")}
    for name in ("path", "channel"):
        if name not in texts:
            raise MappingError(f"{where}.{name}", "is required")
    return ScoreField(**texts)


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise MappingError(where, "must be a text")
    if value != clean_text(value):
        raise MappingError(where, "holds a character that cannot be stored")
    return value


def _check_path(where: str, path: str, *, required: bool = False, star: bool = False) -> bool:
    """Whether the path has a star."""
    if not path and not required:
        return False
    try:
        starred = has_star(split_path(path))
    except ValueError as problem:
        raise MappingError(where, str(problem)) from None
    if starred and not star:
        raise MappingError(where, "may not hold a *")
    return starred


def _check_score(where: str, score: ScoreField) -> None:
    starred = _check_path(f"{where}.path", score.path, required=True, star=True)
    if not score.channel or len(score.channel) > CHANNEL_LIMIT:
        raise MappingError(f"{where}.channel", f"must have 1 to {CHANNEL_LIMIT} characters")
    if score.channel.count("*") != (1 if starred else 0):
        problem = "needs one * where the path's key goes" if starred else "may hold a * only if the path does"
        raise MappingError(f"{where}.channel", problem)
    if not score.kind or score.kind == "human":
        raise MappingError(
            f"{where}.kind", "must say what made the score, and not 'human': people's labels are made here"
        )
    for name in ("label_path", "explanation_path"):
        if _check_path(f"{where}.{name}", getattr(score, name), star=True) and not starred:
            raise MappingError(f"{where}.{name}", "may hold a * only if the path does")
