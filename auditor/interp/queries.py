"""Questions about subject models, dictionaries, features and captures."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, Max, OuterRef, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import JSONObject
from django.http import Http404

from auditor.accounts.models import Membership
from auditor.evidence.queries import MACHINE, Sight
from auditor.interp.models import (
    DONE,
    FAILED,
    NOT_FIT,
    READY,
    WAITING,
    Capture,
    CapturedTranscript,
    ControlScore,
    Dictionary,
    Explanation,
    ExplanationFile,
    Feature,
    Instrument,
    Probe,
    ProbeTraining,
    SubjectModel,
)

STATES = (WAITING, DONE, NOT_FIT, FAILED)
LARGEST_INDEX = 2**31 - 1


def subjects_of(project_id: int) -> QuerySet[SubjectModel]:
    """The project's subject models by name, those put away last."""
    rows = SubjectModel.objects.filter(project_id=project_id).select_related("run", "created_by")
    return rows.annotate(n_captures=Count("captures", distinct=True)).order_by(
        F("archived_at").asc(nulls_first=True), "name", "pk"
    )


def ready_subjects(project_id: int) -> QuerySet[SubjectModel]:
    """Those that can be read."""
    return subjects_of(project_id).filter(state=READY, archived_at=None)


def dictionaries_of(project_id: int) -> QuerySet[Dictionary]:
    """The project's dictionaries by name, with how many of their features are known and pinned."""
    rows = Dictionary.objects.filter(project_id=project_id).select_related("created_by")
    return rows.annotate(
        n_features=Count("features", distinct=True),
        n_pinned=Count("features", filter=Q(features__channel__isnull=False), distinct=True),
    ).order_by(F("archived_at").asc(nulls_first=True), "name", "pk")


def probes_of(project_id: int) -> QuerySet[Probe]:
    """The project's probes by name, newest version first, those put away last."""
    rows = Probe.objects.filter(project_id=project_id).select_related("channel", "subject", "created_by")
    return rows.order_by(F("archived_at").asc(nulls_first=True), "name", "-number", "pk")


def captures_of(project_id: int) -> QuerySet[Capture]:
    """The project's captures, newest first, with what each looks with."""
    looking = Instrument.objects.select_related("probe", "dictionary")
    rows = Capture.objects.filter(project_id=project_id).select_related("subject", "run", "created_by")
    return rows.prefetch_related(Prefetch("instruments", queryset=looking)).order_by("-pk")


@dataclass(frozen=True)
class Tally:
    """How many transcripts of a capture are in each state."""

    waiting: int
    done: int
    not_fit: int
    failed: int

    @property
    def total(self) -> int:
        return self.waiting + self.done + self.not_fit + self.failed

    @property
    def finished(self) -> int:
        return self.total - self.waiting

    def plain(self) -> dict[str, int]:
        """By state."""
        return {WAITING: self.waiting, DONE: self.done, NOT_FIT: self.not_fit, FAILED: self.failed}


def with_states(rows: QuerySet[Capture]) -> QuerySet[Capture]:
    """Captures that bring their counts by state along, in the same statement."""
    inside = CapturedTranscript.objects.filter(capture=OuterRef("pk")).order_by().values("state")
    said = inside.annotate(n=Count("pk")).values(said=JSONObject(state="state", n="n"))
    return rows.annotate(counted=ArraySubquery(said))


def tally_of(capture: Capture) -> Tally:
    """Counts by state; they tell nothing of any transcript."""
    if (counted := getattr(capture, "counted", None)) is not None:
        return _tally({one["state"]: one["n"] for one in counted})
    rows = CapturedTranscript.objects.filter(capture=capture).order_by()
    return _tally(dict(rows.values_list("state").annotate(n=Count("pk"))))


def _tally(counts: Mapping[str, int]) -> Tally:
    return Tally(*(counts.get(state, 0) for state in STATES))


def rows_of(sight: Sight, capture: Capture) -> QuerySet[CapturedTranscript]:
    """A capture's rows on transcripts whose evidence the person may see."""
    rows = CapturedTranscript.objects.filter(capture=capture).exclude(
        sight.veil_over("transcript_id", MACHINE)
    )
    return rows.select_related("transcript").order_by("pk")


@dataclass(frozen=True)
class Estimate:
    """How long a capture would take; None where no earlier one says it."""

    transcripts: int
    tokens: int | None
    seconds: float | None


def estimate(subject: SubjectModel, *, transcripts: int, characters: int) -> Estimate:
    """From what earlier captures of this subject model needed for a token, and tokens for a character.

    Args:
        characters: of the transcripts' texts, all together.
    """
    done = CapturedTranscript.objects.filter(capture__subject=subject, state=DONE)
    seen = done.aggregate(tokens=Sum("n_tokens"), characters=Sum("transcript__n_chars"))
    spent = Capture.objects.filter(subject=subject).aggregate(tokens=Sum("n_tokens"), seconds=Sum("seconds"))
    if not seen["tokens"] or not seen["characters"]:
        return Estimate(transcripts, None, None)
    tokens = round(characters * seen["tokens"] / seen["characters"])
    rate = spent["tokens"] / spent["seconds"] if spent["seconds"] else 0
    return Estimate(transcripts, tokens, tokens / rate if rate else None)


