"""The form of an endpoint: what it is, and its models as rows."""

from typing import Any

from django import forms

from auditor.llm import actions
from auditor.llm.models import MOST_AT_ONCE, Endpoint
from auditor.llm.prices import Model, read_models, read_price, written
from auditor.llm.secret import LONGEST

MORE_ROWS = 3  # empty ones below the models that are there
INDEX = {"autocomplete": "off"}


class EndpointForm(forms.Form):
    """An endpoint, its models apart."""

    name = forms.CharField(max_length=actions.LONGEST_NAME, help_text="What people here call it.")
    base_url = forms.CharField(
        max_length=2000, label="Base address", widget=forms.URLInput(attrs={"placeholder": "https://api.example.org/v1"}),
        help_text="What /chat/completions is added to. Called from this server.",
    )  # fmt: skip
    key = forms.CharField(
        max_length=LONGEST, required=False, strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
    )  # fmt: skip
    currency = forms.CharField(min_length=3, max_length=3, initial="USD", help_text="Of the prices.")
    requests_per_minute = forms.IntegerField(
        min_value=1, max_value=actions.MOST_A_MINUTE, required=False, help_text="Empty: no limit."
    )
    tokens_per_minute = forms.IntegerField(
        min_value=1,
        max_value=actions.MOST_A_MINUTE,
        required=False,
        help_text="Of prompts and answers together. Empty: no limit.",
    )
    concurrency = forms.IntegerField(
        min_value=1,
        max_value=MOST_AT_ONCE,
        initial=8,
        label="Calls at once",
        help_text="Of one run; fewer go out while it says “too many”.",
    )
    timeout = forms.IntegerField(
        min_value=1,
        max_value=actions.LONGEST_TIMEOUT,
        initial=120,
        label="Patience",
        help_text="Seconds that one try may take.",
    )

    def __init__(self, *args: Any, has_key: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].help_text = (
            "There is one. Leave this empty to keep it; what you enter replaces it. It is never shown."
            if has_key
            else "Kept encrypted and never shown again. Leave it empty if none is needed."
        )


class ModelForm(forms.Form):
    """One model; a row without a name is none."""

    name = forms.CharField(
        label="Model", max_length=actions.LONGEST_MODEL, required=False, widget=forms.TextInput(attrs=INDEX)
    )
    context = forms.IntegerField(min_value=1, max_value=actions.LARGEST_CONTEXT, required=False)
    price_in = forms.CharField(
        max_length=20,
        required=False,
        label="Price of prompts",
        widget=forms.TextInput(attrs={**INDEX, "inputmode": "decimal"}),
    )
    price_out = forms.CharField(
        max_length=20,
        required=False,
        label="Price of answers",
        widget=forms.TextInput(attrs={**INDEX, "inputmode": "decimal"}),
    )

    def clean(self) -> dict[str, Any]:
        """A row says either nothing, or at least a name and a context."""
        data = super().clean() or {}
        if not data.get("name"):
            if data.get("context") or data.get("price_in") or data.get("price_out"):
                self.add_error("name", "Which model is this?")
            return data
        if data.get("context") is None and "context" not in self.errors:
            self.add_error("context", "How many tokens does it hold?")
        for field in ("price_in", "price_out"):
            try:
                data[field] = read_price(data.get(field) or "")
            except ValueError as problem:
                self.add_error(field, str(problem))
        return data


ModelRows = forms.formset_factory(
    ModelForm, extra=MORE_ROWS, max_num=actions.MOST_MODELS, absolute_max=actions.MOST_MODELS
)


def models_of(rows: Any) -> list[Model]:
    """The models of valid rows."""
    return [
        Model(data["name"], data["context"], data["price_in"], data["price_out"])
        for data in (form.cleaned_data for form in rows)
        if data.get("name")
    ]


def initial_of(endpoint: Endpoint) -> dict[str, Any]:
    """What the form shows of an endpoint. Never its key."""
    fields = (
        "name",
        "base_url",
        "currency",
        "requests_per_minute",
        "tokens_per_minute",
        "concurrency",
        "timeout",
    )
    return {field: getattr(endpoint, field) for field in fields}


def initial_rows(endpoint: Endpoint) -> list[dict[str, Any]]:
    """What the rows show of an endpoint."""
    return [
        {
            "name": model.name,
            "context": model.context,
            "price_in": written(model.price_in),
            "price_out": written(model.price_out),
        }
        for model in read_models(endpoint.models)
    ]
