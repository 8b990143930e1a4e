"""What a dataset was made from stands: the database refuses to change or remove it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.corpus.removal import remove_transcripts
from auditor.evidence.models import Quote, Reading
from auditor.evidence.withdrawal import forget, withdraw
from labeling.datasets.models import Release, ReleaseItem
from labeling.queues.models import Round
from tests import make
from tests.labeling.datasets.conftest import released


def refused(act: Callable[[], Any]) -> None:
    """The database refuses, at once or when the transaction would end."""
    with pytest.raises(IntegrityError), transaction.atomic():  # noqa: PT012  # either of the two may be refused
        act()
        connection.check_constraints()


def sql(text: str, *values: Any) -> Callable[[], Any]:
    def act() -> None:
        with connection.cursor() as cursor:
            cursor.execute(text, values)

    return act


def test_rows_that_a_release_names_can_neither_be_changed_nor_removed(
    project: Project, round: Round, mia: User
) -> None:
    item = round.items.order_by("order")[0]
    channel = make.channel(project)
    make.reading(channel, item.transcript, 0.75)
    reading = Reading.objects.get(channel=channel)
    quote = Quote.objects.create(reading=reading, text="Yes", status="unfindable")
    held = ReleaseItem.objects.get(release=released(round, mia), item=item)
    revision = item.revisions.order_by("pk")[0]
    assert held.ruling is not None
    assert held.drawn is not None
    statements = [
        ("DELETE FROM corpus_message WHERE transcript_id = %s", item.transcript_id),
        ("DELETE FROM corpus_transcript WHERE id = %s", item.transcript_id),
        ("UPDATE corpus_message SET text = 'x' WHERE transcript_id = %s", item.transcript_id),
        ("DELETE FROM queues_item WHERE id = %s", item.pk),
        ("UPDATE queues_item SET role = 'gold', sample_item_id = NULL WHERE id = %s", item.pk),
        ("DELETE FROM sampling_sampleitem WHERE id = %s", held.drawn_id),
        ("UPDATE sampling_sampleitem SET probability = 0.5 WHERE id = %s", held.drawn_id),
        ("DELETE FROM annotations_labelrevision WHERE id = %s", revision.pk),
        ("UPDATE annotations_labelrevision SET label = 'H' WHERE id = %s", revision.pk),
        ("UPDATE annotations_labelunit SET label = 'H' WHERE revision_id = %s", revision.pk),
        ("DELETE FROM annotations_labelspan WHERE revision_id >= %s", 0),
        ("UPDATE adjudication_ruling SET label = 'H' WHERE id = %s", held.ruling_id),
        ("DELETE FROM adjudication_ruling_cites WHERE ruling_id = %s", held.ruling_id),
        ("UPDATE codebooks_codebookversion SET number = 9 WHERE id = %s", round.codebook_version_id),
        ("UPDATE queues_round SET policy = 'open' WHERE id = %s", round.pk),
        ("DELETE FROM evidence_reading WHERE id = %s", reading.pk),
        ("UPDATE evidence_reading SET value = 0 WHERE id = %s", reading.pk),
        ("DELETE FROM evidence_quote WHERE id = %s", quote.pk),
        ("UPDATE evidence_channel SET kind = 'probe' WHERE id = %s", channel.pk),
        ("DELETE FROM evidence_channel WHERE id = %s", channel.pk),
        ("DELETE FROM datasets_releaseitem WHERE id = %s", held.pk),
        ("UPDATE datasets_releaseitem SET label = 'H' WHERE id = %s", held.pk),
        ("DELETE FROM datasets_releasechannel WHERE channel_id = %s", channel.pk),
        ("UPDATE datasets_release SET as_of = now() WHERE id = %s", held.release_id),
        ("DELETE FROM datasets_release WHERE id = %s", held.release_id),
    ]
    for text, value in statements:
        refused(sql(text, value))


def test_a_reading_may_be_superseded_but_not_taken_back(project: Project, round: Round, mia: User) -> None:
    item = round.items.order_by("order")[0]
    channel = make.channel(project)
    make.reading(channel, item.transcript, 0.75)
    released(round, mia)
    make.reading(channel, item.transcript, 0.5)
    old, new = Reading.objects.filter(channel=channel).order_by("pk")
    assert (old.superseded_at is None, new.superseded_at is None) == (False, True)
    refused(lambda: withdraw(Reading.objects.filter(pk=old.pk)))
    refused(lambda: Reading.objects.filter(pk=old.pk).update(superseded_at=None))
    withdraw_at = Reading.objects.filter(pk=new.pk)
    with transaction.atomic(), pytest.raises(IntegrityError):  # it would make the old one hold again
        withdraw(withdraw_at)


def test_what_no_release_names_can_go(project: Project, round: Round, mia: User) -> None:
    released(round, mia)
    other = make.transcript(project)
    make.reading(make.channel(project), other, 0.5)
    forget([other.pk])
    remove_transcripts([other.pk])
    connection.check_constraints()


def test_a_release_that_is_not_built_can_still_go(round: Round, mia: User) -> None:
    from labeling.datasets.actions import open_release

    release = open_release(project=round.project, name="Not built", rounds=[round], parameters={}, actor=mia)
    release.delete()
    assert not Release.objects.exists()


def test_what_must_be_kept_goes_never(round: Round, mia: User) -> None:
    release = released(round, mia)
    Release.objects.filter(pk=release.pk).update(kept_at=timezone.now())
    Project.objects.filter(pk=release.project_id).update(removal_at=timezone.now())
    sql("SELECT set_config('auditor.removing', %s, true)", str(release.project_id))()
    refused(sql("DELETE FROM datasets_release WHERE id = %s", release.pk))
    sql("SELECT set_config('auditor.removing', '', true)")()


def test_the_word_to_remove_means_nothing_unless_the_projects_row_says_so(round: Round, mia: User) -> None:
    release = released(round, mia)
    sql("SELECT set_config('auditor.removing', %s, true)", str(release.project_id))()
    refused(sql("DELETE FROM annotations_labelrevision WHERE id >= %s", 0))
    sql("SELECT set_config('auditor.removing', '', true)")()
