"""Sending a case back to its reviewers with a question, and taking it up again once they have answered.

Each reviewer is asked in a thread of their own, in which nobody is named: no reviewer learns who the
others are or what they said, and the adjudicator does not learn whose answer it is.
"""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from auditor.accounts.models import User
from auditor.ledger.actions import record
from labeling.adjudication.actions.holding import check_holder
from labeling.adjudication.actions.refusals import CannotRule, Stale
from labeling.adjudication.actions.writing import lock_item
from labeling.adjudication.models import Case, SentBack, SentBackTo
from labeling.adjudication.queries import is_barred, newest_label_of, standing_labels
from labeling.annotations.models import LabelRevision
from labeling.discussion import actions as discussion
from labeling.discussion.models import UNNAMED, Comment, Thread

OWN_LABEL = "You labelled this transcript yourself, so somebody else looks after it."


def send_back(*, case: Case, adjudicator: User, question: str, to: Collection[int] | None = None) -> SentBack:
    """Ask reviewers about their labels; the case waits until all of them have answered or revised theirs.

    Args:
        to: ids of the standing labels whose reviewers are asked; None for all of them.

    Raises:
        CannotRule: no question, nobody to ask, or the adjudicator's own label is among them.
        Stale: the case has been settled or sent back since, or a label no longer stands.
        Occupied: a colleague has the case open.
    """
    question = question.strip()
    if not question:
        raise CannotRule("Write the question that the reviewers shall answer.")
    with transaction.atomic():
        check_holder(case=case, adjudicator=adjudicator)
        item = lock_item(case.item)
        locked = Case.objects.get(pk=case.pk)
        if locked.settled_at is not None or locked.returned_at is not None:
            raise Stale("This case has been settled or sent back since. Look again, then decide.")
        if is_barred(case, adjudicator):
            raise CannotRule(OWN_LABEL)
        labels = standing_labels([item])[item.pk]
        asked = [one for one in labels if to is None or one.pk in to]
        if to is not None and set(to) - {one.pk for one in asked}:
            raise Stale("That label has been revised since. Look again, then ask.")
        if not asked:
            raise CannotRule("Choose whom to ask.")
        now = timezone.now()
        sent = SentBack.objects.create(
            case=case, question=question, newest_label=newest_label_of(item), asked_by=adjudicator
        )
        for person in User.objects.filter(pk__in=[one.reviewer_id for one in asked]).order_by("pk"):
            SentBackTo.objects.create(
                sent_back=sent, reviewer=person, thread=_thread(case, adjudicator, question, person)
            )
        Case.objects.filter(pk=case.pk).update(returned_at=now)
        record(
            verb="case.returned", subject=case, actor=adjudicator, project_id=item.round.project_id,
            item=item.pk, asked=len(asked),
        )  # fmt: skip
    return sent


def take_back(*, case: Case) -> bool:
    """Put a case that was sent back among the open ones if all who were asked have answered; safe to repeat.

    The caller holds the item's row.
    """
    sent = SentBack.objects.filter(case=case, answered_at__isnull=True).first()
    if sent is None or _unanswered(sent).exists():
        return False
    SentBack.objects.filter(pk=sent.pk).update(answered_at=timezone.now())
    Case.objects.filter(pk=case.pk).update(returned_at=None)
    record(verb="case.came_back", subject=case, project_id=case.item.round.project_id, item=case.item_id)
    return True


def take_back_due(*, limit: int = 200) -> int:
    """Take up to `limit` cases back whose reviewers have all answered; returns how many came back."""
    answered = SentBack.objects.filter(
        ~Exists(_unanswered(OuterRef("pk"))), answered_at__isnull=True
    ).select_related("case__item__round")
    back = 0
    for sent in answered.order_by("pk")[:limit]:
        with transaction.atomic():
            lock_item(sent.case.item)
            back += take_back(case=sent.case)
    return back


def _unanswered(sent: SentBack | OuterRef) -> QuerySet[SentBackTo]:
    """Those who were asked and have neither revised their label nor written in their thread."""
    revised = LabelRevision.objects.filter(
        item_id=OuterRef("sent_back__case__item_id"), reviewer=OuterRef("reviewer_id"), late=False,
        pk__gt=OuterRef("sent_back__newest_label"),
    )  # fmt: skip
    wrote = Comment.objects.filter(
        thread=OuterRef("thread_id"), author=OuterRef("reviewer_id"), removed_at__isnull=True
    )
    return SentBackTo.objects.filter(~Exists(revised), ~Exists(wrote), sent_back=sent)


def _thread(case: Case, adjudicator: User, question: str, person: User) -> Thread:
    try:
        return discussion.open_thread(
            project=case.item.round.project, author=adjudicator, text=question,
            transcript_id=case.item.transcript_id, addressed=[person], kind=UNNAMED,
        )  # fmt: skip
    except (discussion.BadComment, discussion.MayNot) as problem:
        raise CannotRule(str(problem)) from problem
