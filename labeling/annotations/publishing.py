"""A final label as a reading, so that lists and channels know what people said."""

from auditor.evidence.actions import NewReading, declare_channel, write_readings
from auditor.evidence.models import HUMAN, Channel
from labeling.annotations.models import LabelRevision
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Item

CHANNEL = "people.label"


def publish(revision: LabelRevision, item: Item) -> None:
    """Write the label as the reviewer's reading on the transcript, superseding their earlier one.

    The caller holds the transaction of the commit, and records its event.
    """
    label = definition_of(revision.codebook_version).by_code[revision.label]
    detail = {"group": revision.group, "words": label.words, "grade": revision.grade}
    if revision.late:
        detail["late"] = "yes"
    reading = NewReading(
        channel=_channel(item.round.project_id),
        transcript_id=item.transcript_id,
        value=None,
        label=revision.label,
        identifier=str(revision.reviewer_id),
        detail=detail,
    )
    write_readings(readings=[reading], source=f"annotations:{revision.pk}")


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
