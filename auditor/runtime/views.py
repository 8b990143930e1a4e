"""The page for machines that watch the product."""

from dataclasses import asdict

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from auditor.runtime import health


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database and the broker answer, else 503; says which, and nothing about where they are."""
    found = health.look()
    return JsonResponse(asdict(found), status=200 if found.is_good else 503)
