"""The API, put together from each slice's `api.py`; what is common to all of it stands here."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from auditor.accounts.api import Bearer
from auditor.accounts.api import router as accounts
from auditor.browse.api import router as browse
from auditor.evidence.api import router as evidence
from auditor.interp.api import router as interp
from auditor.interp.api_captures import router as captures
from auditor.interp.api_probes import router as probes
from auditor.judging.api import router as judging
from auditor.judging.api_panels import router as judge_panels
from auditor.judging.api_runs import router as judge_runs
from auditor.ledger.actions import ProjectRests
from auditor.llm.api import router as endpoints
from auditor.runs.api import router as runs
from auditor.sampling.api import router as sampling
from auditor.web.keyset import BadCursor
from auditor.web.problems import Problem, problem
from auditor.web.reference import reference_of
from auditor.web.shapes import Storable
from auditor.webhooks.api import router as webhooks
from labeling.adjudication.api import router as adjudication
from labeling.adjudication.api_bulk import router as bulk
from labeling.agreement.api import router as agreement
from labeling.annotations.api import router as annotations
from labeling.annotations.api_touched import router as touched
from labeling.codebooks.api import router as codebooks
from labeling.datasets.api import router as datasets
from labeling.discussion.api import router as discussion
from labeling.queues.api import router as queues
from labeling.queues.api_managing import router as managing
from labeling.validity.api import router as validity
from labeling.validity.prevalence.api import router as prevalence

PROBLEM = "application/problem+json"
ABOUT = """Everything that is done in Auditor by hand can be done by a program.

Each call carries a token: `Authorization: Bearer auditor_…`. A token acts as one person within one project,
so addresses name no project, and what is hidden from that person is hidden from their programs too."""

api = NinjaAPI(
    title="Auditor",
    version="1",
    description=ABOUT,
    auth=Bearer(),
    parser=Storable(),
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
)
for router in (
    accounts,
    browse,
    evidence,
    sampling,
    judging,
    judge_runs,
    judge_panels,
    interp,
    captures,
    probes,
    codebooks,
    queues,
    managing,
    annotations,
    touched,
    agreement,
    prevalence,
    adjudication,
    bulk,
    validity,
    datasets,
    discussion,
    endpoints,
    webhooks,
    runs,
):
    api.add_router("", router)


def _refused(status: int, document: dict[str, Any], **headers: str) -> HttpResponse:
    return JsonResponse(document, status=status, content_type=PROBLEM, headers=headers)


@api.exception_handler(Problem)
def _problem(_request: HttpRequest, refusal: Problem) -> HttpResponse:
    return _refused(refusal.status, refusal.plain())


@api.exception_handler(ProjectRests)
def _rests(_request: HttpRequest, refusal: ProjectRests) -> HttpResponse:
    return _refused(409, problem(409, str(refusal), []))


@api.exception_handler(BadCursor)
def _cursor(_request: HttpRequest, refusal: BadCursor) -> HttpResponse:
    reason = "This cursor is not one of ours."
    return _refused(422, problem(422, reason, [{"field": "after", "reason": reason}]))


@api.exception_handler(Http404)
def _missing(_request: HttpRequest, _refusal: Http404) -> HttpResponse:
    return _refused(404, problem(404, "There is no such thing, or not for you.", []))


@api.exception_handler(AuthenticationError)
def _unknown(_request: HttpRequest, _refusal: AuthenticationError) -> HttpResponse:
    return _refused(
        401,
        problem(401, "Send Authorization: Bearer, and a token that still works.", []),
        **{"WWW-Authenticate": "Bearer"},
    )


@api.exception_handler(HttpError)
def _other(_request: HttpRequest, refusal: HttpError) -> HttpResponse:
    return _refused(refusal.status_code, problem(refusal.status_code, str(refusal), []))


@api.exception_handler(RequestDataTooBig)
def _large(_request: HttpRequest, _refusal: RequestDataTooBig) -> HttpResponse:
    return _refused(413, problem(413, "This is more than one request may hold.", []))


@api.exception_handler(ValidationError)
def _malformed(_request: HttpRequest, refusal: ValidationError) -> HttpResponse:
    errors = [
        {"field": ".".join(str(part) for part in one["loc"][1:] or one["loc"]), "reason": str(one["msg"])}
        for one in refusal.errors[:20]
    ]
    reason = "; ".join(f"{one['field']}: {one['reason']}" for one in errors[:3])
    return _refused(422, problem(422, reason, errors))


def _in_its_way(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The call, whose refusal of a method is a problem document like every other refusal."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer = view(request, *args, **kwargs)
        if answer.status_code != 405:
            return answer
        reason = f"This address takes {answer['Allow']}."
        return _refused(405, problem(405, reason, []), Allow=answer["Allow"])

    return answered


@login_not_required
@require_GET
def schema(_request: HttpRequest) -> HttpResponse:
    """The description that programs read; it tells nothing of any project."""
    return JsonResponse(api.get_openapi_schema())


@never_cache
@require_GET
def reference(request: HttpRequest) -> HttpResponse:
    """The same description as a page for people."""
    context = {"reference": reference_of(api.get_openapi_schema())}
    return render(request, "auditor/web/reference.html", context)


@login_not_required
def nowhere(_request: HttpRequest, rest: str) -> HttpResponse:
    """An address that the API does not have is refused in the API's way."""
    return _refused(404, problem(404, f"The API has no address {rest[:200]}", []))


def addresses() -> list[URLPattern]:
    """The API's addresses; a token stands in for the sign-in that every page asks for."""
    found = []
    for pattern in api.urls[0]:
        assert isinstance(pattern, URLPattern)
        if pattern.name != "api-root":
            pattern.callback = login_not_required(never_cache(_in_its_way(pattern.callback)))
            found.append(pattern)
    return [
        path("", reference, name="api-root"),  # ninja's own name: it finds its prefix by it
        path("openapi.json", schema, name="schema"),
        *found,
        path("<path:rest>", nowhere, name="nowhere"),
    ]
