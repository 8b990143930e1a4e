"""Signatures are kept once; groups are of the transcripts asked about."""

import pytest

from auditor.accounts.models import Project
from auditor.corpus.alike import near_groups
from auditor.corpus.models import Signature
from auditor.corpus.records import ParsedMessage
from tests import make

pytestmark = pytest.mark.django_db
SAID = (
    "The ledger has a payment on 14 March, and nothing after it says that it was ever taken back by the bank."
)


def said(project: Project, text: str) -> int:
    messages = [ParsedMessage(role="user", text="Did it clear?"), ParsedMessage(role="assistant", text=text)]
    return make.transcript(project, messages=messages).pk


def test_copies_are_grouped_with_the_first_and_strangers_stand_alone(project: Project) -> None:
    first = said(project, SAID)
    other = said(
        project,
        "Whales sing in dialects, and the young ones learn the songs of whoever swims beside them for long.",
    )
    copy = said(project, SAID.upper())
    assert near_groups([copy, other, first]) == {first: first, other: other, copy: first}
    assert near_groups([copy, other]) == {copy: copy, other: other}


def test_a_signature_is_made_once(project: Project, django_assert_num_queries: object) -> None:
    ids = [said(project, SAID), said(project, "No.")]
    signed: list[int] = []
    near_groups(ids, beat=signed.append)
    assert signed == [2]
    assert Signature.objects.count() == 2
    with django_assert_num_queries(1):  # type: ignore[operator]
        near_groups(ids, beat=signed.append)
    assert signed == [2]


def test_one_of_an_older_version_is_made_anew(project: Project) -> None:
    pk = said(project, SAID)
    near_groups([pk])
    Signature.objects.update(version=0, value=b"\0" * 256)
    near_groups([pk])
    row = Signature.objects.get()
    assert (row.version, bytes(row.value) == b"\0" * 256) == (1, False)


def test_nothing_asked_is_nothing_grouped() -> None:
    assert near_groups([]) == {}
