"""Questions about judges and what they said; verdicts only as far as the person may see them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.http import Http404

from auditor.accounts.models import Membership
from auditor.evidence.queries import MACHINE, Sight
from auditor.judging.models import (
    STATES,
    InjectionCheck,
    Judge,
    JudgeRun,
    JudgeVersion,
    Preflight,
    Verdict,
    VerdictCall,
)
from auditor.judging.states import ANSWERED


def judges_of(project_id: int) -> QuerySet[Judge]:
    """The project's judges by name, with their newest version's number and how many runs they had."""
    return (
        Judge.objects.filter(project_id=project_id)
        .annotate(newest=Max("versions__number"), n_runs=Count("versions__judge_runs", distinct=True))
        .order_by(F("archived_at").asc(nulls_first=True), "name", "pk")
    )


def versions_of(project_id: int) -> QuerySet[JudgeVersion]:
    """Every version of the project's judges, the newest first."""
    rows = JudgeVersion.objects.filter(judge__project_id=project_id)
    return rows.select_related("judge", "endpoint", "channel", "created_by").order_by(
        "judge__name", "-number"
    )


def runs_of(project_id: int) -> QuerySet[JudgeRun]:
    """The project's judge runs, newest first."""
    rows = JudgeRun.objects.filter(project_id=project_id)
    return rows.select_related("version__judge", "version__endpoint", "run", "created_by").order_by("-pk")


def newest_run(version: JudgeVersion) -> JudgeRun | None:
    """The latest run of a version that has verdicts."""
    return version.judge_runs.filter(laid=True).order_by("-pk").first()


@dataclass(frozen=True)
class States:
    """How many verdicts of a run are in each state; of a run that is over, those waiting are missing."""

    counts: dict[str, int]
    over: bool

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def finished(self) -> int:
        return self.total - self.counts["waiting"]

    @property
    def not_ok(self) -> int:
        """Verdicts without a value, whatever the reason."""
        return self.total - self.counts["ok"]


def with_states(rows: QuerySet[JudgeRun]) -> QuerySet[JudgeRun]:
    """Judge runs that bring their counts by state along, in the same statement."""
    verdicts = Verdict.objects.filter(run=OuterRef("pk")).order_by().values("state").annotate(n=Count("pk"))
    return rows.annotate(counted=ArraySubquery(verdicts.values(said=JSONObject(state="state", n="n"))))


def states_of(judging: JudgeRun) -> States:
    """Counts by state; they tell nothing of any transcript."""
    if (counted := getattr(judging, "counted", None)) is not None:
        found = {one["state"]: one["n"] for one in counted}
        return States({state: found.get(state, 0) for state in STATES}, judging.run.is_over)
    rows = Verdict.objects.filter(run=judging).values_list("state").annotate(n=Count("pk")).order_by()
    counts = dict(rows)
    return States({state: counts.get(state, 0) for state in STATES}, judging.run.is_over)


def verdicts(sight: Sight, judging: JudgeRun) -> QuerySet[Verdict]:
    """A run's verdicts on transcripts whose evidence the person may see."""
    rows = Verdict.objects.filter(run=judging).exclude(sight.veil_over("transcript_id", MACHINE))
    return rows.select_related("transcript").order_by("transcript_id", "vote")


def verdicts_on(sight: Sight, transcript_id: int) -> QuerySet[Verdict]:
    """What every judge said of one transcript, the newest run first; nothing while it is veiled."""
    rows = Verdict.objects.filter(transcript_id=transcript_id, state__in=ANSWERED)
    return (
        rows.exclude(sight.veil_over("transcript_id", MACHINE))
        .select_related("run__version__judge", "transcript")
        .order_by("-run_id", "vote")
    )


def values_of(sight: Sight, judging: JudgeRun) -> Iterable[tuple[int, int, str, str, dict[str, object]]]:
    """(transcript, vote, state, label, values) of each verdict that may be seen, without its texts."""
    rows = verdicts(sight, judging).select_related(None)
    return rows.values_list("transcript_id", "vote", "state", "label", "values").iterator(chunk_size=5000)


