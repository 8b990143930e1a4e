"""Several judges on the same transcripts; boundaries are moved without asking any model again."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership
from auditor.corpus.models import Transcript
from auditor.evidence.filters import FilterError
from auditor.evidence.queries import visible_to
from auditor.judging.boundaries import IS, OPERATORS, Boundary
from auditor.judging.comparing import (
    MOST_JUDGES,
    Comparison,
    Side,
    TooMany,
    compare,
    judge_channels,
    offered,
    sides_of,
)
from auditor.judging.panels import ARGMAX, EXPECTED
from auditor.judging.plots import rate_axis
from auditor.sampling.asked import chosen_from
from auditor.sampling.choosing import Chosen
from auditor.sampling.queries import samples_of

LISTED = 200  # disagreements on the page
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


@require_GET
def comparison(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project)
    channels = judge_channels(membership.project_id)
    context: dict[str, Any] = {
        "channels": channels, "samples": samples_of(membership.project_id)[:200], "operators": OPERATORS,
        "picked": request.GET.getlist("judge"), "sample": request.GET.get("sample", ""),
    }  # fmt: skip
    try:
        chosen = _chosen(request, membership)
        context["chosen"] = chosen
        made = _made(request, membership, chosen)
    except (FilterError, TooMany) as problem:
        return render(
            request, "auditor/judging/comparison.html", context | {"problem": str(problem)}, status=422
        )
    if made is not None:
        context |= _shown(made, chosen)
    return render(request, "auditor/judging/comparison.html", context)


@require_GET
def download(request: HttpRequest, project: str) -> HttpResponseBase:
    """What each said of each transcript, or with `of=figures` the figures of the page."""
    membership = access_project(request, project)
    try:
        made = _made(request, membership, _chosen(request, membership))
    except (FilterError, TooMany) as problem:
        return HttpResponse(str(problem), status=422, content_type="text/plain; charset=utf-8")
    if made is None:
        return HttpResponse("Choose two judges.", status=422, content_type="text/plain; charset=utf-8")
    figures = request.GET.get("of") == "figures"
    lines = _figures(made) if figures else _rows(made)
    response = StreamingHttpResponse((_line(line) for line in lines), content_type="text/csv; charset=utf-8")
    name = "judges-figures.csv" if figures else "judges.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _chosen(request: HttpRequest, membership: Membership) -> Chosen | None:
    """Which transcripts; None: all that any of the judges was given."""
    chosen = chosen_from(request, membership)
    return chosen if chosen.sample is not None or chosen.filter else None


def _made(request: HttpRequest, membership: Membership, chosen: Chosen | None) -> Comparison | None:
    """The comparison that the address asks for; None while fewer than two judges are chosen.

    Raises:
        FilterError, TooMany: see `comparing`.
    """
    wanted = request.GET.getlist("judge")
    picked = [one for one in judge_channels(membership.project_id) if str(one.pk) in wanted][:MOST_JUDGES]
    if len(picked) < 2:
        return None
    sight = visible_to(membership.user)
    sides = sides_of(picked, sight=sight, chosen=chosen)
    boundaries = {side.key: _boundary(request.GET.dict(), side, sides) for side in sides}
    by_labels = request.GET.get("by") == "labels" and all(side.labels for side in sides)
    return compare(
        sides, boundaries, chosen=chosen, by_labels=by_labels, project_id=membership.project_id, sight=sight
    )


def _boundary(query: Mapping[str, str], side: Side, sides: Sequence[Side]) -> Boundary:
    """The boundary that the address gives a judge; what makes no sense is left at what is offered."""
    begun = offered(side, sides)
    op, at = query.get(f"op.{side.channel.pk}", ""), query.get(f"at.{side.channel.pk}", "").strip()
    if op == IS and at in side.labels:
        return Boundary(side.key, IS, at)
    if op in OPERATORS and op != IS:
        try:
            number = float(at)
        except ValueError:
            return begun
        if not -1e12 < number < 1e12:
            return begun
        reads = (
            ARGMAX if query.get(f"as.{side.channel.pk}") == ARGMAX and side.has_distributions else EXPECTED
        )
        return Boundary(side.key, op, at=number, reads=reads)
    return begun


def _shown(made: Comparison, chosen: Chosen | None) -> dict[str, Any]:
    splits = made.splits
    ids = [one.transcript_id for one in splits[:LISTED]]
    rows = Transcript.objects.filter(pk__in=ids).in_bulk() if ids else {}
    axis = rate_axis([found for _, _, found in made.rates] + [one.rate for one in made.senses])
    where = _where(made, chosen)
    return {
        "made": made, "axis": axis, "rates": [(*one, axis.drawn(one[2])) for one in made.rates],
        "senses": [(one, axis.drawn(one.rate)) for one in made.senses],
        "splits": [(one, rows[one.transcript_id]) for one in splits[:LISTED] if one.transcript_id in rows],
        "n_splits": len(splits), "listed": LISTED, "where": where,
        "exactly": chosen is None or chosen.sample is None,
        "labels_too": all(side.labels for side in made.sides),
    }  # fmt: skip


def _where(made: Comparison, chosen: Chosen | None) -> str:
    """The address form of a filter for the disagreements; empty where none can say them."""
    if not made.filter or not made.splits:
        return ""
    if chosen is None or chosen.sample is not None:
        return urlencode({"where": made.filter})
    within = chosen.filter
    pairs = [pair for pair in within.to_pairs() if pair[0] != "where"]
    return urlencode([*pairs, ("where", made.filter_within(within.where))])


def _rows(made: Comparison) -> Iterator[list[Any]]:
    head = [
        part for side in made.sides for part in (f"{side.key} value", f"{side.key} label", f"{side.key} says")
    ]
    yield ["transcript", "external_id", *head]
    for start in range(0, len(made.universe), 2_000):
        ids = made.universe[start : start + 2_000]
        names = dict(Transcript.objects.filter(pk__in=ids).values_list("pk", "external_id"))
        for at, pk in enumerate(ids, start):
            line: list[Any] = [pk, names.get(pk, "")]
            for side in made.sides:
                score = side.scores.get(pk)
                line += [
                    "" if score is None or score.value is None else repr(score.value),
                    "" if score is None else score.label,
                    made.said[side.key][at] or "",
                ]
            yield line


def _figures(made: Comparison) -> Iterator[list[Any]]:
    yield ["figure", "first", "second", "n", "value", "low", "high", "note"]
    for side, boundary, found in made.rates:
        yield ["rate", side.key, "", found.known, found.value, found.low, found.high, boundary.in_words()]
    for row in made.pairs:
        one = row.pair
        yield ["agreement", one.first, one.second, one.n, one.agreement, "", "", ""]
        yield ["kappa", one.first, one.second, one.n, one.kappa, "", "", ""]
        if row.flips is not None:
            note = f"{len(row.flips.to_yes)} to yes, {len(row.flips.to_no)} to no"
            yield ["McNemar p", one.first, one.second, row.flips.n, row.flips.p, "", "", note]
    whole = made.panel
    for name, value in (
        ("Fleiss kappa", whole.fleiss),
        ("observed agreement", whole.observed),
        ("unanimous", whole.all_agree),
    ):
        yield [name, "", "", whole.n, value, "", "", ""]
    for sense in made.senses:
        yield [
            "sensitivity",
            sense.side.key,
            "",
            sense.rate.known,
            sense.rate.value,
            sense.rate.low,
            sense.rate.high,
            sense.words,
        ]


def _line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_plain(cell) for cell in cells])
    return out.getvalue()


def _plain(cell: Any) -> Any:
    if cell is None:
        return ""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) and not _is_number(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
