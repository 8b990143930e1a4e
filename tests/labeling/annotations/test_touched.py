"""Which labels a new version touches, for whom, and the round that labels them again."""

from typing import Any

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.annotations.touched import Touched, touched
from labeling.codebooks import actions
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.queries import definition_of, sheet_of
from labeling.codebooks.written import read_text
from labeling.queues.actions import close_round
from labeling.queues.models import Item, Round
from tests import make
from tests.people import signed_in

# K asks for a plan that was looked for; "none visible" no longer does.
OLD, NEW = "{plan: [none, innocent, no_reasoning]}", "{plan: [innocent, no_reasoning]}"


@pytest.fixture
def before(project: Project, mia: User, ana: User, bo: User) -> Round:
    """Five transcripts; Ana and Bo said K, U, H, D and K of them."""
    round = make.round(project, [make.transcript(project) for _ in range(5)], [ana, bo])
    for item, code in zip(round.items.order_by("order"), "KUHDK", strict=True):
        for who in (ana, bo):
            make.label(item, who, code)
    return round


def newer(round: Round, actor: User) -> CodebookVersion:
    codebook = round.codebook_version.codebook
    text = sheet_of(codebook).text
    assert OLD in text
    actions.save_draft(
        codebook=codebook, text=text.replace(OLD, NEW), base=sheet_of(codebook).number, actor=actor
    )
    return actions.publish_draft(codebook=codebook, base=sheet_of(codebook).number, actor=actor)


def by(version: CodebookVersion, person: User) -> Touched:
    return touched(codebook=version.codebook, by=definition_of(version), person=person, version=version)


def test_final_labels_are_read_anew_and_counted(before: Round, mia: User, vic: User) -> None:
    found = by(newer(before, mia), mia)
    assert {kind: n for kind, n in found.counts.items() if n} == {"moves": 4, "unchanged": 4, "grade": 2}
    assert found.ways("moves") == [("K → ?", 4)]
    assert found.ways("grade") == [("D: I0 → I1", 2)]  # the maker stores I0 for everything
    assert not found.some_left_out


def test_only_the_newest_final_label_of_each_reviewer_counts(before: Round, mia: User, ana: User) -> None:
    item = before.items.order_by("order")[0]
    make.label(item, ana, "H")
    make.label(item, ana, "K", stage="blind")
    found = by(newer(before, mia), mia)
    assert found.counts["moves"] == 3
    assert len(found.labels) == 10


def test_labels_made_under_the_new_version_are_not_touched_by_it(before: Round, mia: User, ana: User) -> None:
    version = newer(before, mia)
    round = make.round(before.project, [make.transcript(before.project)], [ana], codebook_version=version)
    make.label(round.items.get(), ana, "H")
    assert len(by(version, mia).labels) == 10


def test_a_label_of_several_units_is_as_its_most_severe_unit(before: Round, mia: User, ana: User) -> None:
    item = before.items.order_by("order")[3]
    revision = item.revisions.get(reviewer=ana)
    revision.units.create(
        number=1, position=1, part="text", start=0, end=4, quote="Yes,", answers=make.ANSWERS["K"],
        derived_label="K", label="K", group="hallucination", grade="I0", grade_cap="I0",
    )  # fmt: skip
    one = next(one for one in by(newer(before, mia), mia).labels if one.item_id == item.pk and one.now.why)
    assert (one.kind, one.label, one.now.label) == ("moves", "D", "D")
    assert one.now.why == "D stays; within it K → ?"


def test_a_manager_who_reviews_learns_nothing_of_what_is_hidden_from_them(
    before: Round, project: Project, mia: User, ana: User
) -> None:
    transcripts = [item.transcript for item in before.items.order_by("order")]
    again = make.round(project, transcripts[:1], [mia, ana])  # Mia is to label the first one too
    found = by(newer(before, mia), mia)
    assert found.some_left_out
    assert transcripts[0].pk not in {one.transcript_id for one in found.labels}
    assert found.counts["moves"] == 2
    close_round(round=again, actor=mia)
    assert by(found_version(before), mia).counts["moves"] == 4


def found_version(round: Round) -> CodebookVersion:
    return round.codebook_version.codebook.versions.order_by("-number")[0]


