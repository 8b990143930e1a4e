"""How far a project is: the numbers behind its first page."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q

from auditor.accounts.models import Membership, Project
from auditor.corpus.models import Transcript
from auditor.evidence.models import HUMAN, Channel
from auditor.sampling.models import Sample
from labeling.adjudication.models import Case, Ruling
from labeling.datasets.models import Release
from labeling.queues.models import WORK, Item, Lease, Round, RoundMember


@dataclass(frozen=True)
class Figures:
    """What there is so far."""

    transcripts: int
    channels: int
    samples: int
    rounds: int
    open_rounds: int
    items: int
    finished: int
    open_cases: int
    ruled: int
    releases: int
    mine_left: int  # items of open rounds that this member may still label


@dataclass(frozen=True)
class Step:
    """One station of the main job, as the first page shows it."""

    number: int
    title: str
    text: str
    count: str
    url_name: str
    action: str
    done: bool


def figures_of(membership: Membership) -> Figures:
    """A fixed number of counting queries."""
    project = membership.project
    rounds = Round.objects.filter(project=project).aggregate(
        n=Count("pk"), open=Count("pk", filter=Q(closed_at=None))
    )
    items = Item.objects.filter(round__project=project, role=WORK).aggregate(
        n=Count("pk"), finished=Count("pk", filter=Q(finished_at__isnull=False))
    )
    return Figures(
        transcripts=Transcript.objects.of(project.pk).count(),
        channels=Channel.objects.filter(project=project).exclude(kind=HUMAN).count(),
        samples=Sample.objects.filter(project=project).count(),
        rounds=rounds["n"],
        open_rounds=rounds["open"],
        items=items["n"],
        finished=items["finished"],
        open_cases=Case.objects.filter(item__round__project=project, settled_at=None).count(),
        ruled=Ruling.objects.filter(item__round__project=project).values("item").distinct().count(),
        releases=Release.objects.filter(project=project).count(),
        mine_left=_left_for(membership),
    )


def _left_for(membership: Membership) -> int:
    """Items of open rounds where the member has a seat, has not finished, and may still get a slot."""
    seated = RoundMember.objects.filter(user=membership.user, round=OuterRef("round"))
    mine = Lease.objects.filter(item=OuterRef("pk"), reviewer=membership.user)
    return (
        Item.objects.filter(
            Exists(seated),
            round__project=membership.project,
            round__closed_at=None,
            finished_at=None,
            escalated_at=None,
        )
        .exclude(Exists(mine.filter(Q(state="done") | Q(state="released", reason="skipped"))))
        .count()
    )


def steps_of(membership: Membership, figures: Figures) -> list[Step]:
    """The main job in order; what is done, and where each step happens."""
    able = membership
    return [
        Step(
            1, "Bring transcripts in", "Logs of any tool, or files with a mapping; nothing is lost or written twice.",
            _words(figures.transcripts, "transcript"), "intake:upload" if able.can_manage else "browse:list",
            "Import" if able.can_manage else "Read", figures.transcripts > 0,
        ),
        Step(
            2, "Look at the evidence", "Judges, probes and SAE features are channels: a score for each transcript, heat on the words.",
            _words(figures.channels, "channel"), "browse:list", "Browse", figures.channels > 0,
        ),
        Step(
            3, "Draw a sample", "Seeded, with known odds, so that rates can be carried back to the whole.",
            _words(figures.samples, "sample"), "sampling:new" if able.can_manage else "sampling:list",
            "Draw" if able.can_manage else "Look", figures.samples > 0,
        ),
        Step(
            4, "Label blind, then see the evidence", "First the text alone; then the evidence; then the label that stands.",
            f"{figures.finished:,} of {figures.items:,} items done" if figures.items else "no round yet",
            "annotations:home" if able.can_review else "queues:rounds",
            "Review" if able.can_review else "Look", figures.items > 0 and figures.finished == figures.items,
        ),
        Step(
            5, "Settle disagreements", "Side by side, with a reason that stays with the label.",
            f"{_words(figures.open_cases, 'open case')}, {figures.ruled:,} settled",
            "adjudication:cases" if able.can_adjudicate else "queues:rounds",
            "Adjudicate" if able.can_adjudicate else "Look", figures.ruled > 0 and figures.open_cases == 0,
        ),
        Step(
            6, "Let the dataset out", "Labels with their history, versions, seeds and odds, as JSONL and Parquet.",
            _words(figures.releases, "release"), "datasets:list", "Datasets", figures.releases > 0,
        ),
    ]  # fmt: skip


def _words(count: int, word: str) -> str:
    return f"no {word} yet" if count == 0 else f"{count:,} {word}{'' if count == 1 else 's'}"


def sample_project() -> Project | None:
    """The audit that ships with the app, if it was loaded."""
    return Project.objects.filter(is_sample=True).first()
