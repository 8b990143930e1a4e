"""How the work stands: open rounds with their pace and agreement, labels by day, and who waits for what.

Nothing here tells what somebody said about a transcript: agreement is left out where its figures are
withheld from the reader, and waiting is counted, not described.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from auditor.accounts.models import Membership
from labeling.adjudication.models import Case
from labeling.agreement.figures import ALL, Line, overall
from labeling.agreement.queries import (
    SMALL,
    Scope,
    digest_of,
    labels_of,
    scope_of,
    size_of,
    stored_report,
    withheld_rounds,
)
from labeling.agreement.resampling import seed_of
from labeling.annotations.models import FINAL, LabelRevision
from labeling.queues.models import WORK, Round
from labeling.queues.queries import Progress, progress, rounds_of

ROUNDS = 8  # open rounds that are shown
DAYS = 14  # of labels by day
BAR, STEP = 34, 10  # units of the drawing: a bar's height, and from bar to bar


@dataclass(frozen=True)
class Standing:
    """One open round."""

    round: Round
    progress: Progress
    agreement: Line | None  # nominal alpha of the labels so far
    withheld: bool  # the reader may not see agreement yet
    outdated: bool  # labels have come since the figure was made
    cases: int
    returned: int
    oldest_case: date | None
    by_day: float | None  # labels a working day, over the days on which there were any

    @property
    def days_left(self) -> int | None:
        """Calendar days until the last label at the pace of the last fortnight; None without a pace."""
        left = self.progress.labels_wanted - self.progress.labels
        return None if not self.by_day else -(-left // max(1, round_up(self.by_day)))

    @property
    def is_late(self) -> bool:
        """Whether it is due, or will be before it ends at the present pace."""
        if self.round.due_on is None:
            return False
        ends = timezone.localdate() + timedelta(days=self.days_left or 0)
        return self.progress.labels < self.progress.labels_wanted and ends > self.round.due_on


@dataclass(frozen=True)
class Day:
    """Labels of one day."""

    day: date
    labels: int
    x: int  # of its bar
    height: int  # of it, 0 .. BAR

    @property
    def top(self) -> int:
        """Where the bar begins; a day without labels has a line at the foot."""
        return BAR - max(self.height, 1)


@dataclass(frozen=True)
class Dashboard:
    """The whole page."""

    standings: list[Standing]
    more: int  # open rounds that are not shown
    days: list[Day]
    labels: int  # of these days
    people: int  # who made them

    @property
    def width(self) -> int:
        """Of the drawing."""
        return STEP * len(self.days)

    @property
    def height(self) -> int:
        """Of the drawing."""
        return BAR


def dashboard_of(membership: Membership) -> Dashboard:
    """How the project's work stands; a fixed number of queries, and some for each open round shown."""
    project_id = membership.project.pk
    everything = rounds_of(project_id).filter(closed_at=None)
    rounds = list(everything[:ROUNDS])
    withheld = withheld_rounds(rounds, membership.user)
    cases = _cases([one for one in rounds if one.pk not in withheld])
    paces = _paces(rounds)
    days, labels, people = _days(project_id)
    return Dashboard(
        standings=[
            Standing(
                one, progress(one), *_agreement(one, withheld), *cases.get(one.pk, (0, 0, None)),
                paces.get(one.pk),
            )
            for one in rounds
        ],
        more=max(0, everything.count() - len(rounds)) if len(rounds) == ROUNDS else 0,
        days=days,
        labels=labels,
        people=people,
    )  # fmt: skip


def round_up(value: float) -> int:
    """The next whole number."""
    return int(-(-value // 1))


def _agreement(round: Round, withheld: set[int]) -> tuple[Line | None, bool, bool]:
    """Alpha of the final labels, whether it is withheld, and whether it is out of date."""
    if round.pk in withheld:
        return None, True, False
    scope = scope_of([round], whole=False)
    if size_of(scope) <= SMALL:
        return _main(_now(scope)), False, False
    stored = stored_report(scope, digest_of(scope))
    return (None, False, False) if stored is None else (_main(stored.report.lines), False, stored.outdated)


def _now(scope: Scope) -> list[Line]:
    labels = labels_of(scope, FINAL)
    return overall(labels, scope.measures[:1], (), stage=FINAL, seed=seed_of(digest_of(scope)))


def _main(lines: Sequence[Line]) -> Line | None:
    return next(
        (one for one in lines if (one.cut, one.coefficient, one.stage) == (ALL, "alpha", FINAL)), None
    )


def _cases(rounds: Sequence[Round]) -> dict[int, tuple[int, int, date | None]]:
    """For each round its open cases, those sent back among them, and the day of the oldest."""
    rows = Case.objects.filter(item__round__in=rounds, settled_at=None).order_by().values("item__round")
    return {
        row["item__round"]: (row["n"], row["back"], row["oldest"].date())
        for row in rows.annotate(
            n=Count("pk"), back=Count("pk", filter=Q(returned_at__isnull=False)), oldest=Min("opened_at")
        )
    }


def _paces(rounds: Sequence[Round]) -> dict[int, float]:
    """Labels a day of each round over the last fortnight, days without any left out."""
    rows = _first_finals().filter(item__round__in=rounds).values("item__round")
    counted = rows.annotate(n=Count("pk"), days=Count(TruncDate("committed_at"), distinct=True))
    return {row["item__round"]: row["n"] / row["days"] for row in counted}


def _days(project_id: int) -> tuple[list[Day], int, int]:
    """Labels of each of the last days, all of them, and how many people made them."""
    rows = _first_finals().filter(item__round__project_id=project_id)
    counts = dict(
        rows.annotate(day=TruncDate("committed_at"))
        .values_list("day")
        .annotate(n=Count("pk"))
        .order_by("day")
    )
    people = rows.aggregate(n=Count("reviewer", distinct=True))["n"]
    most = max(counts.values(), default=0)
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    bars = [
        Day(day, n := counts.get(day, 0), STEP * index, round_up(BAR * n / most) if most else 0)
        for index, day in enumerate(days)
    ]
    return bars, sum(counts.values()), people or 0


def _first_finals() -> QuerySet[LabelRevision]:
    """Each label the first time it was final, over the last days; revisions are no further labels."""
    since = timezone.now() - timedelta(days=DAYS)
    rows = LabelRevision.objects.filter(stage=FINAL, number=1, committed_at__gte=since, item__role=WORK)
    return rows.order_by()
