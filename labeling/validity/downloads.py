"""Figures as CSV with counts, methods and seeds, numbers in full and empty where undefined; and drawings as SVG files."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string

from auditor.evidence.models import Channel
from auditor.web.sheets import safe
from labeling.validity.models import ValidityReport

OVERVIEW = (
    "channel", "name", "kind", "question", "figure", "value", "low", "high", "positive", "negative", "units",
    "weighted", "method", "seed", "q", "reason",
)  # fmt: skip
FIGURES = (
    "question", "cut", "part", "figure", "value", "low", "high", "positive", "negative", "weighted", "method",
    "seed", "reason",
)  # fmt: skip
THRESHOLDS = (
    "question", "origin", "control_set", "held_out", "wanted_rate", "threshold", "control_fired", "control_n",
    "tpr", "tpr_low", "tpr_high", "positive", "fpr", "fpr_low", "fpr_high", "negative", "lr_plus", "lr_plus_low",
    "lr_plus_high", "lr_minus", "lr_minus_low", "lr_minus_high", "kappa", "kappa_low", "kappa_high", "fired_positive",
    "fired_negative", "reason",
)  # fmt: skip
SHEETS = ("figures", "thresholds", "curve", "bins", "words")


def overview(row: ValidityReport, channels: Mapping[int, Channel]) -> Iterator[str]:
    """Each listed channel's area on each question."""
    yield _line(OVERVIEW)
    for one in row.figures["lines"]:
        channel, figure = channels.get(one["channel"]), one["auroc"]
        if channel is not None:
            yield _line((
                channel.key, channel.name, channel.kind, one["question"], figure["name"], *_ends(figure),
                figure["n_positive"], figure["n_negative"], one["n_units"], figure["weighted"], figure["method"],
                figure["seed"], one["q"], figure["reason"],
            ))  # fmt: skip


def sheet(of: str, details: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """One channel's figures, thresholds, ROC curve, bins of scores, or what its words met, on every question."""
    columns, rows = {
        "figures": (FIGURES, _figures),
        "thresholds": (THRESHOLDS, _thresholds),
        "curve": (("question", "false_positive_rate", "true_positive_rate", "score"), _curve),
        "bins": (
            (
                "question", "bin", "from", "to", "mean_said", "positive", "n", "share", "low", "high", "lr", "lr_low",
                "lr_high",
            ),
            _bins,
        ),
        "words": (("question", "said", "was", "n"), _words),
    }[of]  # fmt: skip
    yield _line(columns)
    for question, detail in details.items():
        for row in rows(detail):
            yield _line((question, *row))


def svg_file(drawing: Any, name: str) -> HttpResponse:
    """A drawing with the colours of both schemes in it, to be saved."""
    body = render_to_string("labeling/validity/plots/file.svg", {"plot": drawing})
    answer = HttpResponse(body, content_type="image/svg+xml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.svg"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def csv_file(lines: Iterable[str], name: str) -> StreamingHttpResponse:
    """Lines as a file to be saved."""
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _figures(detail: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    for one in detail["figures"]:
        yield (
            one["cut"], one["part"], one["name"], *_ends(one), one["n_positive"], one["n_negative"],
            one["weighted"], one["method"], one["seed"], one["reason"],
        )  # fmt: skip


def _thresholds(detail: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    for one in detail["thresholds"]:
        found = one["found"]
        if found is None:
            yield (one["kind"], one["control"], one["part"], one["wanted"], *[""] * 22, one["reason"])
            continue
        kappa = one["kappa"] or {"value": None, "low": None, "high": None}
        yield (
            one["kind"], one["control"], one["part"], one["wanted"], found["threshold"], found["on_control"]["count"],
            found["on_control"]["n"], *_ends(found["tpr"]), found["tpr"]["n"], *_ends(found["fpr"]),
            found["fpr"]["n"], *_ends(found["lr_plus"]), *_ends(found["lr_minus"]), *_ends(kappa),
            found["tpr"]["count"], found["fpr"]["count"], one["reason"],
        )  # fmt: skip


def _curve(detail: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    yield from detail["curve"]


def _bins(detail: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    for at, one in enumerate(detail["bins"], start=1):
        share, ratio = one["positive"], one["ratio"]
        yield (
            at,
            one["low"],
            one["high"],
            one["mean"],
            share["count"],
            share["n"],
            *_ends(share),
            *_ends(ratio),
        )


def _words(detail: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    yield from detail["met"]


def _ends(one: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return one["value"], one["low"], one["high"]


def _line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(["" if cell is None else safe(cell) for cell in cells])
    return out.getvalue()
