"""Pages of what a new version touches, and the round that labels it again. Managers only."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role, User
from labeling.annotations.touched import Touched, touched
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.queries import access_codebook, access_version, definition_of, sheet_of
from labeling.codebooks.rereading import ASKS, GONE, GRADE, KINDS, MOVES, UNCHANGED
from labeling.queues import actions as queues
from labeling.queues.models import Round
from labeling.queues.queries import access_round

SHOWN = 100  # labels listed of each kind
WORDS: Mapping[str, tuple[str, str]] = {
    GONE: ("An answer is gone", "Somebody gave an answer that is no longer there."),
    ASKS: ("A question is new", "A question is asked now that was never put to them."),
    MOVES: ("Another label follows", "The same answers lead to another label."),
    GRADE: ("Another grade follows", "The label stays; the same evidence carries another grade."),
    UNCHANGED: ("Unchanged", "The same answers lead to the same label and grade."),
}


@require_GET
def by_version(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What a published version makes of the labels of the versions before it."""
    membership = access_project(request, project, role=Role.MANAGER)
    version = access_version(membership, pk)
    found = _by(version, membership)
    again = [
        (found.rounds[round_id], ids, _name(found.rounds[round_id], version))
        for round_id, ids in found.to_label_again(KINDS).items()
    ]
    context = {"version": version, "again": again, **_shown(found)}
    return render(request, "labeling/annotations/touched.html", context)


@require_GET
def by_draft(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What the draft, as last saved, would make of the labels there are."""
    membership = access_project(request, project, role=Role.MANAGER)
    sheet = sheet_of(access_codebook(membership, pk))
    if sheet.written.codebook is None:
        messages.warning(request, "The draft has to read before its effect can be shown.")
        return redirect("codebooks:draft", project=project, pk=pk)
    found = touched(codebook=sheet.codebook, by=sheet.written.codebook, person=membership.user)
    return render(request, "labeling/annotations/touched.html", {"sheet": sheet, **_shown(found)})


@require_POST
def label_again(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """A round by this version over exactly the touched transcripts of one earlier round, for its reviewers."""
    membership = access_project(request, project, role=Role.MANAGER)
    version = access_version(membership, pk)
    asked = request.POST.get("round", "")
    before = access_round(membership, int(asked) if asked.isdecimal() and len(asked) < 18 else 0)
    kinds = [kind for kind in request.POST.getlist("kind") if kind in KINDS] or KINDS
    ids = _by(version, membership).to_label_again(kinds).get(before.pk)
    if ids is None:
        messages.info(request, "Nothing of this round is left to label again.")
        return redirect("annotations:touched", project=project, pk=pk)
    name = request.POST.get("name", "").strip()[:150] or _name(before, version)
    people = _reviewers(before)
    try:
        round = queues.open_round(
            project=membership.project, name=name, sample=before.sample, codebook_version=version, members=people,
            overlap=min(before.overlap, len(people)), policy=before.policy, lease_minutes=before.lease_minutes,
            actor=membership.user, only=ids,
        )  # fmt: skip
    except queues.CannotOpen as problem:
        messages.error(request, str(problem))
    except IntegrityError:
        messages.error(request, f"This project has a round named “{name}”.")
    else:
        return redirect("queues:round", project=project, pk=round.pk)
    return redirect("annotations:touched", project=project, pk=pk)


def _by(version: CodebookVersion, membership: Membership) -> Touched:
    if version.codebook.project_id != membership.project.pk:
        raise Http404("no such codebook version")
    return touched(
        codebook=version.codebook, by=definition_of(version), person=membership.user, version=version
    )


def _shown(found: Touched) -> dict[str, Any]:
    counts = found.counts
    return {
        "touched": found,
        "kinds": [
            (kind, *WORDS[kind], counts[kind], found.ways(kind) if kind != UNCHANGED else [], found.of_kind(kind)[:SHOWN])
            for kind in KINDS
            if counts[kind]
        ],
        "shown": SHOWN,
    }  # fmt: skip


def _name(before: Round, version: CodebookVersion) -> str:
    return f"{before.name[:120]}, again by version {version.number}"


def _reviewers(before: Round) -> list[User]:
    """The reviewers of the earlier round who may still review."""
    able = Membership.objects.of_active().filter(project_id=before.project_id, role__gte=Role.REVIEWER)
    return list(
        User.objects.filter(pk__in=before.members.values("user_id")).filter(pk__in=able.values("user_id"))
    )
