"""Croissant: what the Parquet files are, for catalogues and loaders of data sets; a vocabulary of schema.org.

Source: the Croissant format specification 1.0 of MLCommons. Files are named beside it, with size and sha256; each field
says from which column it comes and, within that, from where.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeling.datasets.exporters.exporter import Context
from labeling.datasets.exporters.files import digest_of
from labeling.datasets.exporters.lines import write_document
from labeling.datasets.exporters.parquet import split_files

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
SPECIFICATION = "http://mlcommons.org/croissant/1.0"
LICENCES = {
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc-by-nc-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "odc-by": "https://opendatacommons.org/licenses/by/1-0/",
}
# name -> (column of the Parquet files, place in it, type, what it says)
FIELDS: dict[str, tuple[str, str, str, str]] = {
    "record_digest": ("transcript", "record_digest", "sc:Text", "sha256 of the source record of the transcript"),
    "ordinal": ("transcript", "ordinal", "sc:Integer", "which of several equal records of one source it is"),
    "external_id": ("transcript", "external_id", "sc:Text", "what its source calls the transcript"),
    "model": ("transcript", "model", "sc:Text", "the model that spoke"),
    "conditions": ("transcript", "conditions", "sc:Text", "conditions of the experiment, as JSON"),
    "label": ("source", "label", "sc:Text", "what the transcript is held to be, by the release's label source"),
    "words": ("source", "words", "sc:Text", "the label in words"),
    "label_group": ("source", "group", "sc:Text", "the group of the label"),
    "grade": ("source", "grade", "sc:Text", "how far the evidence carries, by the codebook"),
    "share": ("source", "share", "sc:Float", "share of the labels that say so"),
    "split": ("split", "", "sc:Text", "train, validation or test, where the release has splits"),
    "similar": ("group", "", "sc:Text", "equal for near duplicates and for one prompt, which never straddle splits"),
    "stratum": ("sampling", "stratum", "sc:Text", "stratum of the sample"),
    "probability": ("sampling", "probability", "sc:Float", "probability of having been drawn from the frame"),
}  # fmt: skip


class Croissant:
    """`croissant.json`."""

    key = "croissant"
    name = "croissant.json"

    def open(self, folder: Path, context: Context) -> None:
        """Nothing is written until the files it describes are there."""
        self._folder, self._context = folder, context

    def write(self, record: Mapping[str, Any], line: bytes) -> None:
        """Records are in the files that it describes."""

    def close(self) -> list[str]:
        """Describe the Parquet files, which were closed before."""
        names = sorted(path.name for path in self._folder.glob("*.parquet"))
        ordered = [
            name for files in split_files(names, list(self._context.splits)).values() for name in files
        ]
        return [write_document(self._folder / self.name, describe(self._context, self._folder, ordered))]

    def drop(self) -> None:
        """Nothing is open."""


def describe(context: Context, folder: Path, names: list[str]) -> dict[str, Any]:
    """The description of the release whose records are in these files of the folder."""
    codebook = context.definition.get("title", "")
    published = str(context.manifest.get("as_of") or "")[:10]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": context.name,
        "description": f"Transcripts of language models, labelled by people by the codebook “{codebook}”, with every "
        "reviewer's own label, the probability of having been drawn, and what each channel of evidence says.",
        "conformsTo": SPECIFICATION,
        "license": LICENCES.get(context.licence, context.licence),
        "citeAs": str(context.manifest.get("citation") or context.name),
        **({"datePublished": published} if published else {}),
        "version": "1.0.0",
        "distribution": [_file(folder, name) for name in names],
        "recordSet": [_records(name) for name in names],
    }


def _file(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": digest_of(path),
    }


def _records(name: str) -> dict[str, Any]:
    stem = name.removesuffix(".parquet")
    return {
        "@type": "cr:RecordSet",
        "@id": stem,
        "name": stem,
        "description": f"The records of {name}, one for each transcript.",
        "key": [{"@id": f"{stem}/record_digest"}, {"@id": f"{stem}/ordinal"}],
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{stem}/{field}",
                "name": field,
                "description": words,
                "dataType": kind,
                "source": {
                    "fileObject": {"@id": name},
                    "extract": {"column": column},
                    **({"transform": {"jsonPath": place}} if place else {}),
                },
            }
            for field, (column, place, kind, words) in FIELDS.items()
        ],
    }
