"""Questions about reports of validity: which is the newest that a person may see, and what has become of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import Http404

from auditor.accounts.models import Membership, User
from auditor.evidence.models import Channel, WorthBasis
from auditor.evidence.queries import SCOPES, visible_to
from auditor.evidence.summaries import access_channel
from auditor.evidence.withdrawal import withdrawn_on
from labeling.agreement.queries import withheld_rounds
from labeling.queues.models import Round
from labeling.validity.gathering import digest_of, has_newer_reading, names_of
from labeling.validity.models import ChannelFigures, ValidityReport
from labeling.validity.references import NoReference, Reference, offered, reference_of

LOOKED_AT = 20  # newest reports of a reference, of which the first that a person may see is shown


@dataclass(frozen=True)
class Shown:
    """The report that a page shows, and what has become of it."""

    row: ValidityReport
    outdated: bool


def access_reference(membership: Membership, key: str) -> tuple[Reference | None, list[Reference]]:
    """The reference asked for, or the first on offer; and what is on offer.

    Raises:
        Http404: the project has nothing of this name.
    """
    some = offered(membership)
    if not key:
        computed = set(
            ValidityReport.objects.filter(project=membership.project, computed_at__isnull=False)
            .values_list("reference", flat=True)
        )  # fmt: skip
        first = next((one for one in some if one.key in computed), some[0] if some else None)
        return first, some
    try:
        found = reference_of(membership.project_id, key)
    except NoReference as problem:
        raise Http404(str(problem)) from problem
    return found, some if found in some else [*some, found]


def reports_of(project_id: int, reference: str, *, narrowed: bool | None = None) -> QuerySet[ValidityReport]:
    """The reference's reports, the newest first.

    Args:
        narrowed: only computed ones by somebody from whom something was hidden, or only others.
    """
    rows = ValidityReport.objects.filter(project_id=project_id, reference=reference)
    if narrowed is not None:
        hidden = rows.filter(basis__narrowed=True).values("pk")
        rows = rows.filter(pk__in=hidden) if narrowed else rows.exclude(pk__in=hidden)
    return rows.select_related("run", "asked_by").order_by("-pk")


def shown_report(reference: Reference, person: User) -> Shown | None:
    """The newest computed report that rests on nothing withheld from the person.

    One by somebody from whom something was hidden is shown only where there is no other.
    """
    for narrowed in (False, True):
        rows = reports_of(reference.project_id, reference.key, narrowed=narrowed)
        for row in rows.filter(computed_at__isnull=False)[:LOOKED_AT]:
            if not is_withheld(row, person):
                return Shown(row, is_outdated(row, reference, person))
    return None


def is_withheld(row: ValidityReport, person: User) -> bool:
    """Whether it rests on labels or readings that the person must not know of yet."""
    rounds = list(Round.objects.filter(project_id=row.project_id, pk__in=row.rounds).defer("seed"))
    if len(rounds) < len(row.rounds):
        return True
    if rounds:
        return bool(withheld_rounds(rounds, person, SCOPES))
    return visible_to(person).is_veiled_anywhere(row.project_id, SCOPES)


def is_outdated(row: ValidityReport, reference: Reference, person: User) -> bool:
    """Whether labels or readings have come since, or were taken back."""
    if digest_of(names_of(reference, person), row.contrasts) != row.basis.get("labels"):
        return True
    transcripts: Sequence[int] = row.basis.get("transcripts", [])
    if withdrawn_on(transcripts) > row.basis.get("withdrawn", 0):
        return True
    return has_newer_reading(row.project_id, transcripts, person, row.newest_reading)


def has_whole_worth(project_id: int, reference: str) -> bool:
    """Whether the current worth was measured by somebody from whom nothing was hidden."""
    rows = WorthBasis.objects.filter(project_id=project_id, reference=reference, superseded_at__isnull=True)
    return any(not one.get("narrowed") for one in rows.values_list("detail", flat=True))


def report_in_work(project_id: int, reference: str) -> ValidityReport | None:
    """A report that is being computed now."""
    rows = reports_of(project_id, reference).filter(computed_at__isnull=True)
    return rows.filter(run__status__in=["queued", "running", "paused"]).first()


def access_measured(membership: Membership, pk: int) -> Channel:
    """A machine's channel of the member's project.

    Raises:
        Http404: there is none of this number, or it is people's.
    """
    channel = access_channel(membership, pk)
    if channel.kind == "human":
        raise Http404("people's labels are what channels are held against")
    return channel


def details_of(row: ValidityReport, channel: Channel) -> dict[str, dict[str, Any]]:
    """The channel's figures on each question; empty for one that is not listed."""
    rows = ChannelFigures.objects.filter(report=row, channel=channel)
    return dict(rows.values_list("question", "figures"))


def channels_named(project_id: int, ids: Iterable[int]) -> dict[int, Channel]:
    """Channels by id."""
    return {one.pk: one for one in Channel.objects.filter(project_id=project_id, pk__in=ids).defer("detail")}
