"""What adjudicators and managers submit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms

from labeling.adjudication import bulkrules, caserules
from labeling.adjudication.bulkrules import BULK_POSTERIOR, BULK_THRESHOLD, BULK_UNANIMOUS, BulkRule
from labeling.adjudication.caserules import Axis, BadRules, Rules
from labeling.adjudication.disagreement import named
from labeling.adjudication.reasons import CODES
from labeling.codebooks.parts import Codebook

LONGEST_EXAMPLE = 2000


class DecisionForm(forms.Form):
    """Whose label to take over, a mixture, or their own; always with a reason."""

    take = forms.CharField(
        max_length=20, error_messages={"required": "Choose whose label to take, or your own."}
    )
    reason = forms.CharField(
        max_length=10_000, error_messages={"required": "Write down the reason; it is kept with the label."}
    )
    reason_code = forms.ChoiceField(choices=[(code, words) for code, words, _ in CODES], required=False)
    stamp = forms.CharField(max_length=4000, required=False)
    label = forms.CharField(max_length=10, required=False)
    grade = forms.CharField(max_length=4, required=False)
    example = forms.BooleanField(required=False)
    example_case = forms.CharField(max_length=LONGEST_EXAMPLE, required=False)


class NarrowingForm(forms.Form):
    """Which cases to list."""

    round = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    axis = forms.CharField(required=False, max_length=60)
    code = forms.ChoiceField(choices=[(code, words) for code, words, _ in CODES], required=False)
    q = forms.CharField(required=False, max_length=200)


@dataclass(frozen=True)
class AxisRow:
    """One axis that rules may list, as a row of the form."""

    axis: Axis  # as it stands, or as it would begin
    words: str
    on: bool
    limit: str  # what `beyond` means, empty where there is none
    step: str = "1"
    least: str = "0"
    most: str = ""


def axis_rows(codebook: Codebook, rules: Rules) -> list[AxisRow]:
    """Everything on which reviewers may differ under this codebook, with what the rules say of it."""
    steps = len(codebook.grades) - 1
    grade = Axis("grade", beyond=min(2, steps), weight=0.5)
    rows = [
        (Axis("label"), "The label", ("",)),
        (Axis("group"), "The label's group", ("",)),
        *([(grade, "The grade", ("steps apart or more", "1", "1", str(steps)))] if steps else []),
        *(
            (
                Axis("spans", of=kind, beyond=0.5),
                f"Marked words: {kind}",
                ("overlap below", "0.05", "0.05", "1"),
            )
            for kind in caserules.span_kinds(codebook)
        ),
        (Axis("confidence", beyond=2), "Low confidence", ("of 5 or less", "1", "1", "5")),
        (Axis("flag"), "A reviewer's flag", ("",)),
        (Axis("escalated"), "Escalated: skipped again and again", ("",)),
        *(
            (Axis("question", of=question.key, weight=0.5), named(question.key), ("",))
            for question in codebook.questions
            if question.required
        ),
    ]
    found = []
    for begins, words, limit in rows:
        standing = rules.axis(begins.kind, begins.of)
        if standing is not None and begins.kind == "grade":
            standing = replace(standing, beyond=min(standing.beyond, steps))
        found.append(AxisRow(standing or begins, words, standing is not None, *limit))
    return found


def read_rules(codebook: Codebook, post: Mapping[str, Any], *, checked: bool = True) -> Rules:
    """The rules in a submitted form.

    Raises:
        BadRules: a number that is none, or (if `checked`) rules that mean nothing.
    """
    axes = []
    for row in axis_rows(codebook, Rules(())):
        key = row.axis.key
        if f"on-{key}" not in post:
            continue
        beyond = _number(post.get(f"beyond-{key}"), row.axis.beyond, checked)
        weight = _number(post.get(f"weight-{key}"), row.axis.weight, checked)
        measure = str(post.get(f"measure-{key}", row.axis.measure))
        axes.append(Axis(row.axis.kind, row.axis.of, beyond, weight, measure))
    rules = Rules(tuple(axes), own_rulings="own_rulings" in post)
    if checked:
        caserules.check(rules, codebook)
    return rules


def _number(given: Any, otherwise: float, checked: bool) -> float:
    if given in (None, ""):
        return otherwise
    try:
        value = float(given)
    except ValueError as problem:
        if checked:
            raise BadRules(f"'{str(given)[:20]}' is no number.") from problem
        return otherwise
    return value if -1000 < value < 1000 else (otherwise if not checked else -1.0)


class BulkForm(forms.Form):
    """A bulk rule and its limits."""

    kind = forms.ChoiceField(
        choices=[
            (BULK_UNANIMOUS, "All labels agree"),
            (BULK_THRESHOLD, "Enough labels agree"),
            (BULK_POSTERIOR, "A model of the reviewers is sure"),
        ],
        label="Rule",
    )
    votes = forms.IntegerField(
        required=False, min_value=2, max_value=50, initial=2, label="At least so many labels"
    )
    share = forms.FloatField(
        required=False, min_value=0.5, max_value=1, initial=0.66, label="and this share of them",
        widget=forms.NumberInput(attrs={"step": "0.01"}),
    )  # fmt: skip
    posterior = forms.FloatField(
        required=False, min_value=0.5, max_value=0.9999, initial=0.95, label="Probability of at least",
        widget=forms.NumberInput(attrs={"step": "0.01"}),
    )  # fmt: skip
    flagged = forms.BooleanField(required=False, label="Also cases that a reviewer flagged")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                bulkrules.check(self._rule(cleaned))
            except bulkrules.BadBulkRule as problem:
                self.add_error(None, str(problem))
        return cleaned

    @property
    def rule(self) -> BulkRule:
        return self._rule(self.cleaned_data)

    def _rule(self, cleaned: Mapping[str, Any]) -> BulkRule:
        def of(name: str) -> Any:
            return cleaned[name] if cleaned.get(name) is not None else self.fields[name].initial

        return BulkRule(
            cleaned["kind"], votes=of("votes"), share=of("share"), posterior=of("posterior"),
            flagged=bool(cleaned.get("flagged")),
        )  # fmt: skip
