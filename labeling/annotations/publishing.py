"""A final label as a reading, so that lists and channels know what people said."""

from functools import partial

from auditor.evidence.actions import declare_channel
from auditor.evidence.labels import write_label
from auditor.evidence.models import HUMAN, Channel
from labeling.annotations.models import LabelRevision
from labeling.codebooks.parts import Codebook
from labeling.queues.models import Item

CHANNEL = "people.label"


def publish(revision: LabelRevision, item: Item, codebook: Codebook) -> None:
    """Write the label as the reviewer's reading on the transcript, superseding their earlier one.

    The caller holds the transaction of the commit, and records its event.
    """
    label = codebook.by_code[revision.label]
    detail = {"group": revision.group, "words": label.words, "grade": revision.grade}
    if revision.late:
        detail["late"] = "yes"
    write_label(
        project_id=item.round.project_id,
        key=CHANNEL,
        declare=partial(_channel, item.round.project_id),
        transcript_id=item.transcript_id,
        label=revision.label,
        identifier=str(revision.reviewer_id),
        detail=detail,
        source=f"annotations:{revision.pk}",
    )


def _channel(project_id: int) -> Channel:
    found = Channel.objects.filter(project_id=project_id, key=CHANNEL).first()
    return found or declare_channel(
        project_id=project_id,
        key=CHANNEL,
        kind=HUMAN,
        actor=None,
        name="Reviewers' labels",
        polarity="what a reviewer concluded",
    )
