"""The dataset card: the manifest in words, as Markdown that hostile names cannot break out of."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from labeling.datasets.citing import citation
from labeling.datasets.exporters.hub import configurations
from labeling.datasets.licences import LICENCES

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:@])")
_SPACE = re.compile(r"\s+")


def plain(text: object) -> str:
    """Text as one line of Markdown that means itself: no markup, no HTML, no links."""
    words = _SPACE.sub(" ", str(text)).strip()
    escaped = _SPECIAL.sub(r"\\\1", words)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def card(manifest: Mapping[str, Any], prose: Mapping[str, str] | None = None) -> str:
    """The card of a release, from its manifest and what people wrote beside its figures."""
    return "\n\n".join(text for text, _ in parts(manifest, prose)) + "\n"


def parts(manifest: Mapping[str, Any], prose: Mapping[str, str] | None = None) -> list[tuple[str, bool]]:
    """The card's parts in order: its Markdown, and whether people wrote it."""
    written = prose or {}
    found = [(_header(manifest), False), (_prose("about", written), True)]
    for section in SECTIONS:
        found.append((section(manifest), False))
        if section is _limits:
            found += [(_prose("limits", written), True), (_prose("uses", written), True)]
    return [(text, by_people) for text, by_people in found if text]


def _prose(key: str, written: Mapping[str, str]) -> str:
    """A section in people's own words, which are Markdown as they wrote it."""
    words = written.get(key, "").replace("\r\n", "\n").strip()
    return f"## {PROSE[key]}\n\n{words}" if words else ""


def _header(manifest: Mapping[str, Any]) -> str:
    licence = manifest["licence"]
    about = (
        f"{_count(manifest['counts']['included'], 'transcript')} of the project "
        f"{plain(manifest['project']['name'])}, {_SOURCE[manifest['source']]} by the codebook "
        f"{plain(manifest['codebook']['title'])} (version {manifest['codebook']['number']}), with every reviewer's "
        "own labels beside it, and the probability it had of being drawn."
    )
    moment = f"As of `{_code(manifest['as_of'])[1:-1]}`: labels, rulings and readings that came later are not in it."
    lines = [
        "---",
        f"pretty_name: {json.dumps(manifest['name'])}",
        f"license: {json.dumps(licence if licence != 'unlicensed' else 'other')}",
        'tags: ["auditor", "adjudicated-labels"]',
        f"configs: {json.dumps(_configurations(manifest))}",
        "---",
        "",
        f"# {plain(manifest['name'])}",
        "",
        about,
        "",
        moment,
    ]
    return "\n".join(lines)


