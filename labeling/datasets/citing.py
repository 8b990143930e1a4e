"""How a release is cited: in one line, and as a CITATION.cff file."""

import json
from collections.abc import Mapping
from typing import Any


def authors_of(manifest: Mapping[str, Any]) -> str:
    """Who is named: as the release says, or whoever made it."""
    return str(manifest["parameters"].get("authors") or manifest["created_by"])


def digest_of_data(manifest: Mapping[str, Any]) -> str:
    """sha256 hex of the records, which names the data whatever becomes of the name."""
    return next((str(one["sha256"]) for one in manifest["files"] if one["name"] == "labels.jsonl"), "")


def citation(manifest: Mapping[str, Any]) -> str:
    """The release in one line."""
    return (
        f"{authors_of(manifest)} ({manifest['as_of'][:4]}). {manifest['name']} [data set]. "
        f"{manifest['project']['name']}. Made with Auditor {manifest['app_version']}. "
        f"labels.jsonl sha256:{digest_of_data(manifest)}"
    )


def cff(manifest: Mapping[str, Any]) -> str:
    """The release in the Citation File Format.

    Every text is written as JSON, which YAML reads as the same text whatever stands in it.

    Source: Citation File Format 1.2.0.
    """
    licence = manifest["licence"]
    lines = [
        "cff-version: 1.2.0",
        'message: "If you use this data set, please cite it as below."',
        "type: dataset",
        f"title: {json.dumps(manifest['name'], ensure_ascii=False)}",
        "authors:",
        *(
            f"  - name: {json.dumps(one.strip(), ensure_ascii=False)}"
            for one in authors_of(manifest).split(";")
            if one.strip()
        ),
        f"version: {json.dumps(digest_of_data(manifest)[:12])}",
        f"date-released: {json.dumps(manifest['as_of'][:10])}",
        "identifiers:",
        "  - type: other",
        f"    value: {json.dumps('sha256:' + digest_of_data(manifest))}",
        '    description: "SHA-256 of labels.jsonl"',
    ]
    if licence != "unlicensed":
        lines.append(f"license: {json.dumps(SPDX.get(licence, licence))}")
    return "\n".join(lines) + "\n"


SPDX = {
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc0-1.0": "CC0-1.0",
    "odc-by": "ODC-By-1.0",
}
