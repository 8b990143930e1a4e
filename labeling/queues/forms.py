"""The forms that open a round and change it."""

from typing import Any, cast

from django import forms

from auditor.accounts.models import Membership, Project, Role, User
from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import channels_of
from auditor.sampling.models import Sample
from auditor.sampling.queries import samples_of
from labeling.codebooks.models import Codebook as CodebookRow
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import versions_of
from labeling.queues.gold_queries import gold_sets_of
from labeling.queues.models import ASCENDING, BLIND_ONLY, DESCENDING, OPEN, RANDOM, REVEAL, GoldSet
from labeling.queues.queries import metadata_keys

POLICY_WORDS = (
    (REVEAL, "Blind first, then evidence, then a final label"),
    (BLIND_ONLY, "Blind only: evidence stays hidden until the round is closed"),
    (OPEN, "Open: evidence is there from the start, and the first label is final"),
)
ORDER_WORDS = (
    (RANDOM, "Random, in an order of each reviewer's own"),
    (DESCENDING, "By a channel, highest first (open rounds)"),
    (ASCENDING, "By a channel, lowest first (open rounds)"),
)
GROUPS = (
    ("What", ("name", "sample", "codebook_version")),
    ("Who", ("members", "overlap", "helping")),
    ("How", ("due_on", "lease_minutes", "order", "order_channel")),
    ("Blindness", ("policy", "visible_metadata")),
    ("Quality", ("training_set", "pass_mark", "gold_set", "gold_rate", "gold_bar")),
)
FEW_REVIEWERS = "So many labels an item need as many reviewers; choose more of them, or fewer labels."


class RoundForm(forms.Form):
    """Which items, which questions, who, how often, how blind, and how it is checked."""

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
        min_value=1, max_value=20, initial=2, label="Labels per item",
        help_text="Exactly so many reviewers meet each item, and each two of them meet equally often.",
    )  # fmt: skip
    helping = forms.BooleanField(
        required=False, label="Whoever has finished helps the others",
        help_text="They go on with what colleagues have not begun. Faster, but who meets whom is less balanced.",
    )  # fmt: skip
    due_on = forms.DateField(
        required=False, label="Due date", widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Shown to reviewers and on the round's page; nothing stops on it.",
    )  # fmt: skip
    lease_minutes = forms.IntegerField(
        min_value=1, max_value=1440, initial=30, label="Minutes an item stays on a desk",
        help_text="An item nobody works on for so long goes to others. Nothing typed is lost.",
    )  # fmt: skip
    order = forms.ChoiceField(
        choices=ORDER_WORDS, initial=RANDOM, required=False, label="Order of items",
        help_text="An order by what machines say is a hint, so blind rounds are always random.",
    )  # fmt: skip
    order_channel = forms.ModelChoiceField(
        queryset=Channel.objects.none(), required=False, empty_label="No channel", label="Channel for the order",
        help_text="A channel of uncertainty puts what is most in doubt first.",
    )  # fmt: skip
    policy = forms.ChoiceField(choices=POLICY_WORDS, initial=REVEAL, label="Evidence")
    visible_metadata = forms.MultipleChoiceField(
        choices=(), required=False, widget=forms.CheckboxSelectMultiple, label="Shown while blind",
        help_text="Each key may be a hint at what the model did, or at what judges thought. Choose only what labels depend on.",
    )  # fmt: skip
    training_set = forms.ModelChoiceField(
        queryset=GoldSet.objects.none(), required=False, empty_label="No training", label="Training",
        help_text="Labelled by each reviewer before any item, with the right answer after each.",
    )  # fmt: skip
    pass_mark = forms.IntegerField(
        min_value=0, max_value=100, initial=80, required=False, label="Percent right to pass the training"
    )
    gold_set = forms.ModelChoiceField(
        queryset=GoldSet.objects.none(), required=False, empty_label="No gold", label="Silent gold",
        help_text="Strewn among the items, the same for everybody; nothing on the desk tells them apart.",
    )  # fmt: skip
    gold_rate = forms.IntegerField(
        min_value=1, max_value=50, initial=10, required=False, label="Percent of items that are gold"
    )
    gold_bar = forms.IntegerField(
        min_value=0, max_value=100, initial=60, required=False, label="Pause below, in percent right",
        help_text="A reviewer is paused once even the upper end of the 95% interval is below. 0 never pauses.",
    )  # fmt: skip

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reviewers = Membership.objects.of_active().filter(project=project, role__gte=Role.REVIEWER)
        people = User.objects.filter(pk__in=reviewers.values("user_id")).order_by("name", "pk")
        known = gold_sets_of(project.pk).filter(items__isnull=False).distinct()
        for name, rows in (
            ("sample", samples_of(project.pk)),
            ("codebook_version", versions_of(project.pk)),
            ("members", people),
            ("order_channel", channels_of(project.pk).exclude(kind=HUMAN)),
            ("training_set", known),
            ("gold_set", known),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows
        keys = cast(forms.MultipleChoiceField, self.fields["visible_metadata"])
        keys.choices = [(key, key) for key in metadata_keys(project.pk)]

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings; what there is nothing to choose from is left out."""
        empty = {"visible_metadata"} if not cast(Any, self.fields["visible_metadata"]).choices else set()
        return [(title, [self[name] for name in names if name not in empty]) for title, names in GROUPS]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in ("order", "pass_mark", "gold_rate", "gold_bar"):
            if cleaned.get(name) in (None, ""):
                cleaned[name] = self.fields[name].initial
        if cleaned.get("order") == RANDOM:
            cleaned["order_channel"] = None
        members, overlap = cleaned.get("members"), cleaned.get("overlap")
        if members is not None and overlap is not None and overlap > len(members):
            self.add_error("overlap", FEW_REVIEWERS)
        return cleaned


class AnswerForm(forms.Form):
    """What one transcript is known to be."""

    transcript = forms.CharField(
        max_length=300, help_text="Its number, or its name as it came with the file."
    )
    labels = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, label="Right labels", help_text="Each of these counts as right."
    )
    explanation = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=4000,
        help_text="Why; shown after the label in training.",
    )  # fmt: skip

    def __init__(self, *args: Any, codebook: Codebook, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = cast(forms.MultipleChoiceField, self.fields["labels"])
        labels.choices = [(label.code, f"{label.code}  {label.words}") for label in codebook.labels]


class GoldSetForm(forms.Form):
    """A new gold set."""

    name = forms.CharField(max_length=150)
    codebook = forms.ModelChoiceField(queryset=CodebookRow.objects.none(), empty_label=None)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(Any, self.fields["codebook"]).queryset = project.codebooks.order_by("name")
