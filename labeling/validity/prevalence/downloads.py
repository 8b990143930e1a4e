"""Every figure of a report as CSV, each row with the frame that it speaks of."""

import csv
import io
from collections.abc import Iterator

from auditor.web.sheets import safe
from labeling.validity.prevalence.queries import Asked, FrameWords
from labeling.validity.prevalence.report import Report

COLUMNS = (
    "kind", "estimator", "cut", "part", "against", "value", "low", "high", "labels", "members", "standard_error",
    "effective_labels", "reason", "counted", "judge", "judge_says_yes", "frame", "frame_at", "frame_size", "sample", "round",
)  # fmt: skip


def csv_of(report: Report, asked: Asked, frame: FrameWords) -> Iterator[str]:
    """Lines of the file; numbers in full, empty where a figure or its interval is undefined."""
    yield _line(COLUMNS)
    about = (
        asked.target, asked.channel.key if asked.channel else "", asked.rule, frame.words, frame.sample.frame_at.isoformat(),
        frame.size, frame.sample.name, asked.round.name,
    )  # fmt: skip
    for line in report.lines:
        yield _line((
            "rate", line.estimator, line.cut, line.part, "", line.value, line.low, line.high, line.n, line.of,
            line.deviation, line.effective, line.reason, *about,
        ))  # fmt: skip
    for one in report.differences:
        yield _line((
            "difference", one.estimator, one.cut, one.a, one.b, one.value, one.low, one.high, "", "", "", "",
            "holds for all pairs together" if one.sure else "", *about,
        ))  # fmt: skip
    for bound in report.bounds:
        for kind, low, high in (
            ("bounds", bound.low, bound.high), ("bounds with intervals", bound.outer_low, bound.outer_high),
        ):  # fmt: skip
            yield _line((
                kind, bound.estimator, "missing", bound.what, "", "", low, high, bound.missing, report.size, "", "", "", *about,
            ))  # fmt: skip


def _line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(
        "" if one is None else repr(one) if isinstance(one, float) else safe(one) for one in cells
    )
    return out.getvalue()
