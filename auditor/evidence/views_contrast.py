"""A channel under two conditions of the same prompts: figures, dots, pairs to open, and a file of them."""

import csv
import io
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.evidence.contrast import META, PROMPT, Contrast, conditions_of, contrast
from auditor.evidence.contrast_plots import strip
from auditor.evidence.paired import LEVEL, RESAMPLES, Pair
from auditor.evidence.queries import visible_to
from auditor.evidence.summaries import access_channel
from auditor.web.sheets import safe

SHOWN = 200  # pairs of the table
OPENED = 2  # transcripts of each side that a pair opens in the comparison


@require_GET
def contrast_of(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """`by=condition&a=value&b=value`; without them the page asks. `pair=meta.task` pairs by metadata; `as=csv` is the file."""
    membership = access_project(request, project)
    channel = access_channel(membership, pk)
    conditions = conditions_of(membership.project_id)
    asked = {name: request.GET.get(name, "").replace("\0", "") for name in ("by", "a", "b", "pair")}
    if not asked["by"] and conditions:
        asked["by"] = next(iter(conditions))
    values = [value for value, _ in conditions.get(asked["by"], [])]
    if asked["by"] in conditions and not (asked["a"] or asked["b"]):
        asked["a"], asked["b"] = values[:2]
    found = None
    if asked["a"] in values and asked["b"] in values and asked["a"] != asked["b"]:
        by_pair = asked["pair"] if asked["pair"].startswith(META) else PROMPT
        found = contrast(
            visible_to(membership.user), channel, by=asked["by"], a=asked["a"], b=asked["b"], by_pair=by_pair
        )
    if found is not None and request.GET.get("as") == "csv":
        return _file(found)
    context: dict[str, Any] = {"channel": channel, "conditions": conditions, "asked": asked, "values": values}
    if found is not None:
        figures = found.figures
        context |= {
            "found": found,
            "strip": strip([one.difference for one in found.pairs], figures.mean, figures.low, figures.high),
            "rows": [(one, _opens(one)) for one in found.pairs[:SHOWN]],
            "more": max(0, len(found.pairs) - SHOWN), "resamples": RESAMPLES, "level": LEVEL,
        }  # fmt: skip
    return render(request, "auditor/evidence/contrast.html", context)


def _opens(one: Pair) -> str:
    """The transcripts that are compared, as the comparison's address has them."""
    return ",".join(map(str, (*one.of_a[:OPENED], *one.of_b[:OPENED])))


def _file(found: Contrast) -> HttpResponse:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["pair", found.a.value, found.b.value, "difference", "transcripts_a", "transcripts_b"])
    for one in found.pairs:
        writer.writerow(
            [safe(one.key), one.a, one.b, one.difference, " ".join(map(str, one.of_a)), " ".join(map(str, one.of_b))]
        )  # fmt: skip
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="contrast-{found.channel.pk}.csv"'
    return response
