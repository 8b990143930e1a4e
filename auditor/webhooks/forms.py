"""The form of a webhook."""

from django import forms

from auditor.webhooks.kinds import KINDS


class SubscriptionForm(forms.Form):
    """Where to, and of what."""

    url = forms.CharField(
        max_length=2000, label="Address", help_text="https:// only. It is called from this server.",
        widget=forms.URLInput(attrs={"placeholder": "https://example.org/hooks/auditor"}),
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        choices=[(kind, words) for kind, words in KINDS.items()],
        widget=forms.CheckboxSelectMultiple,
        label="Told of",
        help_text="Messages carry the kind of event and ids, never a label or a word of text.",
    )
