"""Which texts of a transcript go into a record, and what of them is blacked out."""

from collections.abc import Mapping, Sequence
from typing import Any

from auditor.corpus.models import Message
from auditor.corpus.queries import texts_of
from labeling.datasets.definition import Definition
from labeling.datasets.redaction import Redactor

TOOL_PARTS = ("tool_call", "tool_result")
STRUCTURE = ("kind", "id", "blob", "media_type", "valid", "error")  # of a part: says nothing a person wrote


class Texts:
    """The texts of one transcript as the release has them.

    Quotes are cut from what stands there in the release, so a quote and its place always say the same.
    """

    def __init__(
        self, definition: Definition, redactor: Redactor, messages: Sequence[Message] | None
    ) -> None:
        self.definition, self.redactor = definition, redactor
        self.shown: dict[tuple[int, str], str] = {}  # (position, part) -> as the release has it
        self._stored: dict[tuple[int, str], str] = {}  # and as it is stored, where that differs
        self.messages = None if messages is None else [self._message(one) for one in messages]

    def quoted(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """A unit, span or quote (with position, part, start, end) with its words as the release has them."""
        return {**part, "quote": self.quote(part.get("quote"), part)}

    def quote(self, words: str | None, at: Mapping[str, Any]) -> str | None:
        """Words from a place; None where the release does not have that text."""
        if self.messages is None or words is None:
            return None
        place = (at.get("position"), at.get("part") or "")
        if place[0] is None or not place[1]:  # of no one part
            return self.redactor.covered(words, counted=False) if self._has_all else None
        text = self.shown.get((place[0], place[1]))
        if text is None:
            return None
        if not self.redactor:
            return words
        start, end = at.get("start"), at.get("end")
        stored = self._stored.get((place[0], place[1]), text)
        if start is not None and end is not None and stored[start:end] == words:
            return text[start:end]
        return self.redactor.covered(words, counted=False)

    def written(self, words: str) -> str | None:
        """What a person wrote; None where the release leaves that out."""
        return self.redactor.covered(words) if self.definition.rationales else None

    @property
    def _has_all(self) -> bool:
        return self.definition.reasoning and self.definition.tools

    def _message(self, message: Message) -> dict[str, Any]:
        chosen = self.definition
        kept: dict[tuple[int, str], str] = {}
        for part, text in texts_of(message).items():
            if self._goes_in(message, part):
                here = (message.position, part)
                kept[here] = self.redactor.covered(text)
                if kept[here] is not text:
                    self._stored[here] = text
        self.shown |= kept
        return {
            "position": message.position,
            "role": message.role,
            "text": kept.get((message.position, "text")),
            "reasoning": kept.get((message.position, "reasoning"), "") if chosen.reasoning else None,
            "parts": [
                self._part(part, kept.get((message.position, f"part:{index}")))
                for index, part in enumerate(message.parts)
            ],
            "source_id": message.source_id,
            "model": message.model_name,
        }

    def _goes_in(self, message: Message, part: str) -> bool:
        if part == "reasoning":
            return self.definition.reasoning
        if self.definition.tools:
            return True
        if part == "text":
            return message.role != "tool"
        return message.parts[int(part.removeprefix("part:"))].get("kind") not in TOOL_PARTS

    def _part(self, part: Mapping[str, Any], text: str | None) -> dict[str, Any]:
        if not self.definition.tools and part.get("kind") in TOOL_PARTS:
            return {name: part[name] for name in (*STRUCTURE, "name") if name in part}
        if not self.redactor:
            return dict(part)
        rest = {
            name: value if name in STRUCTURE else self.redactor.everywhere(value)
            for name, value in part.items()
            if name != "text"
        }
        return rest | ({"text": text if text is not None else part["text"]} if "text" in part else {})
