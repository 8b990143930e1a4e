"""One training: how far it is, then which probe was chosen, how, and what it is worth."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import visible_to
from auditor.interp.actions.trainings import KINDS, TOKENS
from auditor.interp.queries import access_training
from auditor.interp.sweepplot import TICKS, bars_of, sweep_of
from auditor.runs.queries import worker_is_alive
from auditor.web.pages import render_page


@require_GET
def training(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project)
    found = access_training(membership, pk)
    ids = [one["transcript"] for one in found.examples]
    hidden = len(visible_to(membership.user).veiled_ids(ids, HUMAN))
    context: dict[str, Any] = {
        "training": found, "run": found.run, "hidden": hidden, "kinds": KINDS,
        "tokens": TOKENS[found.settings["tokens"]],
        "alive": found.run.is_over or worker_is_alive(found.run.task),
    }  # fmt: skip
    if found.result and not hidden:
        result = found.result
        context |= {
            "result": result, "bars": bars_of(result), "ticks": TICKS,
            "sweep": sweep_of(result["tried"], names=KINDS, kind=result["kind"], layer=result["layer"]),
            "rows": _rows(result["tried"], found.settings["kinds"]),
            "chosen_kind": KINDS[result["kind"]], "names": [KINDS[kind] for kind in found.settings["kinds"]],
        }  # fmt: skip
    return render_page(request, "auditor/interp/training.html", context, partial="body")


def _rows(tried: list[dict[str, Any]], kinds: list[str]) -> list[tuple[int, list[tuple[float | None, int]]]]:
    """By layer, each kind's AUROC and the number of folds behind it."""
    said = {(one["layer"], one["kind"]): (one["auroc"], len(one["folds"])) for one in tried}
    layers = sorted({one["layer"] for one in tried})
    return [(layer, [said.get((layer, kind), (None, 0)) for kind in kinds]) for layer in layers]
