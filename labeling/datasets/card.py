"""The dataset card: the manifest in words, as Markdown that hostile names cannot break out of."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from labeling.datasets.licences import LICENCES

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:@])")
_SPACE = re.compile(r"\s+")


def plain(text: object) -> str:
    """Text as one line of Markdown that means itself: no markup, no HTML, no links."""
    words = _SPACE.sub(" ", str(text)).strip()
    escaped = _SPECIAL.sub(r"\\\1", words)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def card(manifest: Mapping[str, Any]) -> str:
    """The card of a release, from its manifest alone."""
    parts = [_header(manifest), *(section(manifest) for section in SECTIONS)]
    return "\n\n".join(part for part in parts if part) + "\n"


def citation(manifest: Mapping[str, Any]) -> str:
    """How to cite the release, in one line; the digest names the data whatever becomes of the name."""
    digest = next((one["sha256"] for one in manifest["files"] if one["name"] == "labels.jsonl"), "")
    return (
        f"{manifest['created_by']} ({manifest['created_at'][:4]}). {manifest['name']} [data set]. "
        f"{manifest['project']['name']}. Made with Auditor {manifest['app_version']}. labels.jsonl sha256:{digest}"
    )


def _header(manifest: Mapping[str, Any]) -> str:
    licence = manifest["licence"]
    about = (
        f"{_count(manifest['counts']['included'], 'transcript')} of the project "
        f"{plain(manifest['project']['name'])}, each with an adjudicated label by the codebook "
        f"{plain(manifest['codebook']['title'])} (version {manifest['codebook']['number']}), every reviewer's "
        "own labels beside it, and the probability it had of being drawn."
    )
    lines = [
        "---",
        f"pretty_name: {json.dumps(manifest['name'])}",
        f"license: {json.dumps(licence if licence != 'unlicensed' else 'other')}",
        'tags: ["auditor", "adjudicated-labels"]',
        "---",
        "",
        f"# {plain(manifest['name'])}",
        "",
        about,
    ]
    return "\n".join(lines)


def _files(manifest: Mapping[str, Any]) -> str:
    rows = [[f"`{one['name']}`", f"{one['size']:,}", f"`{one['sha256']}`"] for one in manifest["files"]]
    text = (
        "`labels.jsonl` and `labels.parquet` hold the same records; each record has the transcript, the "
        "ruling, every label, how it was sampled, and what each channel of evidence says. Positions count "
        "from 0, spans count Unicode code points. `manifest.json` names every version, seed and digest."
    )
    return f"## Files\n\n{text}\n\n{_table(['File', 'Bytes', 'sha256'], rows)}"


def _sampling(manifest: Mapping[str, Any]) -> str:
    sample = manifest["sample"]
    drawn = (
        f"Sample {plain(sample['name'])}: design {plain(sample['design'])}, seed {sample['seed']}, drawn from a "
        f"frame of {_count(sample['frame_size'], 'transcript')} (digest `{sample['frame_digest']}`) as it stood "
        f"at `{_code(sample['frame_at'])[1:-1]}`."
    )
    weighted = (
        "Rates over these records are not rates of the frame unless each record is weighted by "
        "1 / `sampling.probability`."
    )
    frame = f"Filter of the frame: `{_code(sample['filter'])}`. Parameters: `{_code(sample['parameters'])}`."
    lines = [drawn, frame, weighted]
    if not sample.get("carries_back", True):
        lines[-1] = plain(sample["why_not"])
    if sample.get("excludes"):
        names = ", ".join(plain(name) for name in sample["excludes"])
        lines.append(
            f"The frame leaves out what was drawn by {names}; `sampling.overall` is the probability of being in any of "
            "these draws, where it is exact."
        )
    if sample["left_out"]:
        lines.append(
            f"{_count(sample['left_out'], 'matching transcript')} stood outside the frame: hidden from whoever drew."
        )
    if len(sample["strata"]) > 1:
        rows = [
            [plain(s.get("name", "")), f"{s.get('size', 0):,}", f"{s.get('drawn', 0):,}"]
            for s in sample["strata"]
        ]
        lines.append("\n" + _table(["Stratum", "In the frame", "Drawn"], rows))
    return "## How it was sampled\n\n" + "\n".join(lines)


def _people(manifest: Mapping[str, Any]) -> str:
    round_, counts, same = manifest["round"], manifest["counts"], manifest["agreement"]
    policy = (
        "each label was given blind first, then again with the evidence in view"
        if round_["policy"] == "reveal"
        else "evidence stayed hidden"
    )
    names = ", ".join(f"`{name}`" for name in manifest["reviewers"])
    who = (
        f"{_count(counts['reviewers'], 'reviewer')} under pseudonyms ({names}); "
        f"{_count(round_['overlap'], 'label')} an item; {policy}."
    )
    agreed = (
        f"Raw agreement: all reviewers named the same label on {same['same_label']:,} of {same['compared']:,} "
        f"finished items with two labels or more, and the same group on {same['same_group']:,} of "
        f"{same['compared']:,}. Not corrected for chance."
    )
    ruled = (
        f"{_count(counts['by_rule'], 'label')} stand by a rule (`unanimous` where all agreed; the grade is then the "
        f"lowest that was given); {counts['by_adjudicator']:,} by an adjudicator, with a reason."
    )
    lines = [who, agreed, ruled]
    return "## Who labelled\n\n" + "\n".join(lines)


def _labels(manifest: Mapping[str, Any]) -> str:
    rows = [
        [
            f"`{one['label']}`",
            plain(one["words"]),
            plain(one["group"]),
            f"{one['n']:,}",
            plain(one["definition"]),
        ]
        for one in manifest["labels"]
    ]
    return "## Labels\n\n" + _table(["Code", "Label", "Group", "Records", "Definition"], rows)


def _channels(manifest: Mapping[str, Any]) -> str:
    rows = [
        [
            f"`{_code(one['key'])[1:-1]}`",
            plain(one["name"]),
            plain(one["kind"]),
            f"{one['n']:,}",
            plain(one["notice"] or "–"),
        ]
        for one in manifest["channels"]
    ]
    if not rows:
        return ""
    text = "What machines say about the transcripts, rolled up to one value each. None of it is proof."
    return f"## Channels of evidence\n\n{text}\n\n" + _table(
        ["Channel", "Name", "Kind", "Records", "Beware"], rows
    )


def _exclusions(manifest: Mapping[str, Any]) -> str:
    counts = manifest["counts"]
    head = f"{counts['included']:,} of {_count(counts['items'], 'item')} of the round are here."
    rows = [[plain(one["words"]), f"{one['n']:,}"] for one in manifest["exclusions"]]
    body = _table(["Left out because", "Items"], rows) if rows else "Nothing was left out."
    return f"## Exclusions\n\n{head}\n\n{body}"


def _limits(manifest: Mapping[str, Any]) -> str:
    lines = [
        "- Labels are judgements of people under the codebook named above; the grade says how far the evidence carries.",
        "- Readings of judges, probes and features are what those say, not what is true.",
        "- Texts are what models and users wrote. They may be false, harmful or personal, and may hold instructions.",
    ]
    if not manifest["parameters"].get("include_text", True):
        lines.append(
            "- Messages and quoted words were left out on purpose; `record_digest` and spans say where they are."
        )
    if not manifest["parameters"].get("include_evidence", True):
        lines.append("- Evidence was left out on purpose.")
    return "## Limits\n\n" + "\n".join(lines)


def _terms(manifest: Mapping[str, Any]) -> str:
    words = LICENCES.get(manifest["licence"], manifest["licence"])
    return f"## Licence and citation\n\n{plain(words)}.\n\nCite as: {plain(citation(manifest))}"


SECTIONS = (_files, _sampling, _people, _labels, _channels, _exclusions, _limits, _terms)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _code(value: Any) -> str:
    """Data inside backticks, as equal JSON without what could end them or look like an element."""
    return json.dumps(value, sort_keys=True).replace("`", "\\u0060").replace("<", "\\u003c")


def _count(n: int, word: str) -> str:
    return f"{n:,} {word if n == 1 else word + 's'}"
