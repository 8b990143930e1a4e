"""The reading room: channels over the words, what fires on some of them, and what the model read."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.browse.asked import Asked, anchor_of
from auditor.browse.features import firing
from auditor.browse.heat import chosen, panel
from auditor.browse.reading import access_transcript
from auditor.browse.rendered import rendered
from auditor.corpus.windows import MESSAGES
from auditor.evidence.layers import blocks_on, layers_of
from auditor.evidence.queries import MACHINE, visible_to

MOST_WINDOWS = 8  # whose values one answer holds


@require_GET
def heat(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The panel of what is laid over the words, with the values on messages `after` up to `before`."""
    membership = access_project(request, project)
    row = access_transcript(membership, pk)
    sight, asked = visible_to(membership.user), Asked.from_query(request.GET.dict())
    first = asked.after or 0
    last = min(row.n_messages if asked.before is None else asked.before, first + MOST_WINDOWS * MESSAGES)
    blocks = blocks_on(sight, pk)
    shown = panel(
        sight, row, layers_of(sight, row, blocks), (asked.heat_key, asked.heat2_key), range(first, last), blocks=blocks,
        floor=asked.threshold,
    )  # fmt: skip
    context = {"heat": shown, "row": row, "packets": True, "panel_url": request.path}
    return render(request, "auditor/browse/heat.html", context)


@require_GET
def features(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What fires on the words at `at=3.text.0-12`."""
    membership = access_project(request, project)
    row = access_transcript(membership, pk)
    place = anchor_of(request.GET.get("at", ""))
    if place is None or not place.part:
        raise Http404("no such place")
    found = firing(row, place, blocks_on(visible_to(membership.user), pk))
    return render(request, "auditor/browse/features.html", {"found": found, "place": place, "row": row})


@require_GET
def tokens(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The text as the model read it and its tokens, `from` one on; of the newest block, or the `block` named."""
    membership = access_project(request, project)
    row = access_transcript(membership, pk)
    sight, asked = visible_to(membership.user), Asked.from_query(request.GET.dict())
    blocks = blocks_on(sight, pk)
    named = request.GET.get("block", "")
    block = next((one for one in blocks.rows if not named or str(one.pk) == named), None)
    layers = layers_of(sight, row, blocks) if block is not None else []
    channel = chosen(layers, asked.heat_key)
    page = rendered(blocks, block, first=asked.position, channel=channel) if block is not None else None
    context = {
        "row": row, "blocks": blocks.rows, "held": block, "page": page, "channel": channel,
        "veiled": sight.is_veiled(pk, MACHINE), "layers": [one for one in layers if block and one.channel.pk in block.channels],
    }  # fmt: skip
    return render(request, "auditor/browse/tokens.html", context)
