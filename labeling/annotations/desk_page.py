"""The page of an item at the desk: all that it shows, whole or as the part that takes another item's place."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from auditor.accounts.models import Membership
from auditor.browse.asked import Asked
from auditor.browse.media import media_urls
from auditor.evidence.opinions import quote_marks
from labeling.annotations import queries
from labeling.annotations.content import Content
from labeling.annotations.heat import heat_of, points_of
from labeling.annotations.queries import Standing
from labeling.annotations.rail import Rail, blank, build
from labeling.queues.queries import desk_of
from labeling.queues.skipping import REASONS

DESK = "labeling/annotations/item.html"
PART = "Desk-Part"  # a header of the desk's script: it wants what stands in place of what it shows


def wants_part(request: HttpRequest) -> bool:
    return bool(request.headers.get(PART))


def part_of(
    request: HttpRequest, standing: Standing, membership: Membership, *, after: int | None = None
) -> str:
    """What the desk's script puts in place of the item that it shows; for `after` see `page_of`."""
    context = {
        "layout": "labeling/annotations/part.html",
        **page_of(request, standing, membership, after=after),
    }
    return render_to_string(DESK, context, request)


def page_of(
    request: HttpRequest, standing: Standing, membership: Membership, *, after: int | None = None
) -> dict[str, Any]:
    """What the page of an item shows.

    Args:
        after: the item that is worked on while this page is fetched ahead of it. The page that stands there keeps its
            own count, which this one's would be behind, and what is to be said once is said on a page that is shown.
    """
    project, ahead = membership.project.slug, after is not None
    here = reverse("annotations:item", args=[project, standing.item.pk])
    said = queries.opinions_of(standing, membership.user)
    asked = Asked.from_query({} if ahead else request.GET.dict())
    heat = heat_of(standing, membership.user, (asked.heat_key, asked.heat2_key), asked.threshold)
    content = standing.content
    digest = standing.round.codebook_version.digest
    untouched = content == Content()
    return {
        "is_ahead": ahead,
        "here": here,  # what is done with the item lies below its own address
        "standing": standing,
        "round": standing.round,
        "codebook": standing.codebook,
        "codebook_digest": digest,
        "untouched": digest if untouched else "",  # the rail says nothing of its own then
        "desk": None if ahead else desk_of(standing.round, membership.user),
        "document": queries.document_of(standing, quote_marks(said), media_urls(project)),
        "markdown": _markdown(request),
        "opinions": said,
        "heat": heat,
        "points": points_of(standing, membership.user, heat),
        "about": queries.about(standing),
        "blind_words": standing.codebook.by_code[standing.blind.label].words if standing.blind else "",
        "undo": after if ahead else queries.last_done(standing, membership.user),
        "state": _state(standing, content, here),
        "skip_reasons": REASONS,
        "content": content,
        "rail": blank(standing.codebook, digest) if untouched else rail_of(standing, content),
    }


def _markdown(request: HttpRequest) -> str:
    """How this browser wants Markdown: rendered, or raw."""
    return "raw" if request.COOKIES.get("markdown") == "raw" else "rendered"


def _state(standing: Standing, content: Content, here: str) -> dict[str, Any]:
    """What the page's scripts start from."""
    return {
        "item": standing.item.pk,
        "person": standing.lease.reviewer_id,
        "stage": standing.stage,
        "base": standing.base,
        "saves": standing.draft.saves if standing.draft is not None else 0,
        "active": standing.active_seconds,
        "editable": standing.may_commit,
        "content": content.plain(),
        "urls": {name: f"{here}{name}/" for name in ("draft", "commit", "alive")}
        | ({"ahead": f"{here}ahead/"} if standing.leads_on else {}),
    }


def rail_of(standing: Standing, content: Content, reopened: str = "", unit: int = 0) -> Rail:
    """The rail, with the kinds of the channels that are relied on; only revealed readings count."""
    attached = queries.relied_kinds(standing, content)
    return build(standing.codebook, content, attached, reopened=reopened, unit=unit)
