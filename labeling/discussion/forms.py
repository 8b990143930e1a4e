"""What people type into a discussion, and where they pointed when they did."""

import secrets
from typing import Any

from django import forms

from labeling.discussion.places import MAX_QUOTE, Anchor
from labeling.discussion.wording import MAX_TEXT


class TextForm(forms.Form):
    """A comment. The key comes with the form, so that sending it twice writes it once."""

    text = forms.CharField(max_length=4 * MAX_TEXT, strip=False, required=False)
    key = forms.CharField(max_length=64, required=False)


class ThreadForm(TextForm):
    """A comment that opens a thread, and its place: none, a message, or words."""

    position = forms.IntegerField(min_value=0, required=False)
    part = forms.CharField(max_length=20, required=False)
    start = forms.IntegerField(min_value=0, required=False)
    end = forms.IntegerField(min_value=0, required=False)
    quote = forms.CharField(max_length=2 * MAX_QUOTE, strip=False, required=False)

    def clean_quote(self) -> str:
        """Browsers send line breaks as CR LF; an anchor counts them as they are stored."""
        return str(self.cleaned_data["quote"]).replace("\r\n", "\n")

    @property
    def anchor(self) -> Anchor | None:
        """Where the form points."""
        clean: dict[str, Any] = self.cleaned_data
        if clean.get("position") is None:
            return None
        if not clean.get("part"):
            return Anchor(clean["position"])
        return Anchor(clean["position"], clean["part"], clean.get("start"), clean.get("end"), clean["quote"])


def new_key() -> str:
    """What tells one sending of a form from another."""
    return secrets.token_urlsafe(12)
