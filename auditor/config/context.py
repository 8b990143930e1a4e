"""What every page shows around its own content: the project, the places in it, the worker's state."""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from auditor.accounts.models import Membership, Role
from auditor.runs.queries import worker_is_alive
from labeling.discussion.queries import unread_of

# title, URL name, the path's second part, lowest role that sees it
NAV = [
    ("Overview", "overview:project", "", Role.VIEWER),
    ("Transcripts", "browse:list", "transcripts", Role.VIEWER),
    ("Review", "annotations:home", "review", Role.REVIEWER),
    ("Adjudicate", "adjudication:cases", "adjudicate", Role.ADJUDICATOR),
    ("Rounds", "queues:rounds", "rounds", Role.VIEWER),
    ("Agreement", "agreement:rounds", "agreement", Role.VIEWER),
    ("Validity", "validity:channels", "validity", Role.VIEWER),
    ("Codebooks", "codebooks:list", "codebooks", Role.VIEWER),
    ("Judges", "judging:list", "judges", Role.VIEWER),
    ("White box", "interp:list", "interp", Role.VIEWER),
    ("Channels", "evidence:channels", "channels", Role.VIEWER),
    ("Datasets", "datasets:list", "datasets", Role.VIEWER),
]


def page(request: HttpRequest) -> dict[str, Any]:
    """The context of `base.html`; what it needs to be asked for is asked where the header is drawn alone."""
    membership = _membership(request)
    if membership is None:
        return {"nav": [], "worker_alive": True}
    project = membership.project
    section = request.path.split("/")[3] if request.path.count("/") >= 3 else ""
    places = _places(project.slug, membership.role)
    nav = [(title, url, part == section) for title, url, part in places]
    return {
        "nav": nav, "nav_of": (project.slug, membership.role, *(title for title, _, active in nav if active)),
        "project": project, "membership": membership, "worker_alive": worker_is_alive,
        "unread": lambda: unread_of(membership.user, project.pk),
    }  # fmt: skip


@lru_cache(maxsize=1000)
def _places(slug: str, role: int) -> list[tuple[str, str, str]]:
    """Title, address and the path's second part of what a member of this role sees."""
    return [(title, reverse(name, args=[slug]), part) for title, name, part, least in NAV if role >= least]


def _membership(request: HttpRequest) -> Membership | None:
    """The membership that `access_project` found for this request, or for the project in the path."""
    return getattr(request, "membership", None)
