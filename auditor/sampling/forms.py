"""A draw as a person asks for it."""

import secrets
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet

from auditor.evidence.models import Channel
from auditor.sampling.actions import BY_CHANNEL, BY_SPREAD, MAX_SEED, UNIFORM

if TYPE_CHECKING:
    _Channels = forms.ModelMultipleChoiceField[Channel]
else:
    _Channels = forms.ModelMultipleChoiceField


class ChannelsField(_Channels):
    """Channels, each with the notice that belongs wherever it appears."""

    def label_from_instance(self, obj: Channel) -> str:
        """Its name, and what to beware of."""
        return f"{obj.name} ({obj.notice})" if obj.notice else obj.name


class DrawForm(forms.Form):
    """Design, size and seed; the frame comes from the list's filter."""

    name = forms.CharField(max_length=150, help_text="Rounds and releases will name the sample.")
    n = forms.IntegerField(min_value=1, max_value=100_000, initial=60, label="How many transcripts")
    design = forms.ChoiceField(
        choices=[
            (UNIFORM, "Uniform: each transcript has the same odds"),
            (BY_CHANNEL, "Stratified by one channel"),
            (BY_SPREAD, "Stratified by how far channels disagree"),
        ],
        widget=forms.RadioSelect,
        initial=UNIFORM,
    )
    channels = ChannelsField(
        queryset=Channel.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Channels to stratify by",
        help_text="One for a channel; two or more for their disagreement.",
    )
    bins = forms.IntegerField(
        min_value=2, max_value=20, initial=4, label="Strata", help_text="Cut at quantiles; ties merge."
    )
    allocation = forms.ChoiceField(
        choices=[
            ("equal", "Equal: rare strata are drawn more often"),
            ("proportional", "Proportional to size"),
        ],
    )
    seed = forms.IntegerField(
        min_value=0, max_value=MAX_SEED, help_text="The same frame, design and seed give the same sample."
    )

    def __init__(self, *args: Any, channels: QuerySet[Channel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["channels"]
        assert isinstance(field, ChannelsField)
        field.queryset = channels
        self.fields["seed"].initial = secrets.randbelow(1_000_000)
