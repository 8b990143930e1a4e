"""Which texts of a transcript go into a record, and what of them is blacked out."""

from collections.abc import Mapping, Sequence
from typing import Any

from labeling.datasets.definition import Definition
from labeling.datasets.redaction import Redactor

TOOL_PARTS = ("tool_call", "tool_result")
STRUCTURE = ("kind", "id", "blob", "media_type", "valid", "error")  # of a part: says nothing a person wrote


class Texts:
    """The texts of one transcript as the release has them.

    Quotes are cut from what stands there in the release, so a quote and its place always say the same.
    """

    def __init__(
        self, definition: Definition, redactor: Redactor, messages: Sequence[dict[str, Any]] | None
    ) -> None:
        """Messages as `fetching.talk_of` gives them; they are used up."""
        self.definition, self.redactor = definition, redactor
        self.covers = bool(redactor)
        self._has_all = definition.reasoning and definition.tools
        self.has_all = (
            messages is not None and self._has_all and not self.covers
        )  # every text as it is stored
        self._stored: dict[tuple[int, str], str] = {}  # as it is stored, where the release has it otherwise
        self._shown: dict[tuple[int, str], str] | None = None
        self.messages: list[dict[str, Any]] | None
        if messages is None or self.has_all:
            self.messages = None if messages is None else list(messages)
        else:
            self._shown = {}
            self.messages = [self._message(one) for one in messages]

    @property
    def shown(self) -> dict[tuple[int, str], str]:
        """(position, part) -> the text there, as the release has it."""
        if self._shown is None:
            self._shown = {
                (one["position"], part): text
                for one in self.messages or ()
                for part, text in parts_of(one).items()
            }
        return self._shown

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
        if not self.covers:
            return words
        start, end = at.get("start"), at.get("end")
        stored = self._stored.get((place[0], place[1]), text)
        if start is not None and end is not None and stored[start:end] == words:
            return text[start:end]
        return self.redactor.covered(words, counted=False)

    def written(self, words: str) -> str | None:
        """What a person wrote; None where the release leaves that out."""
        return self.redactor.covered(words) if self.definition.rationales else None

    def _message(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._shown is not None
        chosen, position = self.definition, message["position"]
        kept: dict[tuple[int, str], str] = {}
        for part, text in parts_of(message).items():
            if self._goes_in(message, part):
                here = (position, part)
                kept[here] = self.redactor.covered(text)
                if kept[here] is not text:
                    self._stored[here] = text
        self._shown |= kept
        return {
            **message,
            "text": kept.get((position, "text")),
            "reasoning": kept.get((position, "reasoning"), "") if chosen.reasoning else None,
            "parts": [
                self._part(part, kept.get((position, f"part:{index}")))
                for index, part in enumerate(message["parts"])
            ],
        }

    def _goes_in(self, message: Mapping[str, Any], part: str) -> bool:
        if part == "reasoning":
            return self.definition.reasoning
        if self.definition.tools:
            return True
        if part == "text":
            return bool(message["role"] != "tool")
        return message["parts"][int(part.removeprefix("part:"))].get("kind") not in TOOL_PARTS

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


def parts_of(message: Mapping[str, Any]) -> dict[str, str]:
    """The texts that anchors may point into, by the part's name; as `corpus.queries.texts_of`."""
    texts = {"text": message["text"]}
    if message["reasoning"]:
        texts["reasoning"] = message["reasoning"]
    for index, part in enumerate(message["parts"]):
        if part.get("text"):
            texts[f"part:{index}"] = part["text"]
    return texts
