"""For programs: which committed labels a version of a codebook touches."""

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from auditor.accounts.access import access_caller
from auditor.accounts.models import Role
from auditor.web.listed import MOST
from labeling.annotations.touched import TouchedLabel, touched
from labeling.codebooks.queries import access_version, definition_of
from labeling.codebooks.rereading import UNCHANGED

router = Router(tags=["Codebooks"])


class TouchedLabelOut(Schema):
    """One committed label, and what it would be."""

    item: int
    transcript: int
    round: int
    version: int = Field(description="Number of the version it was made under")
    kind: str = Field(description="What happens to it")
    label: str
    grade: str
    label_now: str
    labelled_again: bool

    @classmethod
    def of(cls, one: TouchedLabel) -> "TouchedLabelOut":
        return cls(
            item=one.item_id, transcript=one.transcript_id, round=one.round_id, version=one.version,
            kind=one.kind, label=one.label, grade=one.grade, label_now=one.now.label, labelled_again=one.again,
        )  # fmt: skip


class TouchedOut(Schema):
    """Labels made under earlier versions, read by this one."""

    counts: dict[str, int]
    some_left_out: bool = Field(description="Labels of colleagues that are hidden from the token's person")
    labels: list[TouchedLabelOut] = Field(description="The first of those that change")


@router.get("/codebook-versions/{int:pk}/touched", response=TouchedOut, summary="Labels that it touches")
def touched_labels(request: HttpRequest, pk: int) -> TouchedOut:
    """Every final label made under an earlier version is read anew; at most 200 are listed."""
    membership = access_caller(request, role=Role.MANAGER)
    version = access_version(membership, pk)
    found = touched(
        codebook=version.codebook, by=definition_of(version), person=membership.user, version=version
    )
    changed = [one for one in found.labels if one.kind != UNCHANGED]
    return TouchedOut(
        counts=found.counts,
        some_left_out=found.some_left_out,
        labels=[TouchedLabelOut.of(one) for one in changed[:MOST]],
    )