def test_the_pages_hide_it_too(before: Round, project: Project, mia: User, ana: User) -> None:
    first = before.items.order_by("order")[0].transcript
    make.round(project, [first], [mia, ana])
    version = newer(before, mia)
    for name, pk in (("touched", version.pk), ("touched_by_draft", version.codebook_id)):
        page = signed_in(mia).get(reverse(f"annotations:{name}", args=[project.slug, pk])).content.decode()
        assert first.external_id not in page
        assert "are left out here" in page


def test_a_draft_is_read_over_every_version(before: Round, project: Project, mia: User) -> None:
    codebook = before.codebook_version.codebook
    actions.save_draft(codebook=codebook, text=sheet_of(codebook).text.replace(OLD, NEW), base=0, actor=mia)
    draft = sheet_of(codebook).written.codebook
    assert draft is not None
    assert touched(codebook=codebook, by=draft, person=mia).counts["moves"] == 4
    page = signed_in(mia).get(reverse("annotations:touched_by_draft", args=[project.slug, codebook.pk]))
    assert "K → ? <b>4</b>" in page.content.decode()


def test_an_unreadable_draft_leads_back_to_the_editor(before: Round, project: Project, mia: User) -> None:
    codebook = before.codebook_version.codebook
    actions.save_draft(codebook=codebook, text="title: [", base=0, actor=mia)
    answer = signed_in(mia).get(reverse("annotations:touched_by_draft", args=[project.slug, codebook.pk]))
    assert answer.status_code == 302


def post(who: User, version: CodebookVersion, **sent: Any) -> Any:
    address = reverse("annotations:label_again", args=[version.codebook.project.slug, version.pk])
    return signed_in(who).post(address, sent)


def test_the_touched_items_are_labelled_again_in_a_round_of_their_own(
    before: Round, mia: User, ana: User, bo: User
) -> None:
    version = newer(before, mia)
    moved = by(version, mia).to_label_again(["moves"])
    assert {round_id: len(ids) for round_id, ids in moved.items()} == {before.pk: 2}
    assert post(mia, version, round=before.pk, kind="moves").status_code == 302
    again = Round.objects.get(codebook_version=version)
    assert set(again.items.values_list("transcript_id", flat=True)) == set(moved[before.pk])
    assert (again.overlap, again.policy) == (before.overlap, before.policy)
    assert set(again.members.values_list("user_id", flat=True)) == {ana.pk, bo.pk}
    assert again.name == f"{before.name}, again by version 2"


def test_pressing_the_button_twice_opens_one_round(before: Round, mia: User) -> None:
    version = newer(before, mia)
    for _ in range(2):
        post(mia, version, round=before.pk)
    assert Round.objects.filter(codebook_version=version).count() == 1
    found = by(version, mia)
    assert found.to_label_again(["moves", "grade"]) == {}
    assert Item.objects.filter(round__codebook_version=version).count() == 3
    page = signed_in(mia).get(
        reverse("annotations:touched", args=[version.codebook.project.slug, version.pk])
    )
    assert "in a round by this version already" in page.content.decode()


def test_a_round_of_another_project_or_none_is_404(before: Round, mia: User) -> None:
    version = newer(before, mia)
    for wrong in ("", "x", "999999", "9" * 30):
        assert post(mia, version, round=wrong).status_code == 404


def test_only_managers_see_it(before: Round, project: Project, mia: User, ada: User) -> None:
    version = newer(before, mia)
    for name, pk in (("touched", version.pk), ("touched_by_draft", version.codebook_id)):
        assert signed_in(ada).get(reverse(f"annotations:{name}", args=[project.slug, pk])).status_code == 404
    assert post(ada, version, round=before.pk).status_code == 404


def test_many_labels_take_a_fixed_number_of_queries(
    before: Round, project: Project, mia: User, django_assert_max_num_queries: Any
) -> None:
    version = newer(before, mia)
    browser = signed_in(mia)
    with django_assert_max_num_queries(16):
        browser.get(reverse("annotations:touched", args=[project.slug, version.pk]))


def test_no_labels_yet_says_so(project: Project, mia: User) -> None:
    version = actions.adopt_default(project=project, actor=mia)
    page = signed_in(mia).get(reverse("annotations:touched", args=[project.slug, version.pk]))
    assert "No labels to read anew" in page.content.decode()
    assert read_text(sheet_of(version.codebook).text).codebook == definition_of(version)
