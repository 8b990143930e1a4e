"""Argilla: records with what the machines suggest and what each reviewer answered.

    argilla-settings.json    fields and questions, as `rg.Settings` has them
    argilla-records.jsonl    {"id": …, "fields": {"chat": […]}, "suggestions": {…}, "responses": {"label": [{"value": …, "user_id": …}]}}

A person is a UUID made from their pseudonym. The decision is a suggestion whose agent is the label source (`adjudicated`), so that it
shows beside the answers; channels are metadata.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from labeling.datasets.exporters.lines import LineFile, write_document
from labeling.datasets.exporters.said import chat, decision, identity, name_of, shares, standing, words_of

SETTINGS = "argilla-settings.json"
PEOPLE = uuid.UUID("5f2b5f0e-6d1c-5d0e-9a53-9a1f4c2f7b10")  # the name space of reviewers' UUIDs


class ArgillaRecords(LineFile):
    """`argilla-records.jsonl` and `argilla-settings.json`."""

    key = "argilla"
    name = "argilla-records.jsonl"

    def lines(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """One record."""
        held, transcript = decision(record), record["transcript"]
        answers = standing(record)
        turns = [
            {"role": one["role"], "content": one["content"]} for one in chat(transcript.get("messages") or ())
        ]
        yield {
            "id": identity(record),
            "status": "completed",
            "fields": {"chat": turns or [{"role": "user", "content": name_of(record)}]},
            "metadata": self._metadata(record),
            "suggestions": _suggestions(held, shares(record)),
            "responses": {
                "label": [{"value": one["label"], "user_id": person(one["reviewer"])} for one in answers],
                "reason": [
                    {"value": one["rationale"], "user_id": person(one["reviewer"])} for one in answers if one.get("rationale")
                ],
            },
        }  # fmt: skip

    def close(self) -> list[str]:
        """End the file, and write the settings."""
        words = words_of(self.context)
        settings = {
            "guidelines": str(self.context.definition.get("description") or self.context.definition.get("title", "")),
            "fields": [{"name": "chat", "title": "Conversation", "type": "chat", "use_markdown": False, "required": True}],
            "questions": [
                {"name": "label", "title": "Label", "type": "label_selection", "required": True, "labels": words},
                {"name": "reason", "title": "Why", "type": "text", "required": False, "use_markdown": False},
            ],
            "metadata": [
                {"name": "group", "type": "terms"}, {"name": "grade", "type": "terms"}, {"name": "split", "type": "terms"},
                {"name": "transcript", "type": "terms"}, {"name": "model", "type": "terms"},
                {"name": "probability", "type": "float"},
                *({"name": column(one["key"]), "type": "float", "title": one["key"]} for one in self.context.channels),
            ],
        }  # fmt: skip
        return [*super().close(), write_document(self.folder / SETTINGS, settings)]

    def _metadata(self, record: Mapping[str, Any]) -> dict[str, Any]:
        said = {column(one["channel"]): one["value"] for one in record.get("evidence") or ()}
        held = decision(record)
        known = {
            "group": held["group"], "grade": held["grade"], "split": record.get("split"),
            "transcript": name_of(record), "model": record["transcript"].get("model"),
            "probability": (record.get("sampling") or {}).get("probability"), **said,
        }  # fmt: skip
        return {name: value for name, value in known.items() if value not in (None, "")}


def _suggestions(held: Mapping[str, Any], soft: Mapping[str, float]) -> dict[str, Any]:
    """The decision as a suggestion, and its reason."""
    said: dict[str, Any] = {}
    if held["label"]:
        said["label"] = {"value": held["label"], "score": soft.get(held["label"]), "agent": held["kind"]}
    if held["reason"]:
        said["reason"] = {"value": held["reason"], "score": None, "agent": held["kind"]}
    return said


def person(pseudonym: str) -> str:
    """The UUID that stands for a reviewer."""
    return str(uuid.uuid5(PEOPLE, pseudonym))


def column(channel: str) -> str:
    """A channel's key as Argilla lets metadata be called: letters, digits, hyphen and underscore."""
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "_"
        for letter in channel.lower()
    )
