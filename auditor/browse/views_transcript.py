"""The reading room: one transcript, by windows."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.browse.asjson import message_json, transcript_json
from auditor.browse.asked import Asked, anchor_of
from auditor.browse.heat import chosen
from auditor.browse.media import media_urls
from auditor.browse.reading import Reading, access_transcript, reading
from auditor.browse.relatives import relatives
from auditor.browse.signal import overview
from auditor.corpus.finding import find
from auditor.corpus.queries import messages_between
from auditor.evidence.layers import layers_of
from auditor.evidence.queries import MACHINE, visible_to
from auditor.web.pages import wants_fragment

PAGE, WINDOW = "auditor/browse/transcript.html", "auditor/browse/window.html"


@require_GET
def transcript(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One transcript to read, or one window of it; what is veiled to the person is nowhere on the page."""
    membership = access_project(request, project)
    row = access_transcript(membership, pk)
    asked = Asked.from_query(request.GET.dict())
    page = reading(
        row, sight=visible_to(membership.user), asked=asked, media=media_urls(project),
        with_opinions=not wants_fragment(request), few=wants_fragment(request),
    )  # fmt: skip
    context: dict[str, Any] = {"page": page, "row": row, "asked": asked, **_edges(request, page)}
    if not wants_fragment(request):
        context["metadata"] = json.dumps(page.metadata, indent=2, ensure_ascii=False) if page.metadata else ""
        context["found"] = find(row, asked.find) if asked.find.strip() else None
        context["relatives"] = relatives(row)
        context["raw"] = request.COOKIES.get("markdown") == "raw"
    response = render(request, WINDOW if wants_fragment(request) else PAGE, context)
    patch_vary_headers(response, ("HX-Request", "HX-Boosted", "HX-History-Restore-Request"))
    return response


@require_GET
def overview_of(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The whole transcript as a strip of at most 200 links."""
    membership = access_project(request, project)
    row = access_transcript(membership, pk)
    sight, asked = visible_to(membership.user), Asked.from_query(request.GET.dict())
    layer = chosen(layers_of(sight, row), asked.heat_key)
    context = {"row": row, "layer": layer, "buckets": overview(sight, row, layer, at=asked.position)}
    return render(request, "auditor/browse/overview.html", context)


@require_GET
def found_in(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Every place of the words in the transcript, as a list of links."""
    membership = access_project(request, project)
    row = access_transcript(membership, pk)
    asked = Asked.from_query(request.GET.dict())
    return render(
        request, "auditor/browse/found.html", {"row": row, "found": find(row, asked.find), "asked": asked}
    )


@require_GET
def part(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One block again, showing a longer stretch of its text: `at=811.text.0-400000`."""
    membership = access_project(request, project)
    row = access_transcript(membership, pk)
    at = anchor_of(request.GET.get("at", ""))
    if at is None or not at.part:
        raise Http404("no such part")
    asked = Asked.from_query(request.GET.dict())
    page = reading(
        row,
        sight=visible_to(membership.user),
        asked=asked,
        media=media_urls(project),
        part=at,
        with_opinions=False,
    )
    blocks = [
        (message, block) for message in page.document for block in message.blocks if block.part == at.part
    ]
    if not blocks:
        raise Http404("no such part")
    message, block = blocks[0]
    context = {"row": row, "message": message, "block": block, "linked": row, "folds": True}
    return render(request, "components/block.html", context)


@require_GET
def as_json(request: HttpRequest, project: str, pk: int) -> HttpResponseBase:
    """The transcript as JSON, or one message of it: `at=811`; metadata are left out while they are veiled."""
    membership = access_project(request, project)
    row = access_transcript(membership, pk)
    at = anchor_of(request.GET.get("at", ""))
    options = {"ensure_ascii": False, "indent": 1}
    if at is not None:
        messages = messages_between(row, at.position, at.position + 1)
        if not messages:
            raise Http404("no such message")
        return JsonResponse(message_json(messages[0]), json_dumps_params=options)
    veiled = visible_to(membership.user).is_veiled(pk, MACHINE)
    response = StreamingHttpResponse(transcript_json(row, veiled=veiled), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="transcript-{row.pk}.json"'
    return response


def _edges(request: HttpRequest, page: Reading) -> dict[str, str]:
    """Addresses of the windows before and after, and of the first; empty where there are none."""

    def with_place(**place: int) -> str:
        query = request.GET.copy()
        for name in ("message", "from", "at", "after", "before"):
            query.pop(name, None)
        for name, position in place.items():
            query[name] = str(position)
        return "?" + query.urlencode()

    return {
        "first_url": with_place() if page.first else "",
        "before_url": with_place(before=page.first) if page.first else "",
        "after_url": with_place(after=page.last) if page.last < page.transcript.n_messages else "",
    }
