"""Writing in discussions: what is refused, what is kept, who is told."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from auditor.accounts.actions import add_member, create_project
from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from auditor.ledger.models import Event
from labeling.codebooks.actions import adopt_default
from labeling.discussion import actions, queries
from labeling.discussion.actions import Anchor, BadComment, BadPlace, MayNot
from labeling.discussion.models import Comment, Mention, Thread
from labeling.discussion.wording import MAX_NAMED, MAX_TEXT
from tests import make
from tests.people import person


@pytest.fixture
def thread(project: Project, transcript: Transcript, ana: User) -> Thread:
    return actions.open_thread(
        project=project, author=ana, text="Which ledger?", transcript_id=transcript.pk, anchor=Anchor(1)
    )


def text_of(comment: Comment, reader: User) -> str:
    rows = queries.visible_comments(reader, [comment.thread])
    return str(rows.values_list("text", flat=True).get(pk=comment.pk))  # type: ignore[misc]  # annotated


def test_a_thread_stands_on_words_by_code_points(project: Project, ana: User) -> None:
    transcript = make.transcript(project, [ParsedMessage(role="assistant", text="🙂🙂 paid 三月 twice")])
    thread = actions.open_thread(
        project=project, author=ana, text="Both times?", transcript_id=transcript.pk,
        anchor=Anchor(0, "text", 8, 10, "三月"),
    )  # fmt: skip
    assert (thread.position, thread.part, thread.start, thread.end, thread.quote) == (
        0,
        "text",
        8,
        10,
        "三月",
    )
    event = Event.objects.get(verb="thread.opened")
    assert (event.actor_name, event.subject_id, event.project_id) == ("Ana", str(thread.pk), project.pk)


@pytest.mark.parametrize(
    "anchor",
    [
        Anchor(2),
        Anchor(-1),
        Anchor(1, "text", 0, 3, "No,"),
        Anchor(1, "text", 0, 300, "Yes"),
        Anchor(1, "text", 3, 3, ""),
        Anchor(1, "text", None, None, "Yes"),
        Anchor(1, "part:0", 0, 3, "Yes"),
        Anchor(1, "nowhere", 0, 3, "Yes"),
    ],
)
def test_words_that_do_not_stand_there_are_refused(
    project: Project, transcript: Transcript, ana: User, anchor: Anchor
) -> None:
    with pytest.raises(BadPlace):
        actions.open_thread(project=project, author=ana, text="?", transcript_id=transcript.pk, anchor=anchor)
    assert not Thread.objects.exists()


def test_rows_of_other_projects_are_refused(project: Project, ana: User, cy: User) -> None:
    other = create_project(name="Other", owner=cy)
    book = adopt_default(project=other, actor=cy).codebook_id
    with pytest.raises(BadPlace):
        actions.open_thread(project=project, author=ana, text="?", transcript_id=make.transcript(other).pk)
    with pytest.raises(BadPlace):
        actions.open_thread(project=project, author=ana, text="?", codebook_id=book)
    with pytest.raises(BadComment):
        actions.open_thread(project=project, author=ana, text="?")
    here = make.transcript(project).pk
    with pytest.raises(BadComment, match="members"):
        actions.open_thread(project=project, author=ana, text="?", transcript_id=here, addressed=[cy])


def test_viewers_and_strangers_do_not_write(thread: Thread, vic: User, cy: User) -> None:
    for outsider in (vic, cy):
        with pytest.raises(MayNot):
            actions.reply(thread=thread, author=outsider, text="Me too.")
        with pytest.raises(MayNot):
            actions.resolve(thread=thread, actor=outsider)


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * (MAX_TEXT + 1)])
def test_empty_and_endless_comments_are_refused(thread: Thread, ana: User, text: str) -> None:
    with pytest.raises(BadComment):
        actions.reply(thread=thread, author=ana, text=text)


def test_what_a_database_refuses_is_written_without_it(thread: Thread, ana: User) -> None:
    comment = actions.reply(thread=thread, author=ana, text="a\x00b\r\nc\ud800")
    assert text_of(comment, ana) == "a\ufffdb\nc\ufffd"


def test_a_comment_sent_twice_is_written_once(
    project: Project, transcript: Transcript, ana: User, bo: User
) -> None:
    send = {"project": project, "author": ana, "text": "Once.", "transcript_id": transcript.pk, "key": "k1"}
    first = actions.open_thread(**send)  # type: ignore[arg-type]
    assert actions.open_thread(**send) == first  # type: ignore[arg-type]
    one = actions.reply(thread=first, author=bo, text="Yes.", key="k1")
    assert actions.reply(thread=first, author=bo, text="Yes.", key="k1") == one
    assert Comment.objects.count() == 2
    assert Event.objects.filter(verb__in=["thread.opened", "comment.written"]).count() == 2


def test_an_old_form_with_new_words_is_another_comment(thread: Thread, ana: User) -> None:
    for text in ("One.", "Two."):
        actions.reply(thread=thread, author=ana, text=text, key="k1")
    assert thread.comments.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_people_answer_at_once(thread: Thread, ana: User, bo: User) -> None:
    problems: list[BaseException] = []

    def say(author: User) -> None:
        try:
            for _ in range(5):
                actions.reply(thread=thread, author=author, text="So?")
        except BaseException as problem:  # a thread's failure is the test's
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=say, args=(author,)) for author in (ana, bo)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert problems == []
    assert list(thread.comments.values_list("number", flat=True)) == list(range(1, 12))


def test_named_addressed_and_answered_people_are_told_once(
    thread: Thread, ana: User, bo: User, ada: User, mia: User
) -> None:
    actions.reply(thread=thread, author=bo, text="@Ada and @ADA, and @Bo, and @Anatol")
    actions.reply(thread=thread, author=ada, text="See @Ana.")
    told = Mention.objects.order_by("comment__number", "person__name")
    assert list(told.values_list("comment__number", "person__name", "why")) == [
        (2, "Ada", "named"), (2, "Ana", "answered"), (3, "Ana", "named"), (3, "Bo", "answered"),
    ]  # fmt: skip
    assert queries.unread_of(ana, thread.project_id) == 2
    assert queries.unread_of(mia, thread.project_id) == 0


def test_two_people_of_one_name_are_named_by_address(project: Project, thread: Thread, bo: User) -> None:
    twin = person("Twin")
    twin.name = "Ana"
    twin.save()
    add_member(project=project, user=twin, role=20, actor=None)
    actions.reply(thread=thread, author=bo, text="@Ana? No: @twin@example.org!")
    assert list(Mention.objects.filter(why="named").values_list("person_id", flat=True)) == [twin.pk]


def test_a_crowd_cannot_be_named(project: Project, thread: Thread, ana: User) -> None:
    names = [f"Crowd{n:02d}" for n in range(MAX_NAMED + 1)]
    for name in names:
        add_member(project=project, user=person(name), role=20, actor=None)
    with pytest.raises(BadComment, match=str(MAX_NAMED)):
        actions.reply(thread=thread, author=ana, text=" ".join(f"@{name}" for name in names))


def test_an_edit_is_a_new_wording_and_the_earlier_one_stays(thread: Thread, ana: User, bo: User) -> None:
    comment = thread.comments.get()
    actions.edit(comment=comment, author=ana, text="Which ledger, @Bo?")
    actions.edit(comment=comment, author=ana, text="Which ledger, @Bo?")
    assert [w.text for w in comment.wordings.all()] == ["Which ledger?", "Which ledger, @Bo?"]
    assert text_of(comment, bo) == "Which ledger, @Bo?"
    assert queries.unread_of(bo, thread.project_id) == 1
    assert Event.objects.filter(verb="comment.edited").count() == 1
    with pytest.raises(MayNot):
        actions.edit(comment=comment, author=bo, text="Mine now.")
    with pytest.raises(DatabaseError), transaction.atomic():
        comment.wordings.update(text="never said")


def test_a_removed_comment_keeps_its_place(thread: Thread, ana: User, bo: User, mia: User) -> None:
    comment = actions.reply(thread=thread, author=bo, text="@Ana a secret")
    with pytest.raises(MayNot):
        actions.remove(comment=comment, actor=ana)
    for _ in range(2):
        actions.remove(comment=comment, actor=mia)
    shown = queries.visible_comments(ana, [thread]).get(pk=comment.pk)
    assert shown.removed_by == mia
    assert queries.unread_of(ana, thread.project_id) == 0
    assert Event.objects.filter(verb="comment.removed").count() == 1
    with pytest.raises(MayNot):
        actions.edit(comment=comment, author=bo, text="Back again.")
    assert actions.reply(thread=thread, author=bo, text="Never mind.").number == 3


def test_resolving_and_reopening_are_safe_to_repeat(thread: Thread, bo: User) -> None:
    for _ in range(2):
        assert actions.resolve(thread=thread, actor=bo).resolved_by == bo
    for _ in range(2):
        assert actions.reopen(thread=thread, actor=bo).resolved_at is None
    verbs = Event.objects.filter(subject="discussion.thread").values_list("verb", flat=True)
    assert sorted(verbs) == ["thread.opened", "thread.reopened", "thread.resolved"]


def test_a_question_is_answered_by_an_adjudicator(
    project: Project, mia: User, ana: User, bo: User, ada: User
) -> None:
    book = adopt_default(project=project, actor=mia).codebook_id
    asked = actions.open_thread(
        project=project, author=ana, text="Is an omission false?", codebook_id=book, kind="question"
    )
    guess = actions.reply(thread=asked, author=bo, text="I think so.")
    ruling = actions.reply(thread=asked, author=ada, text="Only where it misleads.")
    with pytest.raises(MayNot):
        actions.answer(thread=asked, comment=guess, actor=bo)
    with pytest.raises(MayNot):
        actions.resolve(thread=asked, actor=bo)
    with pytest.raises(BadComment):
        actions.answer(thread=asked, comment=asked.comments.get(number=1), actor=ada)
    for _ in range(2):
        done = actions.answer(thread=asked, comment=ruling, actor=ada)
    assert (done.answer_id, done.resolved_by) == (ruling.pk, ada)
    assert Event.objects.filter(verb="question.answered").count() == 1
    actions.remove(comment=ruling, actor=ada)
    done.refresh_from_db()
    assert done.answer_id is None
    assert actions.reopen(thread=asked, actor=ana).resolved_at is None


def test_an_ordinary_thread_has_no_answer(thread: Thread, ada: User, bo: User) -> None:
    comment = actions.reply(thread=thread, author=bo, text="The first.")
    with pytest.raises(BadComment):
        actions.answer(thread=thread, comment=comment, actor=ada)


def test_reading_a_thread_empties_the_inbox_of_it_alone(
    project: Project, thread: Thread, transcript: Transcript, ana: User, bo: User
) -> None:
    actions.reply(thread=thread, author=bo, text="The first.")
    actions.open_thread(
        project=project, author=bo, text="Elsewhere", transcript_id=transcript.pk, addressed=[ana]
    )
    assert queries.unread_of(ana, project.pk) == 2
    assert actions.mark_read(person=ana, project_id=project.pk, threads=[thread.pk]) == 1
    assert queries.unread_of(ana, project.pk) == 1
    assert actions.mark_read(person=ana, project_id=project.pk) == 1
    assert queries.unread_of(ana, project.pk) == 0
