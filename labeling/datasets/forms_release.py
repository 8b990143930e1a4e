"""What a manager says about a new dataset, and the usual ways to say it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from auditor.evidence.filters import Filter, FilterError
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import Sight, channels_of
from labeling.datasets.definition import EVERYTHING, EVIDENCE, READINGS, Definition
from labeling.datasets.exporters import ALWAYS, FORMATS
from labeling.datasets.licences import LICENCES
from labeling.datasets.queries import rounds_to_release
from labeling.datasets.sources import ADJUDICATED, ALL, SOURCES
from labeling.queues.models import Round

PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "cite": ("To cite", {}),
    "train": (
        "To train on",
        {"splits": "train 0.8, validation 0.1, test 0.1", "formats": ["contrast", "sft"], "evidence": "rollups"},
    ),
    "disagree": ("All labels, to study disagreement", {"source": ALL}),
    "share": ("To give away", {"metadata": "", "rationales": False, "licence": "cc-by-4.0", "evidence": "rollups"}),
}  # fmt: skip
_SPLIT = re.compile(r"\s*([^\s,]+)\s+([0-9.]+%?)\s*")


class ReleaseForm(forms.Form):
    """Scope, splits, contents, people and files of a dataset."""

    name = forms.CharField(
        max_length=150, help_text="A release is never overwritten; a second one needs its own name."
    )
    rounds = forms.ModelMultipleChoiceField(
        queryset=Round.objects.none(), widget=forms.CheckboxSelectMultiple,
        help_text="All by one codebook. A transcript that several of them have counts once, in the newest.",
    )  # fmt: skip
    source = forms.ChoiceField(
        choices=list(SOURCES.items()), initial=ADJUDICATED, label="Label",
        help_text="What a record is held to be. Every reviewer's own label stands beside it in any case.",
    )  # fmt: skip
    least_labels = forms.IntegerField(
        initial=1, min_value=1, max_value=50, label="Labels at least",
        help_text="For other sources than rulings: items with fewer reviewers' labels stay out.",
    )  # fmt: skip
    where = forms.CharField(
        required=False, max_length=2000, label="Filter",
        help_text="In the language of the list of transcripts, as: model = m-7b and judge.quill > 0.5. Empty: all.",
    )  # fmt: skip
    as_of = forms.CharField(
        required=False, max_length=40, label="As of",
        help_text="A moment with its zone, as 2026-11-27T14:00+00:00: labels, rulings and readings as they stood then. Empty: now.",
    )  # fmt: skip
    splits = forms.CharField(
        required=False, max_length=400,
        help_text="As: train 0.8, validation 0.1, test 0.1. Near duplicates and one prompt never straddle. Empty: none.",
    )  # fmt: skip
    split_seed = forms.IntegerField(initial=0, min_value=0, max_value=2**31, label="Seed of the splits")
    messages = forms.BooleanField(
        required=False, initial=True, label="With messages", help_text="Without them, spans say where, but not what."
    )  # fmt: skip
    reasoning = forms.BooleanField(required=False, initial=True, label="With reasoning")
    tools = forms.BooleanField(
        required=False, initial=True, label="With what tools are asked and answer",
        help_text="Their names stay in any case.",
    )  # fmt: skip
    rationales = forms.BooleanField(
        required=False, initial=True, label="With what people wrote",
        help_text="Rationales, reasons and flags. They may name people.",
    )  # fmt: skip
    attachments = forms.BooleanField(
        required=False, label="With attachments",
        help_text="The bytes of images, sounds and files that messages carry. Nothing is blacked out in them.",
    )  # fmt: skip
    metadata = forms.CharField(
        required=False, initial=EVERYTHING, max_length=2000, label="Metadata",
        help_text="Names of the fields, with commas; * is all of them, empty is none.",
    )  # fmt: skip
    evidence = forms.ChoiceField(choices=list(EVIDENCE.items()), initial=READINGS)
    channels = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="None chosen: all that speak."
    )
    tracks = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Token tracks",
        help_text="A value for each token, as files of their own beside the records.",
    )  # fmt: skip
    pseudonyms = forms.BooleanField(
        required=False, initial=True, label="People under pseudonyms",
        help_text="Without, reviewers and adjudicators stand there by name.",
    )  # fmt: skip
    seed = forms.IntegerField(
        initial=0, min_value=0, max_value=2**31, label="Seed of the pseudonyms",
        help_text="Reviewers keep their pseudonyms in releases with the same seed; another seed gives them new ones.",
    )  # fmt: skip
    redactions = forms.CharField(
        required=False, max_length=60_000, widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        label="Black out",
        help_text="One a line: the very words, or an expression between slashes, as /sk-[a-z0-9]+/. No file says what they are.",
    )  # fmt: skip
    licence = forms.ChoiceField(choices=list(LICENCES.items()), help_text="Written into the card.")
    authors = forms.CharField(
        required=False, max_length=1000, help_text="For the citation, with semicolons. Empty: you."
    )
    formats = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple,
        help_text="Besides JSON Lines and Parquet, which every dataset has.",
    )  # fmt: skip

    def __init__(
        self, data: QueryDict | None, *, project_id: int, sight: Sight, initial: Mapping[str, Any]
    ) -> None:
        super().__init__(data, initial=dict(initial))
        rounds = self.fields["rounds"]
        assert isinstance(rounds, forms.ModelMultipleChoiceField)
        rounds.queryset = rounds_to_release(project_id)
        channels = [one for one in channels_of(project_id) if one.kind != HUMAN]
        self._choose("channels", [(one.key, one.name) for one in channels])
        tracked = sight.tracked_channels(project_id)
        self._choose("tracks", [(one.key, one.name) for one in channels if one.pk in tracked])
        self._choose(
            "formats",
            [(key, f"{one.name}. {one.words}") for key, one in FORMATS.items() if key not in ALWAYS],
        )
        if not self.fields["channels"].choices:  # type: ignore[attr-defined]
            del self.fields["channels"]
        if not self.fields["tracks"].choices:  # type: ignore[attr-defined]
            del self.fields["tracks"]

    def groups(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """The fields under headings."""
        for title, names in (
            ("Which records", ("name", "rounds", "source", "least_labels", "where", "as_of")),
            ("Splits", ("splits", "split_seed")),
            (
                "What goes in",
                (
                    "messages",
                    "reasoning",
                    "tools",
                    "rationales",
                    "attachments",
                    "metadata",
                    "evidence",
                    "channels",
                    "tracks",
                ),
            ),
            ("People and secrets", ("pseudonyms", "seed", "redactions")),
            ("Terms and files", ("licence", "authors", "formats")),
        ):
            yield title, [self[name] for name in names if name in self.fields]

    def clean_splits(self) -> list[dict[str, str]]:
        """Names and shares; whether they can be is decided with the rest."""
        made = []
        for piece in filter(str.strip, self.cleaned_data["splits"].split(",")):
            found = _SPLIT.fullmatch(piece)
            if found is None:
                raise forms.ValidationError("Each split is a name and a share, as: train 0.8, test 0.2.")
            share = found[2]
            made.append(
                {"name": found[1], "share": str(float(share[:-1]) / 100) if share.endswith("%") else share}
            )
        return made

    def clean_where(self) -> dict[str, Any]:
        """The filter as a release keeps it."""
        words = self.cleaned_data["where"].strip()
        if not words:
            return {}
        query = QueryDict(mutable=True)
        query["where"] = words
        try:
            return Filter.from_query(query).to_json()
        except FilterError as problem:
            raise forms.ValidationError(str(problem)) from problem

    def clean_redactions(self) -> list[dict[str, Any]]:
        """A pattern a line."""
        lines = [line.strip() for line in self.cleaned_data["redactions"].splitlines()]
        return [
            {"text": line[1:-1], "regex": True}
            if len(line) > 2 and line.startswith("/") and line.endswith("/")
            else {"text": line}
            for line in lines
            if line
        ]

    def parameters(self) -> dict[str, Any]:
        """What `actions.open_release` takes."""
        given = dict(self.cleaned_data)
        kept = {name: given[name] for name in given if name in Definition.__dataclass_fields__}
        return {
            **kept,
            "filter": given["where"],
            "metadata": [one.strip() for one in given["metadata"].split(",") if one.strip()],
            "channels": given.get("channels") or [EVERYTHING],
        }

    def show(self, problem: Exception) -> None:
        """A refusal beside the field that it is about."""
        field = getattr(problem, "field", "")
        field = "where" if field == "filter" else field
        self.add_error(field if field in self.fields else None, str(problem))

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = choices


class ProseForm(forms.Form):
    """What people write on the card, beside its figures."""

    about = forms.CharField(
        required=False, max_length=20_000, label="What it is for", widget=forms.Textarea(attrs={"rows": 6})
    )
    limits = forms.CharField(
        required=False, max_length=20_000, label="Limits in your own words", widget=forms.Textarea(attrs={"rows": 6})
    )  # fmt: skip
    uses = forms.CharField(
        required=False, max_length=20_000, label="What it should not be used for",
        widget=forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip
