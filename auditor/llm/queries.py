"""Questions about endpoints."""

from django.db.models import Count, QuerySet, Sum
from django.http import Http404

from auditor.accounts.models import Membership
from auditor.llm.models import Endpoint, Trial


def endpoints_of(project_id: int) -> QuerySet[Endpoint]:
    """The endpoints of a project that stand, newest first, each with `n_replies` and `spent` (millionths, or null)."""
    rows = Endpoint.objects.standing().filter(project_id=project_id)
    return rows.annotate(n_replies=Count("replies"), spent=Sum("replies__cost")).order_by("-pk")


def access_endpoint(membership: Membership, pk: int) -> Endpoint:
    """An endpoint of the member's project.

    Raises:
        Http404: not in this project, or put away.
    """
    found = Endpoint.objects.standing().filter(project_id=membership.project_id, pk=pk).first()
    if found is None:
        raise Http404("no such endpoint")
    return found


def trials_of(endpoint: Endpoint) -> QuerySet[Trial]:
    """The looks at what an endpoint can do, newest first."""
    return endpoint.trials.select_related("run").order_by("-pk")


def trials_in(project_id: int) -> QuerySet[Trial]:
    """The looks at all endpoints of a project."""
    return Trial.objects.filter(endpoint__project_id=project_id)
