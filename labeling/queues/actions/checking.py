"""Answers known beforehand, and what follows from how reviewers do on them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.ledger.actions import record
from labeling.codebooks.models import Codebook
from labeling.queues.actions.managing import pause_member
from labeling.queues.actions.refusals import CannotChange
from labeling.queues.models import TRAINING, WORK, GoldItem, GoldResult, GoldSet, Lease, RoundMember
from labeling.queues.quality import Accuracy, passes

BELOW = "Your labels often differ from ones that were settled before. Talk to a manager of the project; they can let you go on."
NOT_PASSED = "The training is done, and {right} of {of} were right. Talk to a manager of the project about what comes next."


@dataclass(frozen=True)
class Answer:
    """What a transcript is known to be."""

    transcript_id: int
    labels: tuple[str, ...]
    explanation: str = ""
    source: str = ""


def create_gold_set(*, project: Project, name: str, codebook: Codebook, actor: User) -> GoldSet:
    """An empty set of known answers by this codebook.

    Raises:
        CannotChange: the codebook is another project's, or there is no name.
        IntegrityError: the project has a set of this name.
    """
    if codebook.project_id != project.pk or not name.strip():
        raise CannotChange("A gold set has a name and a codebook of its project.")
    with transaction.atomic():
        made = GoldSet.objects.create(project=project, name=name.strip(), codebook=codebook, created_by=actor)
        record(verb="gold.created", subject=made, actor=actor, project_id=project.pk, name=made.name)
    return made


def add_answers(*, gold_set: GoldSet, answers: Iterable[Answer], codes: Iterable[str], actor: User) -> int:
    """Add transcripts with what they are known to be; one that is there gets the new answer. Returns how many.

    Args:
        codes: the labels that the codebook knows.

    Raises:
        CannotChange: no label, one that the codebook does not know, or a transcript of another project.
    """
    given = {one.transcript_id: one for one in answers}
    known = set(codes)
    for one in given.values():
        if not one.labels or not set(one.labels) <= known:
            raise CannotChange("Choose at least one label of the codebook as right.")
    if Transcript.objects.of(gold_set.project_id).filter(pk__in=given).count() != len(given):
        raise CannotChange("There is no such transcript in this project.")
    with transaction.atomic():
        GoldItem.objects.bulk_create(
            [
                GoldItem(gold_set=gold_set, transcript_id=one.transcript_id, labels=sorted(set(one.labels)),
                         explanation=one.explanation.strip()[:4000], source=one.source[:100])
                for one in given.values()
            ],
            update_conflicts=True, unique_fields=["gold_set", "transcript"],
            update_fields=["labels", "explanation", "source"],
        )  # fmt: skip
        if given:
            record(
                verb="gold.answers_added", subject=gold_set, actor=actor, project_id=gold_set.project_id, items=len(given)
            )  # fmt: skip
    return len(given)


def remove_answer(*, gold_set: GoldSet, transcript_id: int, actor: User) -> None:
    """Take a transcript out of the set; rounds that run have it already. Safe to repeat."""
    with transaction.atomic():
        removed, _ = gold_set.items.filter(transcript_id=transcript_id).delete()
        if removed:
            record(
                verb="gold.answer_removed", subject=gold_set, actor=actor, project_id=gold_set.project_id,
                transcript=transcript_id,
            )  # fmt: skip


def after_commit(*, lease: Lease, label: str) -> GoldResult | None:
    """Compare a label that has just filled its slot with what the item is known to be; None for work.

    At the end of the training the reviewer is let to the work or paused; whoever is surely below the
    bar on gold is paused. The caller holds the transaction and the reviewer's desk, and records the
    event of the commit; one of its own would tell who follows the trail which items are gold.
    """
    item = lease.item
    if item.role == WORK:
        return None
    round = item.round
    known = round.training_set if item.role == TRAINING else round.gold_set
    answer = GoldItem.objects.filter(gold_set=known, transcript_id=item.transcript_id).first()
    if answer is None:  # taken out of the set since
        return None
    result, _ = GoldResult.objects.get_or_create(
        item=item,
        reviewer=lease.reviewer,
        defaults={
            "label": label,
            "expected": answer.labels,
            "explanation": answer.explanation,
            "right": label in answer.labels,
        },
    )
    if item.role == TRAINING:
        _end_of_training(lease)
    elif accuracy_of(lease, item.role).is_below(round.gold_bar / 100):
        pause_member(round=round, user=lease.reviewer, reason=BELOW, actor=None)
    return result


def _end_of_training(lease: Lease) -> None:
    round, reviewer = lease.item.round, lease.reviewer
    waiting = round.assignments.filter(reviewer=reviewer, place__lt=0, is_open=True)
    training = RoundMember.objects.filter(round=round, user=reviewer, qualified_at__isnull=True)
    if waiting.exists() or not training.exists():
        return
    done = accuracy_of(lease, TRAINING)
    if passes(done, round.pass_mark):
        training.update(qualified_at=timezone.now())
        record(
            verb="round.member_qualified", subject=round, actor=None, project_id=round.project_id, user=reviewer.pk
        )  # fmt: skip
    else:
        pause_member(
            round=round, user=reviewer, reason=NOT_PASSED.format(right=done.right, of=done.of), actor=None
        )


def accuracy_of(lease: Lease, role: str) -> Accuracy:
    """How the reviewer of the lease does on the round's items of this role."""
    rows = GoldResult.objects.filter(
        item__round_id=lease.item.round_id, item__role=role, reviewer_id=lease.reviewer_id
    )
    right = list(rows.values_list("right", flat=True))
    return Accuracy(sum(right), len(right))
