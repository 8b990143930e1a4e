"""The sample audit's two reviewers at work: their scripted labels go through the desk's own actions."""

from collections.abc import Callable
from datetime import timedelta

from auditor.accounts.models import User
from labeling.annotations.actions import commit_blind, commit_final
from labeling.annotations.content import Content, MarkedSpan
from labeling.overview.sample_audit import Review, Verdict
from labeling.queues.actions import take_next
from labeling.queues.models import Lease, Round


def replay(round: Round, reviewer: User, script: Callable[[str], Review], items: int) -> None:
    """Let `reviewer` label `items` items of the round, in the order in which they come to the desk."""
    for _ in range(items):
        lease = take_next(round=round, reviewer=reviewer)
        if lease is None:
            return
        review = script(lease.item.transcript.external_id)
        _began_earlier(lease, review)
        commit_blind(
            item=lease.item,
            reviewer=reviewer,
            content=_content(review.blind),
            active_seconds=review.blind.active_seconds,
        )
        commit_final(
            item=lease.item, reviewer=reviewer, content=_content(review.final), base=0,
            active_seconds=review.final.active_seconds,
        )  # fmt: skip


def _began_earlier(lease: Lease, review: Review) -> None:
    """The script's working time has passed already, so that the round's pace is the reviewers'."""
    worked = timedelta(seconds=review.blind.active_seconds + review.final.active_seconds)
    Lease.objects.filter(pk=lease.pk).update(taken_at=lease.taken_at - worked)


def _content(verdict: Verdict) -> Content:
    return Content.of(
        answers=dict(verdict.answers),
        spans=tuple(
            MarkedSpan(span.kind, span.position, span.part, span.start, span.end, span.quote)
            for span in verdict.spans
        ),
        confidence=verdict.confidence,
        rationale=verdict.rationale,
    )
