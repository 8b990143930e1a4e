"""The manifest: who made a release, from what, by which versions and seeds, and what stayed out."""

from collections import Counter
from datetime import datetime
from typing import Any

import pyarrow

from auditor import __version__
from auditor.evidence.models import Channel
from labeling.codebooks.queries import definition_of
from labeling.datasets.exporters import Context
from labeling.datasets.models import Release
from labeling.datasets.queries import REASONS, Plan
from labeling.datasets.records import FORMAT
from labeling.datasets.rows import Records


class Tally:
    """Counts what goes into the files as they are written."""

    def __init__(self) -> None:
        self.records = 0
        self.revisions = 0
        self.labels: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.channels: Counter[str] = Counter()

    def add(self, record: dict[str, Any]) -> None:
        """One more record."""
        self.records += 1
        self.revisions += len(record["labels"])
        self.labels[record["ruling"]["label"]] += 1
        self.rules[record["ruling"]["rule"]] += 1
        self.channels.update(said["channel"] for said in record.get("evidence") or ())


def context_of(release: Release) -> Context:
    """What the exporters of a release are told before its first record."""
    version = release.round.codebook_version
    labels = [
        {"label": one.code, "words": one.words, "group": one.group, "definition": one.definition}
        for one in definition_of(version).labels
    ]
    return Context(
        name=release.name,
        licence=release.parameters.get("licence", "unlicensed"),
        labels=labels,
        definition=version.definition,
    )


def manifest_of(
    release: Release,
    plan: Plan,
    tally: Tally,
    records: Records,
    files: list[dict[str, Any]],
    moment: datetime,
) -> dict[str, Any]:
    """The manifest as plain data; `files` are name, size (bytes) and sha256 (hex) of each file so far."""
    round, version = release.round, release.round.codebook_version
    sample, codebook = round.sample, definition_of(version)
    return {
        "format": FORMAT,
        "name": release.name,
        "created_by": release.created_by.name,
        "created_at": moment.isoformat(timespec="seconds"),
        "app_version": __version__,
        "written_with": f"pyarrow {pyarrow.__version__}",
        "project": {"name": release.project.name, "slug": release.project.slug},
        "round": {"name": round.name, "policy": round.policy, "overlap": round.overlap},
        "codebook": {"title": codebook.title, "number": version.number, "digest": version.digest},
        "sample": {
            "name": sample.name,
            "design": sample.design,
            "seed": sample.seed,
            "parameters": sample.parameters,
            "filter": sample.filter,
            "frame_at": sample.frame_at.isoformat(timespec="seconds"),
            "frame_size": sample.frame_size,
            "frame_digest": sample.frame_digest,
            "left_out": sample.left_out,
            "carries_back": sample.carries_back,
            "why_not": sample.why_not,
            "extends": sample.extends.name if sample.extends else None,
            "excludes": sorted(sample.excludes.values_list("name", flat=True)),
            "strata": sample.strata,
        },
        "parameters": release.parameters,
        "licence": release.parameters.get("licence", "unlicensed"),
        "counts": {
            "items": plan.items,
            "included": tally.records,
            "left_out": plan.items - tally.records,
            "labels": tally.revisions,
            "reviewers": len(records.reviewers),
            "by_rule": tally.records - tally.rules["adjudicator"],
            "rules": dict(sorted(tally.rules.items())),
            "by_adjudicator": tally.rules["adjudicator"],
        },
        "reviewers": sorted(records.reviewers),
        "agreement": {
            "compared": plan.compared,
            "same_label": plan.same_label,
            "same_group": plan.same_group,
        },
        "labels": [
            {
                "label": one.code,
                "words": one.words,
                "group": one.group,
                "definition": one.definition,
                "n": tally.labels[one.code],
            }
            for one in codebook.labels
        ],
        "channels": _channels(release, tally),
        "exclusions": [
            {"reason": reason, "words": words, "n": plan.exclusions[reason]}
            for reason, words in REASONS.items()
            if plan.exclusions[reason]
        ],
        "sources": [{"sha256": digest, "size": size} for digest, size in sorted(records.sources.items())],
        "files": files,
    }


def _channels(release: Release, tally: Tally) -> list[dict[str, Any]]:
    """What each channel of evidence in the files is, as its producer declared it, and on how many records it speaks."""
    rows = Channel.objects.filter(project_id=release.project_id, key__in=tally.channels).order_by("key")
    return [
        {
            "key": one.key,
            "name": one.name,
            "kind": one.kind,
            "rollup": one.rollup,
            "scale": [one.lo, one.hi],
            "high_means": one.polarity,
            "notice": one.notice,
            "n": tally.channels[one.key],
        }
        for one in rows
    ]
