"""A new codebook, and the parts of a draft that are written by form."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from auditor.accounts.models import Project
from labeling.codebooks.defaults import SHIPPED, text_of
from labeling.codebooks.editing import Case
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.parts import Code, Example, Label, Question
from labeling.codebooks.queries import definition_of, versions_of
from labeling.codebooks.written import MAX_TEXT, write_text

MOST_ROWS = 200


class NewForm(forms.Form):
    """A name, and the text to begin with."""

    name = forms.CharField(
        max_length=150, help_text="People choose the codebook by it when they open a round."
    )
    start = forms.ChoiceField(label="Begin with", choices=())
    version = forms.ModelChoiceField(
        queryset=CodebookVersion.objects.none(), required=False, label="Which version", empty_label=None,
        help_text="Looked at only where it begins with a version of this project.",
    )  # fmt: skip
    file = forms.FileField(
        required=False, label="Which file", help_text="YAML, as this app exports it or written by hand."
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = versions_of(project.pk)
        field = self.fields["version"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = versions
        start = self.fields["start"]
        assert isinstance(start, forms.ChoiceField)
        copies = [("version", "a version of this project")] if versions.exists() else []
        start.choices = [*SHIPPED.items(), *copies, ("file", "a YAML file")]

    def clean(self) -> dict[str, Any]:
        """Adds `text`, what the draft begins as."""
        data: dict[str, Any] = super().clean() or {}
        start = data.get("start")
        if start == "file":
            data["text"] = self._uploaded(data.get("file"))
        elif start == "version":
            version = data.get("version")
            data["text"] = write_text(definition_of(version)) if version is not None else ""
        elif start:
            data["text"] = text_of(start)
        return data

    def _uploaded(self, file: "UploadedFile[Any] | None") -> str:
        if file is None:
            self.add_error("file", "Choose a file.")
            return ""
        if file.size is None or file.size > 4 * MAX_TEXT:
            self.add_error("file", f"A codebook has at most {MAX_TEXT:,} characters.")
            return ""
        try:
            text = bytes(file.read()).decode("utf-8-sig")
        except UnicodeDecodeError:
            self.add_error("file", "This is no text in UTF-8.")
            return ""
        if len(text) > MAX_TEXT:
            self.add_error("file", f"A codebook has at most {MAX_TEXT:,} characters.")
        return text


class LabelForm(forms.Form):
    """What one label means."""

    words = forms.CharField(max_length=200)
    definition = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 3}))
    rule = forms.CharField(
        max_length=5000, required=False, label="Decision rule", widget=forms.Textarea(attrs={"rows": 2}),
        help_text="How to decide where the definition leaves doubt.",
    )  # fmt: skip

    @classmethod
    def initial_of(cls, label: Label) -> dict[str, str]:
        return {"words": label.words, "definition": label.definition, "rule": label.rule}


class ExampleForm(forms.Form):
    """One case on either side."""

    side = forms.ChoiceField(choices=(("is", "is"), ("not", "is not")), label="It", initial="is")
    case = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    because = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    source = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput)

    @property
    def case_made(self) -> Case:
        said = self.cleaned_data
        return Case(Example(said["case"], said["because"], said["source"]), counter=said["side"] == "not")


class QuestionForm(forms.Form):
    """How one question is asked."""

    text = forms.CharField(max_length=1000, label="Question")
    hint = forms.CharField(max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    @classmethod
    def initial_of(cls, question: Question) -> dict[str, str]:
        return {"text": question.text, "hint": question.hint}


class CodeForm(forms.Form):
    """One answer of a question."""

    key = forms.CharField(max_length=1, label="Key", widget=forms.TextInput(attrs={"size": 1}))
    value = forms.CharField(max_length=100, label="Stored as")
    words = forms.CharField(max_length=200)
    definition = forms.CharField(max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    rule = forms.CharField(
        max_length=5000, required=False, label="Decision rule", widget=forms.Textarea(attrs={"rows": 2})
    )

    @property
    def code_made(self) -> Code:
        return Code(
            **{name: self.cleaned_data[name] for name in ("key", "value", "words", "definition", "rule")}
        )


def _rows(form: type[forms.Form], extra: int) -> "type[forms.BaseFormSet[Any]]":
    made: type[forms.BaseFormSet[Any]] = forms.formset_factory(
        form, extra=extra, can_delete=True, max_num=MOST_ROWS, absolute_max=MOST_ROWS, validate_max=True
    )
    return made


ExampleRows = _rows(ExampleForm, extra=1)
CodeRows = _rows(CodeForm, extra=1)


def kept(rows: "forms.BaseFormSet[Any]") -> list[Any]:
    """The forms that say something and are not to be removed."""
    return [
        form
        for form in rows.forms
        if form.cleaned_data.get("words" if "words" in form.fields else "case")
        and not form.cleaned_data.get("DELETE")
    ]
