"""Models, dictionaries and captures as people fill them in; whether they can be is said by `actions`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.conf import settings

from auditor.interp.actions.captures import MOST_TOP, USUAL_TOP, Wanted
from auditor.interp.actions.subjects import DEVICES, DTYPES, FOLDER, HUB, MAX_TEMPLATE
from auditor.interp.models import FULL, WATCH, Dictionary, Probe

MODES = (("", "leave out"), (WATCH, "watch-list: the features named, exactly and fast"), (FULL, "in full"))
NOT_WATCHED = (("", "leave out"), (FULL, "in full"))
LIST_LIMIT = 20_000  # characters of a list of features


class SubjectForm(forms.Form):
    """A subject model."""

    name = forms.CharField(max_length=150, help_text="As people call it here.")
    source = forms.ChoiceField(label="It lies", choices=[(FOLDER, "in a folder of this machine")])
    reference = forms.CharField(
        max_length=300,
        label="Folder",
        widget=forms.TextInput(attrs={"list": "folders", "class": "mono"}),
    )
    revision = forms.CharField(
        max_length=100,
        required=False,
        help_text="Commit, tag or branch on the hub; a branch is kept as its commit.",
    )
    adapter = forms.CharField(
        max_length=300,
        required=False,
        label="LoRA adapter",
        help_text="Applied to the model; found like the model.",
    )
    dtype = forms.ChoiceField(label="Numbers", choices=[(one, one) for one in DTYPES], initial="float32")
    device = forms.ChoiceField(
        label="Device", choices=[(one, one) for one in DEVICES], help_text="auto: a GPU where there is one."
    )
    chat_template = forms.CharField(
        required=False, max_length=MAX_TEMPLATE, strip=False, label="Chat template",
        help_text="Jinja, instead of the model's own. Empty: the model's own; one without any reads plain turns.",
        widget=forms.Textarea(attrs={"rows": 5, "class": "mono", "spellcheck": "false"}),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source = self.fields["source"]
        assert isinstance(source, forms.ChoiceField)
        if settings.ALLOW_HUB:
            source.choices = [*source.choices, (HUB, "on the Hugging Face hub")]  # type: ignore[misc]
            self.fields["reference"].label = "Folder or id"
            self.fields["reference"].help_text = "A folder below those of models, or OWNER/NAME on the hub."
        else:
            self.fields["reference"].help_text = "A folder below those that this deployment keeps models in."


class DictionaryForm(forms.Form):
    """A dictionary's files, in SAELens's layout."""

    name = forms.CharField(
        max_length=150, help_text="Its channels are called so: “res 12” speaks on sae.res-12.3391."
    )
    configuration = forms.FileField(label="cfg.json")
    weights = forms.FileField(
        label="sae_weights.safetensors", help_text="Safetensors alone; no pickles, no .pt files."
    )
    sparsity = forms.FileField(
        label="sparsity.safetensors", required=False, help_text="How often each feature is active, as log10."
    )
    scaling = forms.FloatField(
        required=False, min_value=0, label="norm_scaling_factor",
        help_text="Only for the normalisation expected_average_only_in: the registry's factor.",
    )  # fmt: skip


class ExplanationsForm(forms.Form):
    """A file of explanations, and what they were made from where the file does not say."""

    file = forms.FileField(label="Explanations", help_text="Neuronpedia's JSON or JSONL, gzipped or not.")
    source = forms.CharField(max_length=200, required=False, help_text="Empty: the file's name.")
    context_tokens = forms.IntegerField(
        required=False, min_value=1, max_value=10_000_000, label="Tokens of a snippet",
        help_text="How long the texts were that the explainer saw.",
    )  # fmt: skip
    n_examples = forms.IntegerField(required=False, min_value=1, max_value=1_000_000, label="Snippets")


class FeaturesForm(forms.Form):
    """Numbers of features."""

    features = forms.CharField(
        max_length=LIST_LIMIT, label="Pin features", help_text="Their numbers: 3391, 12-20, 7",
        widget=forms.TextInput(attrs={"inputmode": "text", "class": "mono"}),
    )  # fmt: skip

    def clean_features(self) -> list[int]:
        """The numbers."""
        return numbers_in(self.cleaned_data["features"])


def numbers_in(text: str, most: int = 5_000) -> list[int]:
    """Numbers and ranges in a text: "3, 7-9 12" is 3, 7, 8, 9 and 12, rising.

    Raises:
        ValidationError: something else stands in it, or there are more than `most`.
    """
    found: set[int] = set()
    for word in re.split(r"[\s,;]+", text.strip()):
        if not word:
            continue
        match = re.fullmatch(r"#?(\d{1,9})(?:[-–](\d{1,9}))?", word, re.ASCII)
        if match is None:
            raise forms.ValidationError(f"“{word[:40]}” is no number of a feature.")
        first = int(match[1])
        last = int(match[2] or first)
        if last < first or last - first >= most or len(found) > most:
            raise forms.ValidationError(f"“{word[:40]}” names no features, or more than {most:,}.")
        found.update(range(first, last + 1))
    return sorted(found)


class CaptureForm(forms.Form):
    """What a capture looks with; a dictionary has fields of its own."""

    subject = forms.ChoiceField(label="Subject model")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        subjects: Iterable[tuple[str, str]],
        probes: Iterable[Probe],
        dictionaries: Iterable[Dictionary],
        pinned: Mapping[int, list[int]],
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        """`subjects` as (short name, words); `pinned` by the dictionary's id."""
        super().__init__(data, initial=dict(initial or {}))
        field = self.fields["subject"]
        assert isinstance(field, forms.ChoiceField)
        listed = list(subjects)
        field.choices = listed if len(listed) == 1 else [("", "Choose a model"), *listed]
        self.has_subjects = bool(listed)
        self.probes = {str(one.pk): one for one in probes}
        self.dictionaries = list(dictionaries)
        if self.probes:
            self.fields["probes"] = forms.MultipleChoiceField(
                required=False, label="Probes", widget=forms.CheckboxSelectMultiple,
                choices=[(pk, str(one)) for pk, one in self.probes.items()],
            )  # fmt: skip
        for one in self.dictionaries:
            watched = one.kind != "topk"
            self.fields[f"mode_{one.pk}"] = forms.ChoiceField(
                required=False, label="How it looks", choices=MODES if watched else NOT_WATCHED,
                help_text="" if watched else "Its features compete (TopK), so that none can be watched alone.",
            )  # fmt: skip
            self.fields[f"features_{one.pk}"] = forms.CharField(
                required=False, max_length=LIST_LIMIT, label="Features with a track",
                initial=", ".join(str(index) for index in pinned.get(one.pk, [])),
                widget=forms.TextInput(attrs={"class": "mono"}),
                help_text="Those that are pinned stand here; others become pinned.",
            )  # fmt: skip
            self.fields[f"top_{one.pk}"] = forms.IntegerField(
                required=False, min_value=1, max_value=MOST_TOP, initial=USUAL_TOP, label="Strongest kept",
                help_text="For each token; in full only.",
            )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """The lists of features as numbers."""
        said = super().clean() or self.cleaned_data
        for one in self.dictionaries:
            name = f"features_{one.pk}"
            try:
                said[name] = numbers_in(said.get(name) or "")
            except forms.ValidationError as problem:
                self.add_error(name, problem)
        return said

    @property
    def probes_field(self) -> forms.BoundField:
        """The probes to choose from."""
        return self["probes"]

    def by_dictionary(self) -> list[tuple[Dictionary, forms.BoundField, forms.BoundField, forms.BoundField]]:
        """Each dictionary with its fields, for the page."""
        return [
            (one, self[f"mode_{one.pk}"], self[f"features_{one.pk}"], self[f"top_{one.pk}"])
            for one in self.dictionaries
        ]

    def wanted(self) -> list[Wanted]:
        """The instruments chosen, of a valid form."""
        said = self.cleaned_data
        found = [Wanted(probe=self.probes[pk]) for pk in said.get("probes", [])]
        for one in self.dictionaries:
            if mode := said[f"mode_{one.pk}"]:
                top = said[f"top_{one.pk}"] or USUAL_TOP
                found.append(Wanted(dictionary=one, mode=mode, features=said[f"features_{one.pk}"], top=top))
        return found