def features_of(dictionary: Dictionary, words: str = "", *, pinned: bool = False) -> QuerySet[Feature]:
    """A dictionary's known features: all, those with these words in an explanation, or the one of this number.

    Words must all occur in one explanation; they may be parts of words.
    """
    explained = Explanation.objects.order_by("-score", "pk")
    rows = Feature.objects.filter(dictionary=dictionary).select_related("channel")
    if pinned:
        rows = rows.filter(channel__isnull=False)
    wanted = words.strip().lstrip("#")
    if wanted.isascii() and wanted.isdigit():
        rows = rows.filter(index=int(wanted)) if int(wanted) <= LARGEST_INDEX else rows.none()
    elif wanted:
        holds = Q()
        for word in wanted.split()[:10]:
            holds &= Q(text__icontains=word)
        found = Explanation.objects.filter(holds, feature__dictionary=dictionary)
        rows = rows.filter(pk__in=found.values("feature_id"))
    return rows.prefetch_related(Prefetch("explanations", queryset=explained)).order_by("index")


def brought_to(dictionary: Dictionary, most: int = 3) -> list[ExplanationFile]:
    """The newest files of explanations that were handed in for it."""
    rows = ExplanationFile.objects.filter(dictionary=dictionary).select_related("run")
    return list(rows.order_by("-pk")[:most])


def access_explanation_file(dictionary: Dictionary, pk: int) -> ExplanationFile:
    """One of those files.

    Raises:
        Http404: there is none of this number.
    """
    found = ExplanationFile.objects.filter(dictionary=dictionary, pk=pk).select_related("run").first()
    if found is None:
        raise Http404("no such file")
    return found


def pinned_indices(dictionary: Dictionary) -> list[int]:
    """The numbers of its pinned features, rising."""
    rows = Feature.objects.filter(dictionary=dictionary, channel__isnull=False)
    return list(rows.order_by("index").values_list("index", flat=True))


def last_capture_with(dictionary: Dictionary) -> Capture | None:
    """The newest capture that looked with it."""
    return Capture.objects.filter(instruments__dictionary=dictionary).order_by("-pk").first()


def newest_probe_number(project_id: int, slug: str) -> int:
    """Of a probe's versions; 0 where there is none."""
    rows = Probe.objects.filter(project_id=project_id, slug=slug)
    return rows.aggregate(newest=Max("number"))["newest"] or 0


def access_subject(membership: Membership, slug: str) -> SubjectModel:
    """A subject model of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = subjects_of(membership.project_id).filter(slug=slug).first()
    if found is None:
        raise Http404("no such model")
    return found


def access_dictionary(membership: Membership, slug: str) -> Dictionary:
    """A dictionary of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = dictionaries_of(membership.project_id).filter(slug=slug).first()
    if found is None:
        raise Http404("no such dictionary")
    return found


def access_probe(membership: Membership, pk: int) -> Probe:
    """A version of a probe of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = probes_of(membership.project_id).filter(pk=pk).first()
    if found is None:
        raise Http404("no such probe")
    return found


def access_capture(membership: Membership, pk: int) -> Capture:
    """A capture of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = captures_of(membership.project_id).filter(pk=pk).first()
    if found is None:
        raise Http404("no such capture")
    return found


def access_job(membership: Membership, run_id: int) -> tuple[str, str | int]:
    """What a job of the member's project is about: "capture" or "training" and its id, "subject" or "dictionary" and
    its short name, or "controls" and a channel's id.

    Raises:
        Http404: not in this project, or not of models.
    """
    capture = Capture.objects.filter(project=membership.project_id, run=run_id).values_list("pk", flat=True)
    if (pk := capture.first()) is not None:
        return "capture", pk
    training = ProbeTraining.objects.filter(project=membership.project_id, run=run_id)
    if (pk := training.values_list("pk", flat=True).first()) is not None:
        return "training", pk
    subject = SubjectModel.objects.filter(project=membership.project_id, run=run_id)
    if (slug := subject.values_list("slug", flat=True).first()) is not None:
        return "subject", slug
    explained = ExplanationFile.objects.filter(dictionary__project=membership.project_id, run=run_id)
    if (slug := explained.values_list("dictionary__slug", flat=True).first()) is not None:
        return "dictionary", slug
    scored = ControlScore.objects.filter(channel__project=membership.project_id, run=run_id).order_by("pk")
    if (channel := scored.values_list("channel", flat=True).first()) is not None:
        return "controls", channel
    raise Http404("no such job")


def trainings_of(project_id: int) -> QuerySet[ProbeTraining]:
    """The project's trainings, newest first."""
    rows = ProbeTraining.objects.filter(project_id=project_id)
    return rows.select_related("run", "subject", "probe", "created_by").order_by("-pk")


def access_training(membership: Membership, pk: int) -> ProbeTraining:
    """A training of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = trainings_of(membership.project_id).filter(pk=pk).first()
    if found is None:
        raise Http404("no such training")
    return found
