"""A new project."""

from django import forms


class ProjectForm(forms.Form):
    """What it is called and what it is about."""

    name = forms.CharField(max_length=150, help_text="The model or the question you audit.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)
