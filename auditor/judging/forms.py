"""A judge's version as a person writes it, and what a run may spend."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from auditor.judging.definition import CONTEXT, EFFORTS, LIMITS, MOST_VOTES, Parameters
from auditor.judging.frontmatter import MAX_TEXT
from auditor.judging.models import JudgeVersion
from auditor.judging.prompting import DEFAULT_TEMPLATE, MAX_TEMPLATE
from auditor.judging.rendering import Renderer
from auditor.llm.models import Endpoint
from auditor.llm.prices import read_models

PARAMETERS = ("temperature", "top_p", "seed", "answer_tokens", "limit", "effort", "top_logprobs", "context")
RENDERER = (
    "reasoning",
    "arguments",
    "results",
    "cut_arguments",
    "cut_results",
    "repeat_opening",
    "most_chunks",
)
UNCHOSEN = ("", "Choose a model")
MILLION = 1_000_000  # costs are kept in millionths of a currency


def _code(name: str, rows: int) -> forms.Textarea:
    attrs = {
        "rows": rows, "class": "mono", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off",
        "wrap": "off", "data-source": name,
    }  # fmt: skip
    return forms.Textarea(attrs=attrs)


class VersionForm(forms.Form):
    """Everything that bears on a verdict. Whether it can be is said by `actions.checked`."""

    name = forms.CharField(
        max_length=150, help_text="Its channels are called so: “Quill” speaks on judge.quill.v1."
    )
    rubric = forms.CharField(max_length=MAX_TEXT, strip=False, widget=_code("rubric", 26))
    file = forms.FileField(
        required=False, label="A rubric file", help_text="Markdown, as this app exports it."
    )
    template = forms.CharField(
        max_length=MAX_TEMPLATE,
        strip=False,
        required=False,
        label="Prompt template",
        widget=_code("template", 16),
    )
    asks = forms.ChoiceField(label="Endpoint and model")
    votes = forms.IntegerField(
        min_value=1, max_value=MOST_VOTES, initial=1,
        help_text="Several votes at a temperature above 0 give a distribution and its entropy.",
    )  # fmt: skip
    note = forms.CharField(max_length=300, required=False, label="What is new in it")
    keep_examples = forms.BooleanField(required=False, label="Keep its examples")

    temperature = forms.FloatField(
        required=False, min_value=0, max_value=2, initial=0.0, help_text="Empty: not sent."
    )
    top_p = forms.FloatField(required=False, min_value=0, max_value=1, help_text="Empty: not sent.")
    seed = forms.IntegerField(required=False, min_value=0, help_text="Of the first vote; each vote adds one.")
    answer_tokens = forms.IntegerField(
        min_value=1, max_value=200_000, initial=Parameters().answer_tokens, label="Most tokens of an answer"
    )
    limit = forms.ChoiceField(
        choices=[(one, one) for one in LIMITS], label="Called", help_text="As the endpoint calls that limit."
    )
    effort = forms.ChoiceField(
        required=False, choices=[(one, one or "not sent") for one in EFFORTS], label="Reasoning effort"
    )
    top_logprobs = forms.IntegerField(
        min_value=0, max_value=20, initial=20, label="Log-probabilities",
        help_text="Asked for where the rubric is answered by a number.",
    )  # fmt: skip
    context = forms.IntegerField(
        required=False, min_value=512, max_value=10_000_000, label="Window, in tokens",
        help_text=f"Empty: what the endpoint lists for the model, {CONTEXT:,} if it lists nothing.",
    )  # fmt: skip

    reasoning = forms.BooleanField(required=False, initial=True, label="Reasoning is shown to the judge")
    arguments = forms.BooleanField(required=False, initial=True, label="Arguments of tool calls are shown")
    results = forms.BooleanField(required=False, initial=True, label="Results of tools are shown")
    cut_arguments = forms.IntegerField(
        min_value=0, max_value=10_000_000, initial=Renderer().cut_arguments, label="Characters of one call",
        help_text="The middle of a longer one is cut. 0: all.",
    )  # fmt: skip
    cut_results = forms.IntegerField(
        min_value=0, max_value=10_000_000, initial=Renderer().cut_results, label="Characters of one result",
        help_text="0: all.",
    )  # fmt: skip
    repeat_opening = forms.BooleanField(
        required=False, initial=True, label="Later parts of a long transcript repeat its opening"
    )
    most_chunks = forms.IntegerField(
        min_value=0, max_value=10_000, initial=0, label="Most parts that are read",
        help_text="0: all. What is not read is stated with each verdict.",
    )  # fmt: skip

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        *,
        endpoints: list[Endpoint],
        before: JudgeVersion | None = None,
        rubric: str = "",
        named: bool = False,
    ) -> None:
        """With `before`, its next version; `named`: the judge has its name already."""
        super().__init__(data, files, initial=_initial(before, rubric))
        self.endpoints = {one.pk: one for one in endpoints}
        field = self.fields["asks"]
        assert isinstance(field, forms.ChoiceField)
        listed = _models(endpoints)
        field.choices = [UNCHOSEN, *listed]
        if sum(len(models) for _, models in listed) == 1:
            self.initial.setdefault("asks", next(models[0][0] for _, models in listed if models))
        if named:
            del self.fields["name"]
        if before is None or not before.examples:
            del self.fields["keep_examples"]
        self.line = 0  # of the rubric or template, where that is what is wrong
        self._before = before

    def parts(self) -> dict[str, Any]:
        """What `actions.write_version` and `actions.checked` take of it."""
        given = self.cleaned_data
        pk, _, model = given["asks"].partition(" ")
        parameters = {name: given[name] for name in PARAMETERS if name != "context" or given["context"]}
        keeps = self._before is not None and bool(given.get("keep_examples"))
        return {
            "endpoint": self.endpoints[int(pk)], "model": model, "rubric": given["rubric"],
            "template": given["template"] or None, "parameters": parameters,
            "renderer": {name: given[name] for name in RENDERER}, "votes": given["votes"],
            "examples": self._before.examples if keeps and self._before else (),
        }  # fmt: skip

    def examples_from(self) -> dict[str, Any]:
        """Where the kept examples came from."""
        return self._before.examples_from if self._before and self.parts()["examples"] else {}

    def taken_in(self) -> str:
        """The text of the file that was sent, or what is wrong with it as a `ValueError`.

        Raises:
            ValueError: no file, too long, or no text.
        """
        sent = self.files.get("file")
        if not isinstance(sent, UploadedFile):
            raise ValueError("Choose a file first.")
        if (sent.size or 0) > 4 * MAX_TEXT:
            raise ValueError(f"A rubric has at most {MAX_TEXT:,} characters.")
        try:
            return str(sent.read(), "utf-8-sig")
        except UnicodeDecodeError as problem:
            raise ValueError("The file is no text in UTF-8.") from problem


class StartForm(forms.Form):
    """How far a run may go."""

    cap = forms.DecimalField(
        required=False, min_value=0, max_digits=15, decimal_places=6, label="Spend at most",
        help_text="It stops there, at most one call beyond. Empty: as much as it needs.",
    )  # fmt: skip
    concurrency = forms.IntegerField(
        required=False, min_value=1, max_value=256, label="Calls at once", help_text="Empty: the endpoint's."
    )

    def clean_cap(self) -> int | None:
        """In millionths."""
        cap = self.cleaned_data["cap"]
        return None if cap is None else int(cap * MILLION)


def _models(endpoints: list[Endpoint]) -> list[Any]:
    return [
        (one.name, [(f"{one.pk} {model.name}", model.name) for model in read_models(one.models)])
        for one in endpoints
    ]


def _initial(before: JudgeVersion | None, rubric: str) -> dict[str, Any]:
    if before is None:
        return {"rubric": rubric, "template": DEFAULT_TEMPLATE}
    kept = asdict(Parameters.from_json(before.parameters)) | asdict(Renderer.from_json(before.renderer))
    return kept | {
        "rubric": rubric or before.rubric, "template": before.template or DEFAULT_TEMPLATE,
        "asks": f"{before.endpoint_id} {before.model}" if before.endpoint_id else "", "votes": before.votes,
        "keep_examples": True,
    }  # fmt: skip
