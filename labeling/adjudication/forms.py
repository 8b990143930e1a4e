"""What an adjudicator submits."""

from django import forms

OWN = "own"


class DecisionForm(forms.Form):
    """Whose label to take over, or their own; always with a reason."""

    take = forms.CharField(
        max_length=20, error_messages={"required": "Choose whose label to take, or your own."}
    )
    reason = forms.CharField(
        max_length=10_000, error_messages={"required": "Write down the reason; it is kept with the label."}
    )
    stamp = forms.CharField(max_length=4000, required=False)
    label = forms.CharField(max_length=10, required=False)
    grade = forms.CharField(max_length=4, required=False)
