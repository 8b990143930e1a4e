"""What a manager says to teach a judge or train a probe with a dataset."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from auditor.interp.actions.trainings import KINDS, TOKENS
from auditor.interp.models import SubjectModel
from auditor.judging.models import JudgeVersion
from auditor.judging.rubric import SCALE, Dimension, parse_rubric


class TeachForm(forms.Form):
    """Which judge is taught, and for each label of the release what it should answer; empty: the label does not teach."""

    version = forms.ChoiceField(
        label="Judge", help_text="Its newest version, with the examples, becomes the next one."
    )
    each = forms.IntegerField(
        label="Examples of each label", initial=2, min_value=1, max_value=10,
        help_text="Fewer where there are not so many. No two come from one prompt.",
    )  # fmt: skip
    seed = forms.IntegerField(
        initial=0, min_value=0, max_value=2**31 - 1, help_text="Decides which; kept with the version."
    )
    with_reasons = forms.BooleanField(
        required=False, label="With adjudicators' reasons",
        help_text="What they wrote goes to the endpoint with each example. It may name people.",
    )  # fmt: skip

    def __init__(
        self, data: QueryDict | None, *, versions: Sequence[JudgeVersion], labels: Sequence[tuple[str, str, int]],
        initial: dict[str, Any],
    ) -> None:  # fmt: skip
        super().__init__(data, initial=initial)
        self.labels = labels
        self._versions = {str(one.pk): one for one in versions}
        chosen = self.fields["version"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [(pk, f"{one} ({one.model})") for pk, one in self._versions.items()]
        said = self.data.get("version") if data is not None else str(initial.get("version"))
        self.taught = self._versions.get(str(said))
        self.dimensions = parse_rubric(self.taught.rubric).dimensions if self.taught is not None else ()
        for code, _, _ in labels:
            for dimension in self.dimensions:
                self.fields[f"{code}:{dimension.key}"] = _answer(dimension)

    def rows(self) -> Iterator[tuple[str, str, int, list[forms.BoundField]]]:
        """Each label with the field of each dimension."""
        for code, words, n in self.labels:
            yield code, words, n, [self[f"{code}:{dimension.key}"] for dimension in self.dimensions]

    def said(self) -> dict[str, Any]:
        """What `actions.teach_judge` takes; labels of which nothing is said are left out."""
        given = self.cleaned_data
        answers = {
            code: {one.key: given[f"{code}:{one.key}"] for one in self.dimensions}
            for code, _, _ in self.labels
        }
        return {
            "version": self._versions[given["version"]], "each": given["each"], "seed": given["seed"],
            "with_reasons": given["with_reasons"],
            "answers": {code: values for code, values in answers.items() if any(v not in ("", None) for v in values.values())},
        }  # fmt: skip


class ProbeForm(forms.Form):
    """Which labels are told apart, by which model, and how."""

    name = forms.CharField(
        max_length=150, help_text="Its channel is called so: “Plan or slip” speaks on probe.plan-or-slip.v1."
    )
    subject = forms.ModelChoiceField(
        queryset=SubjectModel.objects.none(), empty_label=None, label="Subject model",
        help_text="Whose activations are read.",
    )  # fmt: skip
    positive = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, label="Counts as the behaviour",
        help_text="A high value of the probe will mean these.",
    )  # fmt: skip
    negative = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, label="Counts as its absence",
        help_text="A low value will mean these. Labels on neither side teach nothing.",
    )  # fmt: skip
    held_out = forms.ChoiceField(
        required=False, label="Held out",
        help_text="A model or a condition that has no part in training: the probe is tested on it besides.",
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        choices=list(KINDS.items()), initial=list(KINDS), widget=forms.CheckboxSelectMultiple, label="Tried",
        help_text="Kind and layer are chosen by cross-validation, by groups of near-duplicates and of one prompt.",
    )  # fmt: skip
    tokens = forms.ChoiceField(choices=list(TOKENS.items()), label="Read from")
    layers = forms.CharField(
        required=False,
        max_length=300,
        help_text="Blocks from 0, as 4, 8, 12. Empty: twelve of all, evenly spaced.",
    )
    seed = forms.IntegerField(
        initial=0, min_value=0, max_value=2**31 - 1, help_text="Of the split, the folds and the intervals."
    )

    def __init__(
        self, data: QueryDict | None, *, subjects: QuerySet[SubjectModel], labels: Sequence[tuple[str, str, int]],
        apart: Sequence[tuple[str, str]],
    ) -> None:  # fmt: skip
        super().__init__(data)
        field = self.fields["subject"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = subjects
        choices = [(code, f"{words} ({n:,})") for code, words, n in labels]
        for side in ("positive", "negative"):
            chosen = self.fields[side]
            assert isinstance(chosen, forms.MultipleChoiceField)
            chosen.choices = choices
        held = self.fields["held_out"]
        assert isinstance(held, forms.ChoiceField)
        held.choices = [("", "nothing"), *apart]

    def clean_layers(self) -> list[int]:
        """The blocks named."""
        text = self.cleaned_data["layers"].replace(",", " ")
        try:
            return [int(one) for one in text.split()]
        except ValueError as problem:
            raise forms.ValidationError("Layers are whole numbers, as 4, 8, 12.") from problem


def _answer(dimension: Dimension) -> forms.Field:
    if dimension.kind == SCALE:
        lo, hi = dimension.ends
        return forms.IntegerField(required=False, min_value=lo, max_value=hi, label=dimension.name)
    choices = [("", "—"), *((one.key, one.name) for one in dimension.labels)]
    return forms.ChoiceField(required=False, choices=choices, label=dimension.name)
