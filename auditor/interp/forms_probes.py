"""A probe as a person brings it in: a file, and a card by file or by fields."""

from typing import Any

from django import forms

from auditor.interp.aggregating import AGGREGATIONS
from auditor.interp.card import CONVENTIONS, HOOKS, KINDS, OUTPUTS, STANDARDISATIONS, TOKEN_RULES, UNKNOWN
from auditor.interp.models import SubjectModel
from auditor.interp.probe_file import MOST_BYTES, MOST_CARD, BadProbeFile, read_card

UNSAID = ("", "Not said here")
IN_CARD = (
    "kind", "model", "revision", "layer", "hook", "convention", "polarity", "standardisation", "token_rule", "aggregation",
    "window", "output", "licence",
)  # fmt: skip


def _choice(allowed: dict[str, str], **more: Any) -> forms.ChoiceField:
    choices = [UNSAID, *((key, f"{key}: {words}") for key, words in allowed.items())]
    return forms.ChoiceField(required=False, choices=choices, **more)


class ProbeForm(forms.Form):
    """What cannot be is said by the action; here is only what a browser can send wrong."""

    file = forms.FileField(
        help_text="safetensors, .npy, .npz or a JSON list of numbers. Files of torch, joblib and scikit-learn are "
        "converted first: manage.py convert_probe."
    )
    card_file = forms.FileField(
        required=False, label="Card", help_text="JSON with the fields below; they need not be filled then."
    )
    name = forms.CharField(
        max_length=150,
        required=False,
        help_text="“Lies” speaks on probe.lies.v1; another file of this name is v2.",
    )
    subject = forms.ModelChoiceField(
        queryset=SubjectModel.objects.none(), required=False, label="Subject model", empty_label="Not said",
        help_text="Which of the project's models it reads, so that its width and layer are checked.",
    )  # fmt: skip
    kind = _choice(KINDS)
    model = forms.CharField(max_length=200, required=False, help_text="As its makers name it.")
    revision = forms.CharField(max_length=100, required=False, help_text="The commit, or “unknown”.")
    layer = forms.IntegerField(required=False, min_value=0, max_value=10_000)
    hook = _choice(HOOKS)
    convention = _choice(CONVENTIONS, label="Counting of layers")
    polarity = forms.CharField(
        max_length=200, required=False, label="A high value means", help_text="In words: high is deceptive."
    )
    standardisation = _choice(STANDARDISATIONS)
    token_rule = _choice(TOKEN_RULES, label="Counted tokens")
    aggregation = _choice(AGGREGATIONS, label="Value of a transcript")
    window = forms.IntegerField(required=False, min_value=1, help_text="Tokens, for rolling_max.")
    output = _choice(OUTPUTS, label="Score of a token")
    training = forms.CharField(
        max_length=2000, required=False, label="Trained on", widget=forms.Textarea(attrs={"rows": 3})
    )
    training_digest = forms.CharField(
        max_length=64,
        required=False,
        label="Digest of that",
        help_text="sha256, or empty where it is unknown.",
    )
    licence = forms.CharField(max_length=100, required=False)

    def __init__(self, *args: Any, subjects: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subject"].queryset = subjects  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        """Small enough to be read at once."""
        file: Any = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(f"A probe's file has at most {MOST_BYTES // 1024**2} MB.")
        return file

    def clean_card_file(self) -> dict[str, Any] | None:
        """The card's JSON, decoded and no more."""
        file: Any = self.cleaned_data["card_file"]
        if file is None:
            return None
        try:
            return read_card(file.read(MOST_CARD + 1), name=file.name or "card")
        except BadProbeFile as problem:
            raise forms.ValidationError(str(problem)) from problem

    @property
    def file_name(self) -> str:
        """As the browser calls the file."""
        return str(self.cleaned_data["file"].name)[:200]

    @property
    def data_of_file(self) -> bytes:
        """Its bytes."""
        return bytes(self.cleaned_data["file"].read())

    @property
    def card(self) -> dict[str, Any] | None:
        """The card's fields, those of the file before those filled in; None where neither says anything."""
        filled = {
            name: self.cleaned_data[name] for name in IN_CARD if self.cleaned_data[name] not in (None, "")
        }
        if self.cleaned_data["training"]:
            digest = self.cleaned_data["training_digest"].lower() or UNKNOWN
            filled["training"] = {"text": self.cleaned_data["training"], "digest": digest}
        return filled | (self.cleaned_data["card_file"] or {}) or None
