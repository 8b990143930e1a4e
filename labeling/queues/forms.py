"""The form that opens a round."""

from typing import Any

from django import forms

from auditor.accounts.models import Membership, Project, Role, User
from auditor.sampling.models import Sample
from auditor.sampling.queries import samples_of
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.queries import versions_of
from labeling.queues.models import BLIND_ONLY, REVEAL

POLICY_WORDS = (
    (REVEAL, "Blind first, then evidence, then a final label"),
    (BLIND_ONLY, "Blind only: evidence stays hidden until the round is closed"),
)


class RoundForm(forms.Form):
    """Which items, which questions, who, and how often each item is labelled."""

    name = forms.CharField(max_length=150, help_text="Reviewers see it above their desk.")
    sample = forms.ModelChoiceField(
        queryset=Sample.objects.none(), empty_label=None, help_text="Every transcript of it is an item."
    )
    codebook_version = forms.ModelChoiceField(
        queryset=CodebookVersion.objects.none(), empty_label=None, label="Codebook"
    )
    members = forms.ModelMultipleChoiceField(
        queryset=User.objects.none(), widget=forms.CheckboxSelectMultiple, label="Reviewers",
        help_text="Evidence on these items is hidden from them at once, on every page, until they have labelled.",
    )  # fmt: skip
    overlap = forms.IntegerField(
        min_value=1,
        max_value=20,
        initial=2,
        label="Labels per item",
        help_text="Exactly so many reviewers meet each item.",
    )
    policy = forms.ChoiceField(choices=POLICY_WORDS, initial=REVEAL, label="Evidence")
    lease_minutes = forms.IntegerField(
        min_value=1, max_value=1440, initial=30, label="Minutes an item stays on a desk",
        help_text="An item nobody works on for so long goes to others. Nothing typed is lost.",
    )  # fmt: skip

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reviewers = Membership.objects.of_active().filter(project=project, role__gte=Role.REVIEWER)
        people = User.objects.filter(pk__in=reviewers.values("user_id")).order_by("name", "pk")
        for name, rows in (
            ("sample", samples_of(project.pk)),
            ("codebook_version", versions_of(project.pk)),
            ("members", people),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows
