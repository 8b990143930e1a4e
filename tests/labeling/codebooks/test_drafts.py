"""Drafts: numbered saves, nothing overwritten unseen, and examples that are never lost."""

import pytest
from django.db import IntegrityError, transaction

from auditor.accounts.models import Project, User
from auditor.ledger.models import Event
from labeling.codebooks import actions
from labeling.codebooks.models import Codebook, CodebookDraft, CodebookVersion
from labeling.codebooks.node import CodebookError
from labeling.codebooks.queries import definition_of, sheet_of


@pytest.fixture
def codebook(project: Project, mia: User) -> Codebook:
    return actions.adopt_default(project=project, actor=mia).codebook


def changed(codebook: Codebook, words: str = "Another description.") -> str:
    text = sheet_of(codebook).text
    at = text.index("description:")
    return text[:at] + f"description: {words}\n" + text[text.index("unit:") :]


def test_without_a_draft_the_sheet_is_the_newest_version(codebook: Codebook) -> None:
    sheet = sheet_of(codebook)
    assert (sheet.number, sheet.changed, sheet.draft) == (0, False, None)
    assert sheet.newest is not None
    assert sheet.written.codebook == definition_of(sheet.newest)


def test_a_saved_text_is_the_draft_and_publishing_it_makes_the_next_version(
    codebook: Codebook, mia: User
) -> None:
    text = changed(codebook) + "# a remark of mine\n"
    draft = actions.save_draft(codebook=codebook, text=text, base=0, actor=mia)
    assert (draft.number, draft.problem) == (1, "")
    version = actions.publish_draft(codebook=codebook, base=1, actor=mia)
    assert version.number == 2
    assert definition_of(version).description == "Another description."
    after = sheet_of(codebook)
    assert (after.number, after.changed) == (2, False)
    assert "# a remark of mine" in after.text


def test_saving_and_publishing_again_change_nothing(codebook: Codebook, mia: User) -> None:
    text = changed(codebook)
    for _ in range(2):
        assert actions.save_draft(codebook=codebook, text=text, base=0, actor=mia).number == 1
    for _ in range(2):
        assert actions.publish_draft(codebook=codebook, base=1, actor=mia).number == 2
    assert Event.objects.filter(verb="codebook.draft_saved").count() == 1
    assert Event.objects.filter(verb="codebook.published").count() == 2  # the default, and this


def test_a_second_editor_does_not_overwrite_the_first(codebook: Codebook, mia: User, ada: User) -> None:
    actions.save_draft(codebook=codebook, text=changed(codebook, "Mine."), base=0, actor=mia)
    with pytest.raises(actions.StaleDraft) as caught:
        actions.save_draft(codebook=codebook, text=changed(codebook, "Hers."), base=0, actor=ada)
    assert "Mine." in caught.value.standing.text
    assert CodebookDraft.objects.get().number == 1
    with pytest.raises(actions.StaleDraft):
        actions.publish_draft(codebook=codebook, base=0, actor=ada)


def test_an_old_number_never_comes_again(codebook: Codebook, mia: User, ada: User) -> None:
    """A tab left open over a publication, or over a discarding, is stale for ever."""
    actions.save_draft(codebook=codebook, text=changed(codebook, "One."), base=0, actor=mia)
    actions.publish_draft(codebook=codebook, base=1, actor=mia)
    actions.save_draft(codebook=codebook, text=changed(codebook, "Two."), base=2, actor=mia)
    actions.discard_draft(codebook=codebook, base=3, actor=mia)
    assert "One." in sheet_of(codebook).text
    for base in (0, 1, 2, 3):
        with pytest.raises(actions.StaleDraft):
            actions.save_draft(codebook=codebook, text="title: Old", base=base, actor=ada)


def test_a_text_that_defines_nothing_is_kept_and_cannot_be_published(codebook: Codebook, mia: User) -> None:
    draft = actions.save_draft(codebook=codebook, text="title: [", base=0, actor=mia)
    assert "No YAML" in draft.problem
    with pytest.raises(actions.NotPublishable, match="No YAML"):
        actions.publish_draft(codebook=codebook, base=1, actor=mia)
    assert sheet_of(codebook).text == "title: ["


def test_a_text_that_cannot_be_stored_is_cleaned_and_one_too_long_is_refused(
    codebook: Codebook, mia: User
) -> None:
    draft = actions.save_draft(codebook=codebook, text="title: a\x00b\r\nunit: claim", base=0, actor=mia)
    assert draft.text == "title: a\ufffdb\nunit: claim"
    with pytest.raises(CodebookError):
        actions.save_draft(codebook=codebook, text="a" * 300_001, base=1, actor=mia)


def test_a_draft_that_says_what_was_said_before_gives_that_version(codebook: Codebook, mia: User) -> None:
    text = sheet_of(codebook).text + "# nothing new\n"
    actions.save_draft(codebook=codebook, text=text, base=0, actor=mia)
    assert actions.publish_draft(codebook=codebook, base=1, actor=mia).number == 1
    assert codebook.versions.count() == 1