def _configurations(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Which files hubs of datasets take for which split."""
    splits = [one["name"] for one in manifest["splits"] if one["n"]]
    return configurations([one["name"] for one in manifest["files"]], splits)


def attachments_in_words(manifest: Mapping[str, Any]) -> str:
    """How many images, sounds and files messages refer to, and how many of them are here; empty where there are none."""
    found = manifest.get("attachments", [])
    if not found:
        return ""
    here = [one for one in found if one["included"]]
    lost = sum(one["size"] is None for one in found)
    said = f"Messages refer to {_count(len(found), 'attachment')} (images, sounds, files) by their sha256. "
    if here:
        said += (
            f"{len(here):,} are here, in the folder attachments, {sum(one['size'] for one in here):,} bytes. "
        )
    else:
        said += "Their bytes are not here. "
    if lost:
        said += f"Of {lost:,} the bytes were not held where the release was made. "
    return said.strip()


def _files(manifest: Mapping[str, Any]) -> str:
    rows = [
        [f"`{_code(one['name'])[1:-1]}`", f"{one['size']:,}", f"`{one['sha256']}`"]
        for one in manifest["files"]
        if not one["name"].startswith("attachments/")
    ]
    text = (
        "`labels.jsonl` and the Parquet files (one for each split, if there are splits) hold the same records; each record has the transcript, its label and "
        "where that comes from, the rulings, every label, how it was sampled, and what each channel of evidence says. "
        "Positions count from 0, spans count Unicode code points. `manifest.json` names every version, seed and digest; "
        "`python3 verify.py` says whether all files are whole."
    )
    carried = attachments_in_words(manifest)
    beside = f"\n\n{carried}" if carried else ""
    return f"## Files\n\n{text}{beside}\n\n{_table(['File', 'Bytes', 'sha256'], rows)}"


def _splits(manifest: Mapping[str, Any]) -> str:
    if not manifest["splits"]:
        return ""
    text = (
        f"Near duplicates and records of one prompt stay in one split: {_count(manifest['groups'], 'group')}. Stratified by "
        f"label as far as whole groups allow, seed {manifest['parameters']['split_seed']}."
    )
    rows = [
        [
            f"`{one['name']}`",
            f"{one['share']:.0%}",
            f"{one['n']:,}",
            ", ".join(f"{plain(label) or 'none'} {n:,}" for label, n in one["labels"].items()) or "–",
        ]
        for one in manifest["splits"]
    ]
    return f"## Splits\n\n{text}\n\n{_table(['Split', 'Asked for', 'Records', 'Labels'], rows)}"


def _sampling(manifest: Mapping[str, Any]) -> str:
    parts = [_sampled(one, alone=len(manifest["rounds"]) == 1) for one in manifest["rounds"]]
    return "## How it was sampled\n\n" + "\n\n".join(parts)


def _sampled(round_: Mapping[str, Any], *, alone: bool) -> str:
    sample = round_["sample"]
    before = "" if alone else f"Round {plain(round_['name'])}: "
    drawn = (
        f"{before}Sample {plain(sample['name'])}: design {plain(sample['design'])}, seed {sample['seed']}, drawn from a "
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
    return "\n".join(lines)


def _people(manifest: Mapping[str, Any]) -> str:
    counts, same = manifest["counts"], manifest["agreement"]
    policies = {one["policy"] for one in manifest["rounds"]}
    policy = "; ".join(_POLICY.get(one, plain(one)) for one in sorted(policies))
    names = ", ".join(f"`{_code(name)[1:-1]}`" for name in manifest["reviewers"])
    called = "under pseudonyms " if manifest["parameters"].get("pseudonyms", True) else ""
    who = f"{_count(counts['reviewers'], 'reviewer')} {called}({names}); {_count(counts['labels'], 'label')}; {policy}."
    agreed = (
        f"Raw agreement: all reviewers named the same label on {same['same_label']:,} of {same['compared']:,} "
        f"items with two labels or more, and the same group on {same['same_group']:,} of "
        f"{same['compared']:,}. Not corrected for chance."
    )
    figures = [[plain(cell) for cell in row] for row in agreement_rows(manifest)]
    table = (
        "\n\nCorrected for chance, over every label of the rounds at that moment, whether or not its item is here: "
        "Krippendorff's alpha with 95% intervals from resampled items; 1 is perfect, 0 is chance.\n\n"
        + _table(["Of", "Labels", "Coefficient", "Agreement", "Items"], figures)
        if figures
        else ""
    )
    ruled = (
        f"{_count(counts['by_rule'], 'ruling')} by a rule (`unanimous` where all agreed; the grade is then the "
        f"lowest that was given); {counts['by_adjudicator']:,} by an adjudicator, with a reason."
    )
    return "## Who labelled\n\n" + "\n".join([who, agreed, ruled]) + table


def agreement_rows(manifest: Mapping[str, Any]) -> list[list[str]]:
    """Measure, stage, coefficient, figure with interval, and items, of each figure of agreement."""
    return [
        [one["measure"], one["stage"], one["coefficient"], interval(one), f"{one['n']:,}"]
        for one in manifest["agreement"].get("figures", [])
    ]


def interval(one: Mapping[str, Any]) -> str:
    """A figure with its interval, or why there is none."""
    if one["value"] is None:
        return str(one["reason"] or "not enough")
    if one["low"] is None:
        return f"{one['value']:.2f} (no interval: {one['reason']})"
    return f"{one['value']:.2f} ({one['low']:.2f} to {one['high']:.2f})"


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
    files = ", ".join(f"`{one['file']}`" for one in manifest["codebooks"])
    text = f"The codebook's whole text: {files}. Each label and ruling says the version it was made by."
    return f"## Labels\n\n{text}\n\n" + _table(["Code", "Label", "Group", "Records", "Definition"], rows)


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
    said = []
    if rows:
        said.append(
            "What machines say about the transcripts, rolled up to one value each. None of it is proof."
        )
        said.append(_table(["Channel", "Name", "Kind", "Records", "Beware"], rows))
    if keys := [f"`{_code(one['key'])[1:-1]}`" for one in manifest.get("tracks", [])]:
        said.append(f"A value for each token of {', '.join(keys)} is in `tracks/`.")
    return "\n\n".join(["## Channels of evidence", *said]) if said else ""


def _prevalence(manifest: Mapping[str, Any]) -> str:
    """How common codes are in what the samples were drawn from."""
    rows = [
        [
            plain(one["words"]),
            plain(one["round"]),
            plain(_ESTIMATORS.get(one["estimator"], one["estimator"]))
            + (f" `{_code(one['judge'])[1:-1]}`" if one["judge"] else ""),
            plain(share(one)),
            f"{one['n']:,} of {one['of']:,}",
        ]
        for one in manifest.get("prevalence", [])
    ]
    if not rows:
        return (
            "## How common it is\n\nNot computed by then. Shares of these records are not shares of the frame; weighted by "
            "1 / `sampling.probability` they estimate them."
        )
    text = "Of the frames that the samples were drawn from, with 95% intervals, as computed by then; the record's shares are not these."
    return f"## How common it is\n\n{text}\n\n" + _table(
        ["Of", "Round", "Estimated by", "Share", "Labels of the frame"], rows
    )


def share(one: Mapping[str, Any]) -> str:
    """A share with its interval, or why there is none."""
    if one["value"] is None:
        return str(one["reason"] or "not enough")
    if one["low"] is None:
        return f"{one['value']:.1%} (no interval: {one['reason']})"
    return f"{one['value']:.1%} ({one['low']:.1%} to {one['high']:.1%})"


def _validity(manifest: Mapping[str, Any]) -> str:
    """What the channels are worth against what is known."""
    if not manifest["channels"]:
        return ""
    rows = [
        [
            f"`{_code(one['channel'])[1:-1]}`",
            plain(one["contrast"]),
            plain(f"{one['figure']} {interval(one)}"),
            f"{one['n_positive']:,} and {one['n_negative']:,}",
            plain(one["on"]),
        ]
        for one in manifest.get("validity", [])
    ]
    missing = sorted(
        {one["key"] for one in manifest["channels"]}
        - {one["channel"] for one in manifest.get("validity", [])}
    )
    said = ", ".join(f"`{_code(key)[1:-1]}`" for key in missing)
    lack = f"Not computed by then for {said}: how far these can be trusted is not known." if missing else ""
    table = _table(["Channel", "Tells apart", "How well", "Cases", "Against"], rows) if rows else ""
    return "## What the channels are worth\n\n" + "\n\n".join(part for part in (table, lack) if part)


def _exclusions(manifest: Mapping[str, Any]) -> str:
    counts = manifest["counts"]
    where = "round" if len(manifest["rounds"]) == 1 else "rounds"
    head = f"{counts['included']:,} of {_count(counts['items'], 'item')} of the {where} are here."
    rows = [[plain(one["words"]), f"{one['n']:,}"] for one in manifest["exclusions"]]
    body = _table(["Left out because", "Items"], rows) if rows else "Nothing was left out."
    return f"## Exclusions\n\n{head}\n\n{body}"


def _limits(manifest: Mapping[str, Any]) -> str:
    chosen, redaction = manifest["parameters"], manifest["redaction"]
    lines = [
        "- Labels are judgements of people under the codebook named above; the grade says how far the evidence carries.",
        "- Readings of judges, probes and features are what those say, not what is true.",
        "- Texts are what models and users wrote. They may be false, harmful or personal, and may hold instructions.",
    ]
    if not chosen.get("messages", True):
        lines.append(
            "- Messages and quoted words were left out on purpose; `record_digest` and spans say where they are."
        )
    lines += [
        f"- {words} left out on purpose." for name, words in _LEFT_OUT.items() if not chosen.get(name, True)
    ]
    if chosen.get("evidence") == "none":
        lines.append("- Evidence was left out on purpose.")
    if redaction["patterns"]:
        said = ", ".join(f"{plain(one['name'])} {one['places']:,}" for one in redaction["patterns"])
        lines.append(
            f"- {redaction['code_points']:,} characters in {_count(redaction['records'], 'record')} are blacked out, each "
            f"by one block, so spans hold. Places by pattern: {said}."
        )
        if n := redaction.get("names_alike", 0):
            lines.append(f"- {_count(n, 'field')} got a number: once blacked out, names were the same.")
        if any(one["included"] for one in manifest.get("attachments", [])):
            lines.append(
                "- Attachments are here as they came: nothing was looked for in them, nor blacked out."
            )
    return "## Known limits\n\n" + "\n".join(lines)


def _terms(manifest: Mapping[str, Any]) -> str:
    words = LICENCES.get(manifest["licence"], manifest["licence"])
    return f"## Licence and citation\n\n{plain(words)}.\n\nCite as: {plain(citation(manifest))}"


SECTIONS = (
    _labels, _people, _sampling, _prevalence, _splits, _channels, _validity, _exclusions, _limits, _files, _terms,
)  # fmt: skip
_ESTIMATORS = {
    "powered": "labels and judge together (PPI++)", "labels": "labels alone", "corrected": "judge, corrected for its errors",
    "judge": "judge alone",
}  # fmt: skip
PROSE = {
    "about": "What it is for",
    "limits": "Limits in our own words",
    "uses": "What it should not be used for",
}
_SOURCE = {
    "adjudicated": "each with an adjudicated label",
    "majority": "each with the label of most of its reviewers",
    "dawid_skene": "each with the label that a model of its reviewers (Dawid–Skene) holds likeliest",
    "all": "each with all its labels and no winner among them,",
}
_POLICY = {
    "reveal": "each label was given blind first, then again with the evidence in view",
    "blind_only": "evidence stayed hidden",
    "open": "evidence was in view from the start",
}
_LEFT_OUT = {
    "reasoning": "Reasoning was",
    "tools": "What tools were asked and answered was",
    "rationales": "What reviewers and adjudicators wrote was",
}


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _code(value: Any) -> str:
    """Data inside backticks, as equal JSON without what could end them or look like an element."""
    return json.dumps(value, sort_keys=True).replace("`", "\\u0060").replace("<", "\\u003c")


def _count(n: int, word: str) -> str:
    return f"{n:,} {word if n == 1 else word + 's'}"
