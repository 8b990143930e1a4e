"""The manifest: who made a release, from what, by which versions and seeds, and what stayed out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow

from auditor import __version__
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.datasets.carrying import Carried
from labeling.datasets.definition import Definition
from labeling.datasets.exporters import Context
from labeling.datasets.models import Release
from labeling.datasets.planning import Plan
from labeling.datasets.records import FORMAT
from labeling.datasets.rows import Records
from labeling.datasets.rows.evidence import digest_of
from labeling.queues.models import Round


class Tally:
    """Counts what goes into the files as they are written."""

    def __init__(self) -> None:
        self.records = 0
        self.revisions = 0
        self.labels: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.splits: Counter[str] = Counter()
        self.labels_in: Counter[tuple[str, str]] = Counter()  # (split, label)
        self.groups: set[str] = set()
        self.carried = Carried()

    def add(self, record: Mapping[str, Any]) -> None:
        """One more record."""
        self.records += 1
        self.revisions += len(record["labels"])
        label = record["source"]["label"]
        if label is not None:
            self.labels[label] += 1
        if record["ruling"] is not None:
            self.rules[record["ruling"]["rule"]] += 1
        if record["split"] is not None:
            self.splits[record["split"]] += 1
            self.labels_in[record["split"], label or ""] += 1
            self.groups.add(record["group"])
        self.carried.add(record)


def beginning_of(release: Release, plan: Plan, rounds: Sequence[Round]) -> dict[str, Any]:
    """What is known before the first record is written."""
    definition = Definition.from_json(release.parameters)
    newest = max((one.codebook_version for one in rounds), key=lambda one: one.number)
    codebook = definition_of(newest)
    return {
        "format": FORMAT,
        "name": release.name,
        "created_by": release.named["created_by"],
        "as_of": plan.moment.isoformat(),
        "app_version": __version__,
        "written_with": f"pyarrow {pyarrow.__version__}",
        "project": release.named["project"],
        "codebook": {"title": codebook.title, "number": newest.number, "digest": newest.digest},
        "rounds": [_round(release, plan, one) for one in rounds],
        "source": definition.source,
        "parameters": definition.at(plan.moment).published(),
        "licence": definition.licence,
        "splits": [{"name": one.name, "share": one.share} for one in definition.splits],
        "prevalence": release.named.get("prevalence", []),
        "validity": release.named.get("worth", []),
        **({"tracks": tracked(release, definition.tracks)} if definition.tracks else {}),
    }


def tracked(release: Release, keys: Sequence[str]) -> list[dict[str, Any]]:
    """The channels whose token tracks are included, as they were declared when the release was made."""
    said = {one.declared["key"]: one.declared for one in release.channels.all()}
    return [{**said[key], "digest": digest_of(said[key])} for key in sorted(said.keys() & set(keys))]


def context_of(release: Release, rounds: Sequence[Round], beginning: Mapping[str, Any]) -> Context:
    """What the exporters of a release are told before its first record."""
    newest = max((one.codebook_version for one in rounds), key=lambda one: one.number)
    definition = Definition.from_json(release.parameters)
    channels = [
        {**one.declared, "digest": digest_of(one.declared)}
        for one in release.channels.all()
        if definition.has_channel(one.declared["key"])  # the others have tracks here, and no readings
    ]
    return Context(
        name=release.name,
        licence=definition.licence,
        labels=_labels(definition_of(newest)),
        definition=newest.definition,
        splits=[one.name for one in definition.splits],
        channels=channels,
        manifest=beginning,
    )


def manifest_of(
    beginning: Mapping[str, Any],
    plan: Plan,
    tally: Tally,
    records: Records,
    codebook: Codebook,
    agreement: Sequence[Mapping[str, Any]],
    files: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The manifest as plain data; `files` are name, size (bytes) and sha256 (hex) of each file so far."""
    splits = beginning["splits"]
    redactor = records.redactor
    return {
        **beginning,
        "codebooks": [
            {"number": one.number, "digest": one.digest, "file": codebook_file(one.number, beginning)}
            for one in records.versions
        ],
        "splits": [
            {
                **one,
                "n": tally.splits[one["name"]],
                "labels": {
                    label: n for (split, label), n in sorted(tally.labels_in.items()) if split == one["name"]
                },
            }
            for one in splits
        ],
        "groups": len(tally.groups),
        "counts": {
            "items": plan.items,
            "included": tally.records,
            "left_out": plan.items - tally.records,
            "labels": tally.revisions,
            "reviewers": len(records.people.met),
            "by_rule": sum(tally.rules.values()) - tally.rules["adjudicator"],
            "rules": dict(sorted(tally.rules.items())),
            "by_adjudicator": tally.rules["adjudicator"],
        },
        "reviewers": sorted(records.people.met),
        "agreement": {
            "compared": plan.compared,
            "same_label": plan.same_label,
            "same_group": plan.same_group,
            "figures": list(agreement),
        },
        "labels": [{**one, "n": tally.labels[one["label"]]} for one in _labels(codebook)],
        "channels": [
            {**said, "digest": digest_of(said), "n": records.channels.met[said["key"]]}
            for said in sorted(records.channels.known.values(), key=lambda one: str(one["key"]))
            if said["key"] in records.channels.met
        ],
        "exclusions": [
            {"reason": reason, "words": words, "n": plan.exclusions[reason]}
            for reason, words in plan.words.items()
            if plan.exclusions[reason]
        ],
        "redaction": {
            "patterns": [
                {"name": name, "places": redactor.places[name]}
                for number, one in enumerate(redactor.patterns, start=1)
                for name in [one.called(number)]
            ],
            "code_points": redactor.code_points,
            "records": redactor.records,
            "names_alike": redactor.alike,
        },
        "attachments": tally.carried.listed(),
        "sources": [{"sha256": digest, "size": size} for digest, size in sorted(records.sources.items())],
        "files": list(files),
    }


def codebook_file(number: int, beginning: Mapping[str, Any]) -> str:
    """What the file of a version's text is called; the newest of the rounds' has the plain name."""
    return "codebook.yaml" if number == beginning["codebook"]["number"] else f"codebook-v{number}.yaml"


def _labels(codebook: Codebook) -> list[dict[str, Any]]:
    return [
        {"label": one.code, "words": one.words, "group": one.group, "definition": one.definition}
        for one in codebook.labels
    ]


def _round(release: Release, plan: Plan, round: Round) -> dict[str, Any]:
    sample, version = plan.samples[round.pk], round.codebook_version
    return {
        "name": release.named["rounds"][str(round.pk)],
        "policy": round.policy,
        "codebook": {"number": version.number, "digest": version.digest},
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
    }