def test_a_new_codebook_begins_as_a_draft(project: Project, mia: User) -> None:
    made = actions.create(project=project, name="Tone", text="title: Tone", actor=mia)
    assert made.versions.count() == 0
    assert sheet_of(made).text == "title: Tone"
    with pytest.raises(actions.NotPublishable):
        actions.discard_draft(codebook=made, base=1, actor=mia)
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.create(project=project, name="Tone", text="", actor=mia)


def test_the_database_refuses_to_delete_a_version(codebook: Codebook) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        CodebookVersion.objects.all().delete()


EXAMPLE = {
    "label": "K",
    "case": "The chart says 12, it says 21.",
    "because": "Digits turned round.",
    "source": "item 7",
}


def test_an_example_goes_into_a_draft_made_from_the_newest_version(codebook: Codebook, ada: User) -> None:
    draft = actions.add_example(codebook=codebook, actor=ada, **EXAMPLE)
    assert (draft.number, draft.waiting) == (1, [])
    added = sheet_of(codebook).written.codebook
    assert added is not None
    assert added.by_code["K"].examples[-1].case == EXAMPLE["case"]
    assert added.by_code["K"].examples[-1].source == "item 7"
    assert codebook.versions.count() == 1
    assert Event.objects.get(verb="codebook.example_added").detail["label"] == "K"


def test_a_counter_example_stands_on_the_other_side(codebook: Codebook, ada: User) -> None:
    actions.add_example(codebook=codebook, counter=True, actor=ada, **EXAMPLE)
    added = sheet_of(codebook).written.codebook
    assert added is not None
    assert added.by_code["K"].counter_examples[-1].case == EXAMPLE["case"]


def test_the_same_example_twice_is_one(codebook: Codebook, ada: User) -> None:
    for _ in range(2):
        assert actions.add_example(codebook=codebook, actor=ada, **EXAMPLE).number == 1


def test_an_example_keeps_what_is_in_the_draft(codebook: Codebook, mia: User, ada: User) -> None:
    actions.save_draft(codebook=codebook, text=changed(codebook), base=0, actor=mia)
    actions.add_example(codebook=codebook, actor=ada, **EXAMPLE)
    sheet = sheet_of(codebook)
    assert sheet.written.codebook is not None
    assert sheet.written.codebook.description == "Another description."


def test_an_example_that_comes_while_a_text_is_open_is_added_to_it(
    codebook: Codebook, mia: User, ada: User
) -> None:
    texts = [changed(codebook, words) for words in ("One.", "Two.", "Three.")]
    actions.add_example(codebook=codebook, actor=ada, **EXAMPLE)
    actions.save_draft(codebook=codebook, text=texts[0], base=0, actor=mia)  # opened before the example came
    actions.add_example(codebook=codebook, actor=ada, **{**EXAMPLE, "case": "Another."})
    actions.add_example(codebook=codebook, actor=ada, **{**EXAMPLE, "case": "A third."})
    assert actions.save_draft(codebook=codebook, text=texts[1], base=2, actor=mia).number == 5
    book = sheet_of(codebook).written.codebook
    assert book is not None
    assert book.description == "Two."
    assert [one.case for one in book.by_code["K"].examples[1:]] == ["Another.", "A third."]
    with pytest.raises(actions.StaleDraft):  # since number 2, Mia has saved too
        actions.save_draft(codebook=codebook, text=texts[2], base=2, actor=ada)


@pytest.mark.parametrize("base", [-1, 3, 99])
def test_a_number_that_never_was_is_refused(codebook: Codebook, mia: User, ada: User, base: int) -> None:
    actions.save_draft(codebook=codebook, text=changed(codebook), base=0, actor=mia)
    actions.add_example(codebook=codebook, actor=ada, **EXAMPLE)
    with pytest.raises(actions.StaleDraft):
        actions.save_draft(codebook=codebook, text="title: Other", base=base, actor=mia)


def test_an_example_waits_while_the_draft_defines_nothing(codebook: Codebook, mia: User, ada: User) -> None:
    whole = changed(codebook)
    actions.save_draft(codebook=codebook, text="title: [", base=0, actor=mia)
    for _ in range(2):
        draft = actions.add_example(codebook=codebook, actor=ada, **EXAMPLE)
        assert (draft.number, len(draft.waiting), draft.text) == (2, 1, "title: [")
    draft = actions.save_draft(codebook=codebook, text=whole, base=2, actor=mia)
    assert draft.waiting == []
    added = sheet_of(codebook).written.codebook
    assert added is not None
    assert added.by_code["K"].examples[-1].case == EXAMPLE["case"]


def test_an_example_for_no_label_or_without_words_is_refused(codebook: Codebook, ada: User) -> None:
    for wrong in ({"label": "Z"}, {"case": "  "}, {"because": ""}, {"case": "a" * 2001}, {"case": "a\x00"}):
        with pytest.raises(CodebookError):
            actions.add_example(codebook=codebook, actor=ada, **{**EXAMPLE, **wrong})
    assert not CodebookDraft.objects.exists()
