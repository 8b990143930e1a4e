"""Formats that a release is written in. To add one: a file with a class like `exporter.Exporter`, listed here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from labeling.datasets.exporters.argilla import ArgillaRecords
from labeling.datasets.exporters.contrast_pairs import ContrastPairs
from labeling.datasets.exporters.croissant import Croissant
from labeling.datasets.exporters.docent import DocentLabels
from labeling.datasets.exporters.exporter import Context, Exporter
from labeling.datasets.exporters.files import RecordFiles, digest_of
from labeling.datasets.exporters.fine_tuning import FineTuning
from labeling.datasets.exporters.inspect_edits import InspectEdits
from labeling.datasets.exporters.jsonl import JsonLines
from labeling.datasets.exporters.openinference import OpenInferenceAnnotations
from labeling.datasets.exporters.parquet import ParquetTable
from labeling.datasets.exporters.preference import PreferencePairs
from labeling.datasets.exporters.scout_validation import ScoutValidation
from labeling.datasets.exporters.table import FlatTable


@dataclass(frozen=True)
class Format:
    """A format as people choose it."""

    make: Callable[[], Exporter]
    name: str
    words: str  # one sentence
    needs_text: bool = False  # makes no sense in a release without messages


FORMATS: dict[str, Format] = {
    JsonLines.key: Format(JsonLines, "JSON Lines", "Every record in full, one a line; what a release is imported from."),
    ParquetTable.key: Format(ParquetTable, "Parquet", "The same with a fixed schema, a file for each split; opens as a Hugging Face dataset."),
    FlatTable.key: Format(FlatTable, "CSV", "One flat row for each transcript, safe to open in a spreadsheet."),
    Croissant.key: Format(Croissant, "Croissant", "Metadata for catalogues and loaders of data sets."),
    InspectEdits.key: Format(InspectEdits, "Inspect score edits", "Each decision as an edit of a sample's score in an Inspect log."),
    ScoutValidation.key: Format(ScoutValidation, "Inspect Scout validation", "Validation sets that “scout scan -V” takes as they are."),
    OpenInferenceAnnotations.key: Format(OpenInferenceAnnotations, "OpenInference annotations", "Decisions, labels and channels as annotations of sessions."),
    DocentLabels.key: Format(DocentLabels, "Docent labels", "A label set with its schema, and a label for each run."),
    ArgillaRecords.key: Format(ArgillaRecords, "Argilla records", "Conversations with suggestions and everybody's responses."),
    ContrastPairs.key: Format(ContrastPairs, "Contrast pairs", "For probes: on one prompt, a reply with intent and an honest one.", needs_text=True),
    FineTuning.key: Format(FineTuning, "Fine-tuning", "Conversations that end in an honest reply, or in one that somebody wrote instead.", needs_text=True),
    PreferencePairs.key: Format(PreferencePairs, "Preference pairs", "A flagged reply beside a good one, rewritten or from a sibling.", needs_text=True),
}  # fmt: skip
ALWAYS = (JsonLines.key, ParquetTable.key)  # every release has these: what it is verified and imported by


class UnknownFormat(ValueError):
    """No format of this name; the message names it."""


def exporters_of(keys: Iterable[str]) -> list[Exporter]:
    """A fresh exporter for each of the formats, the two that every release has first, each once.

    Raises:
        UnknownFormat: a key that is none of `FORMATS`.
    """
    wanted = list(dict.fromkeys([*ALWAYS, *keys]))
    if unknown := [key for key in wanted if key not in FORMATS]:
        raise UnknownFormat(f"There is no format '{unknown[0]}'.")
    return [FORMATS[key].make() for key in wanted]


__all__ = [
    "ALWAYS",
    "FORMATS",
    "Context",
    "Exporter",
    "Format",
    "RecordFiles",
    "UnknownFormat",
    "digest_of",
    "exporters_of",
]
