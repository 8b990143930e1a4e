"""What was known, when a release was made, of its channels and of how common its codes are; kept with the release.

Both are measured by runs of their own, again and again; the release says what stood then, and when it was computed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from auditor.accounts.models import User
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.evidence.worth import told_of
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Round
from labeling.validity.prevalence.models import PrevalenceReport
from labeling.validity.prevalence.queries import asked_by, is_withheld, target_words
from labeling.validity.prevalence.report import ALL, ESTIMATORS, Line, read

DIGITS = 6


def worth_of(channels: Sequence[Channel], person: User, moment: datetime) -> list[dict[str, Any]]:
    """What each channel is worth on each contrast, as far as the person may know and it was computed by the moment."""
    if not channels:
        return []
    by_id = {one.pk: one for one in channels}
    told = told_of(visible_to(person), list(by_id), channels[0].project_id)
    return [
        {
            "channel": by_id[pk].key, "contrast": one.area.words, "figure": one.area.figure,
            "value": _short(one.area.value), "low": _short(one.area.low), "high": _short(one.area.high),
            "n_positive": one.area.n_positive, "n_negative": one.area.n_negative, "reason": one.area.reason,
            "on": one.basis.words, "adjudicated": one.basis.adjudicated,
            "computed_at": one.basis.computed_at.isoformat(timespec="seconds"),
        }
        for pk, some in sorted(told.items(), key=lambda pair: by_id[pair[0]].key)
        for one in some
        if one.basis.computed_at <= moment
    ]  # fmt: skip


def prevalence_of(rounds: Sequence[Round], person: User, moment: datetime) -> list[dict[str, Any]]:
    """How common codes are in the frames of the rounds: of each question the newest report by the moment."""
    rows = PrevalenceReport.objects.filter(round__in=[one.pk for one in rounds], computed_at__lte=moment)
    newest: dict[tuple[Any, ...], PrevalenceReport] = {}
    for row in rows.select_related("channel", "round__codebook_version", "round__sample").order_by("pk"):
        asked = (row.round_id, row.together, row.target, row.channel_id, row.cut, row.below, tuple(row.yes))
        newest[asked] = row
    open_ = [row for row in newest.values() if not is_withheld(asked_by(row), person)]
    return [
        _line(row, line)
        for row in sorted(open_, key=lambda one: (one.round_id, one.target, one.pk))
        for line in read(row.figures).lines
        if line.cut == ALL and line.estimator in ESTIMATORS
    ]


def _line(row: PrevalenceReport, line: Line) -> dict[str, Any]:
    words = target_words(row.target, definition_of(row.round.codebook_version))
    return {
        "round": row.round.name, "target": row.target, "words": words, "estimator": line.estimator,
        "judge": row.channel.key if row.channel else "", "value": _short(line.value), "low": _short(line.low),
        "high": _short(line.high), "n": line.n, "of": line.of, "reason": line.reason,
        "computed_at": row.computed_at.isoformat(timespec="seconds") if row.computed_at else "",
    }  # fmt: skip


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
