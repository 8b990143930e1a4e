"""The page for machines that watch the product, and the page for people when something broke."""

import sys
from dataclasses import asdict

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from auditor.runtime import health
from auditor.runtime.outage import is_outage

BACK_WITHIN = 5  # seconds in which the supervisor has the database up again, as a rule


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database and the broker answer, else 503; says which, and nothing about where they are."""
    found = health.look()
    return JsonResponse(asdict(found), status=200 if found.is_good else 503)


@login_not_required
def broken(request: HttpRequest) -> HttpResponse:
    """503 while the database is away, so that whoever asked knows to ask again; 500 for what is our fault."""
    if is_outage(sys.exc_info()[1]):
        words = render_to_string("503.html")
        return HttpResponse(words, status=503, headers={"Retry-After": str(BACK_WITHIN)})
    return HttpResponse(render_to_string("500.html"), status=500)
