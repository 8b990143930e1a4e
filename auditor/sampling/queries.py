"""Questions about samples."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from django.db.models import Count, QuerySet
from django.http import Http404

from auditor.accounts.models import Membership
from auditor.sampling.designs.arrays import Floats, Whole
from auditor.sampling.designs.design import Design
from auditor.sampling.designs.drawing import NOWHERE, Plan, Stratum, filled
from auditor.sampling.designs.union import First
from auditor.sampling.designs.union import as_first as first_of
from auditor.sampling.frames import member_of, unpacked
from auditor.sampling.models import Sample, SampleFrame, SampleItem


def samples_of(project_id: int) -> QuerySet[Sample]:
    """The samples of a project, newest first, with the number of items drawn."""
    rows = (
        Sample.objects.filter(project_id=project_id)
        .select_related("created_by", "extends")
        .defer("frame_ids", "extends__frame_ids")
    )
    return rows.annotate(n_items=Count("items")).order_by("-pk")


def frame_of(sample: Sample) -> Whole:
    """The ids of every transcript the sample was drawn from, sorted; shape (frame_size,)."""
    return unpacked(sample.frame_ids, "<i8").astype(np.int64)


def plan_of(sample: Sample) -> Plan | None:
    """The odds of the whole frame, in the order of `frame_of`, and those of pairs; None where not kept."""
    kept = SampleFrame.objects.filter(sample=sample).first()
    if kept is None:
        return None
    sizes = None if kept.sizes is None else unpacked(kept.sizes, "<f8").astype(np.float64)
    return filled([_stratum(one) for one in sample.strata], member_of(kept.strata), sizes)


@dataclass(frozen=True)
class StoredFrame:
    """A sample's frame, and the wider one from which earlier items were taken out."""

    ids: Whole  # (N,) rising
    base_ids: Whole | None  # (M,) rising
    base_member: Whole | None  # (M,) strata
    overall: Floats | None  # (M,), or (N,) where nothing was excluded


def stored_frame(sample: Sample) -> StoredFrame | None:
    """What was kept of it; None for a sample that keeps no plan."""
    kept = SampleFrame.objects.filter(sample=sample).first()
    if kept is None:
        return None
    return StoredFrame(
        frame_of(sample),
        None if kept.base_ids is None else unpacked(kept.base_ids, "<i8").astype(np.int64),
        None if kept.base_strata is None else member_of(kept.base_strata),
        None if kept.overall is None else unpacked(kept.overall, "<f8").astype(np.float64),
    )


def over_base(plan: Plan, stored: StoredFrame) -> Plan:
    """A plan of the frame as one of the wider frame, in which those taken before are nowhere."""
    assert stored.base_ids is not None
    at = np.searchsorted(stored.base_ids, stored.ids)
    member = np.full(len(stored.base_ids), NOWHERE, dtype=np.int64)
    odds, sizes = np.zeros(len(member)), None
    member[at], odds[at] = plan.member, plan.odds
    if plan.sizes is not None:
        sizes = np.full(len(member), np.nan)
        sizes[at] = plan.sizes
    return replace(plan, member=member, odds=odds, sizes=sizes)


def as_first(sample: Sample) -> tuple[Whole, First] | None:
    """Ids, and the draw (with those it excludes) as the earlier one of a union; None if not exact."""
    stored, plan = stored_frame(sample), plan_of(sample)
    if stored is None or plan is None:
        return None
    if stored.base_ids is None or stored.base_member is None:
        return stored.ids, first_of(plan)
    if stored.overall is None:
        return None
    return stored.base_ids, first_of(plan, stored.overall, stored.base_member)


def union_of(sample: Sample) -> tuple[Whole, Floats] | None:
    """Ids and odds, for every transcript of the frame, of being in this draw or one it excludes.

    For rates over the labels of all these draws together; None where the odds are not exact.
    """
    found = as_first(sample)
    return None if found is None else (found[0], found[1].odds)


def item_ids(samples: Iterable[Sample]) -> Whole:
    """Every transcript drawn by any of these, once; rising."""
    rows = (
        SampleItem.objects.filter(sample__in=list(samples)).order_by().values_list("transcript_id", flat=True)
    )
    return np.unique(np.fromiter(rows.iterator(chunk_size=20_000), dtype=np.int64))


def outermost(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """These without those that another of them extends, since it holds them; by id."""
    given = {sample.pk: sample for sample in samples}
    held: set[int] = set()
    for sample in given.values():
        inner = sample.extends_id
        while inner is not None:
            held.add(inner)
            inner = Sample.objects.filter(pk=inner).values_list("extends_id", flat=True).first()
    return tuple(given[pk] for pk in sorted(given) if pk not in held)


def last_of_chain(samples: tuple[Sample, ...]) -> Sample | None:
    """The one of them that excluded all others, if there is one."""
    wanted = {sample.pk for sample in samples}
    for sample in samples:
        if set(sample.excludes.values_list("pk", flat=True)) == wanted - {sample.pk}:
            return sample
    return None


def why_not_extend(sample: Sample) -> str:
    """Why a larger draw cannot be built on this one, for people; empty where it can."""
    design = Design.from_json(sample.parameters) if sample.parameters else None
    if design is None or not SampleFrame.objects.filter(sample=sample).exists():
        return "This sample does not hold what a larger one could be built on."
    if design.selection == "systematic":
        return (
            "A systematic draw cannot be extended: a finer comb would leave out some that were drawn. "
            "Exclude it in a new draw instead."
        )
    if not design.n:
        return "A top alone has nothing at random to extend. Exclude it in a new draw instead."
    return ""


def _stratum(kept: dict[str, object]) -> Stratum:
    names = Stratum.__dataclass_fields__
    return Stratum(**{name: value for name, value in kept.items() if name in names})  # type: ignore[arg-type]


def access_sample(membership: Membership, pk: int) -> Sample:
    """A sample of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = (
        Sample.objects.filter(pk=pk, project=membership.project)
        .select_related("created_by", "extends")
        .first()
    )
    if found is None:
        raise Http404("no such sample")
    return found