def judged_by(sight: Sight, versions: Iterable[JudgeVersion]) -> set[int]:
    """Transcripts that these versions were given, with a value or without, and that may be seen."""
    rows = Verdict.objects.filter(run__version__in=[version.pk for version in versions])
    rows = rows.exclude(sight.veil_over("transcript_id", MACHINE)).order_by()
    return set(rows.values_list("transcript_id", flat=True).distinct())


def votes_on(sight: Sight, verdict: Verdict) -> list[Verdict]:
    """Every vote of the same run on the same transcript, this one among them."""
    rows = verdicts(sight, verdict.run).select_related(None).filter(transcript=verdict.transcript_id)
    return list(rows.order_by("vote"))


def finished_checks(version_ids: Iterable[int]) -> QuerySet[InjectionCheck]:
    """Checks of planted instructions that came to their end, the oldest first."""
    rows = InjectionCheck.objects.filter(version__in=list(version_ids), run__status="done")
    return rows.select_related("run").order_by("pk")


def calls_of(verdict: Verdict) -> QuerySet[VerdictCall]:
    """The calls behind a verdict, each with its reply."""
    return verdict.calls.select_related("reply").order_by("ask", "chunk")


def n_unsupported(judging: JudgeRun) -> int:
    """Verdicts that cite words, none of which are there."""
    return Verdict.objects.filter(run=judging, unsupported=True).count()


def access_judge(membership: Membership, slug: str) -> Judge:
    """A judge of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = Judge.objects.filter(project=membership.project_id, slug=slug).first()
    if found is None:
        raise Http404("no such judge")
    return found


def access_version(membership: Membership, pk: int) -> JudgeVersion:
    """A judge version of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = versions_of(membership.project_id).filter(pk=pk).first()
    if found is None:
        raise Http404("no such version")
    return found


def access_judging(membership: Membership, pk: int) -> JudgeRun:
    """A judge run of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = runs_of(membership.project_id).filter(pk=pk).first()
    if found is None:
        raise Http404("no such run")
    return found


def access_job(membership: Membership, run_id: int) -> tuple[str, int]:
    """What a job of the member's project is about: "run", "preflight" or "injections", and its id.

    Raises:
        Http404: not in this project, or not of judges.
    """
    of_project = Q(version__judge__project=membership.project_id, run=run_id)
    for name, rows in (
        ("run", JudgeRun.objects.filter(of_project)),
        ("preflight", Preflight.objects.filter(of_project)),
        ("injections", InjectionCheck.objects.filter(of_project)),
    ):
        if (pk := rows.values_list("pk", flat=True).first()) is not None:
            return name, pk
    raise Http404("no such job")


def access_preflight(membership: Membership, pk: int) -> Preflight:
    """A preflight of the member's project.

    Raises:
        Http404: not in this project.
    """
    rows = Preflight.objects.filter(version__judge__project=membership.project_id)
    found = rows.select_related("version__judge", "version__endpoint", "run").filter(pk=pk).first()
    if found is None:
        raise Http404("no such preflight")
    return found


def access_injection_check(membership: Membership, pk: int) -> InjectionCheck:
    """A check of planted instructions in the member's project.

    Raises:
        Http404: not in this project.
    """
    rows = InjectionCheck.objects.filter(version__judge__project=membership.project_id)
    found = rows.select_related("version__judge", "run").filter(pk=pk).first()
    if found is None:
        raise Http404("no such check")
    return found


def access_verdict(membership: Membership, sight: Sight, pk: int) -> Verdict:
    """A verdict of the member's project on a transcript whose evidence they may see.

    Raises:
        Http404: not in this project, or veiled.
    """
    rows = Verdict.objects.filter(Q(run__project=membership.project_id)).exclude(
        sight.veil_over("transcript_id", MACHINE)
    )
    found = (
        rows.select_related("run__version__judge", "run__version__endpoint", "transcript")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise Http404("no such verdict")
    return found


def without_veiled(preflight: Preflight, sight: Sight) -> Preflight:
    """The preflight without what was tried on transcripts whose evidence the person may not see."""
    tried = preflight.result.get("tried", [])
    veiled = sight.veiled_ids([one["transcript"] for one in tried])
    if veiled:
        kept = [one for one in tried if one["transcript"] not in veiled]
        preflight.result = preflight.result | {"tried": kept, "hidden": len(tried) - len(kept)}
    return preflight
