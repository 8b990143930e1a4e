"""Publishing codebooks: numbered, frozen, and never the same text twice."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from auditor.accounts.models import Project, User
from auditor.ledger.models import Event
from labeling.codebooks import actions
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.queries import definition_of


def test_adopting_the_default_twice_gives_the_same_version(project: Project, mia: User) -> None:
    first = actions.adopt_default(project=project, actor=mia)
    assert actions.adopt_default(project=project, actor=mia) == first
    assert first.number == 1
    assert Event.objects.filter(verb="codebook.published").count() == 1


def test_a_published_version_reads_back_equal(project: Project, mia: User) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    definition = definition_of(version)
    assert actions.publish(codebook=version.codebook, definition=definition, actor=mia) == version


def test_another_text_becomes_the_next_number(project: Project, mia: User) -> None:
    first = actions.adopt_default(project=project, actor=mia)
    other = replace(definition_of(first), description="Shorter.")
    second = actions.publish(codebook=first.codebook, definition=other, actor=mia)
    assert (second.number, definition_of(second).description) == (2, "Shorter.")


def test_the_database_refuses_to_change_a_version(project: Project, mia: User) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    with pytest.raises(IntegrityError), transaction.atomic():
        CodebookVersion.objects.filter(pk=version.pk).update(number=7)


def test_a_definition_is_read_once_for_each_digest(project: Project, mia: User) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    assert definition_of(version) is definition_of(CodebookVersion.objects.get(pk=version.pk))
