"""What a manager says about a new dataset."""

from typing import Any

from django import forms

from labeling.datasets.licences import LICENCES
from labeling.datasets.queries import rounds_to_release
from labeling.queues.models import Round


class ReleaseForm(forms.Form):
    """A name, a round, and what goes in."""

    name = forms.CharField(
        max_length=150, help_text="A release is never overwritten; a second one needs its own name."
    )
    round = forms.ModelChoiceField(
        queryset=Round.objects.none(),
        empty_label=None,
        help_text="Items with a ruling go in. Items that wait for labels or for a ruling are counted as exclusions.",
    )
    licence = forms.ChoiceField(choices=list(LICENCES.items()), help_text="Written into the card.")
    include_text = forms.BooleanField(
        required=False,
        initial=True,
        label="With messages",
        help_text="Without them, spans say where, but not what.",
    )
    include_evidence = forms.BooleanField(
        required=False,
        initial=True,
        label="With evidence",
        help_text="What each channel says about the transcript.",
    )
    seed = forms.IntegerField(
        initial=0, min_value=0, max_value=2**31, label="Seed of the pseudonyms",
        help_text="Reviewers keep their pseudonyms in releases with the same seed; another seed gives them new ones.",
    )  # fmt: skip

    def __init__(self, *args: Any, project_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rounds = self.fields["round"]
        assert isinstance(rounds, forms.ModelChoiceField)
        rounds.queryset = rounds_to_release(project_id)
