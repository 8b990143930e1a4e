"""OpenInference: decisions, reviewers' labels and channels as annotations of a session.

    {"session.id": "pay-1", "session.annotations.0.annotation.name": "auditor",
     "session.annotations.0.annotation.annotator_kind": "HUMAN", "….label": "D", "….identifier": "adjudicated"}

An annotation is known by its name and identifier: the decision is the release's label source, such as `adjudicated`, a reviewer's label is theirs at its
stage. Scores are on the scale of their channel.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from labeling.datasets.exporters.lines import LineFile
from labeling.datasets.exporters.said import decision, fact, identity, name_of, shares, spans, words_of

NAME = "auditor"
KINDS = {"judge": "LLM", "human": "HUMAN"}  # of channels; others are computed, by code


class OpenInferenceAnnotations(LineFile):
    """`openinference-annotations.jsonl`."""

    key = "openinference"
    name = "openinference-annotations.jsonl"

    def lines(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """One line for the transcript, with all of its annotations as flat attributes."""
        line: dict[str, Any] = {"session.id": str(fact(record, "session.id") or name_of(record))}
        for index, annotation in enumerate(self._annotations(record)):
            for field, value in annotation.items():
                if value not in (None, ""):
                    line[f"session.annotations.{index}.annotation.{field}"] = value
        yield line

    def _annotations(self, record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        held, words = decision(record), words_of(self.context)
        about = {
            "words": held["words"], "group": held["group"], "grade": held["grade"], "source": held["kind"], "how": held["how"],
            "shares": shares(record), "spans": spans(record), "split": record.get("split"),
            "probability": (record.get("sampling") or {}).get("probability"), "transcript": identity(record),
        }  # fmt: skip
        if held["label"]:
            yield _annotation(
                name=NAME, label=held["label"], explanation=held["reason"], annotator_kind="HUMAN",
                identifier=held["kind"], metadata=about,
            )  # fmt: skip
        for one in record["labels"]:
            more = {
                "words": words.get(one["label"], ""), "group": one["group"], "grade": one["grade"],
                "stage": one["stage"], "number": one["number"], "confidence": one.get("confidence"),
                "spans": one.get("spans") or [],
            }  # fmt: skip
            yield _annotation(
                name=NAME, label=one["label"], explanation=one.get("rationale"), annotator_kind="HUMAN",
                identifier=f"{one['reviewer']}/{one['stage']}/{one['number']}", metadata=more,
            )  # fmt: skip
        for one in record.get("evidence") or ():
            yield _annotation(
                name=one["channel"], score=one["value"], label=one["label"],
                annotator_kind=KINDS.get(one["kind"], "CODE"), metadata={"readings": one["n"], "digest": one["digest"]},
            )  # fmt: skip


def _annotation(*, metadata: Mapping[str, Any], **said: Any) -> dict[str, Any]:
    return {**said, "metadata": orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS).decode()}
