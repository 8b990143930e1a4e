"""What colleagues say never reaches a person before its time: threads, comments, counts, inbox, order."""

import pytest

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.evidence.actions import lift_veils
from auditor.evidence.queries import MACHINE
from auditor.ledger.models import Event
from labeling.discussion import actions, queries
from labeling.discussion.api import whole
from labeling.discussion.models import Thread
from labeling.discussion.wording import pieces
from labeling.queues.actions import close_round
from labeling.queues.models import Round


def say(author: User, transcript: Transcript, text: str, *addressed: User) -> Thread:
    return actions.open_thread(
        project=transcript.project, author=author, text=text, transcript_id=transcript.pk, addressed=addressed
    )


def reads(person: User, project: Project) -> list[str]:
    threads = list(queries.visible_threads(person, project.pk))
    return [comment.text for comment in queries.visible_comments(person, threads)]  # type: ignore[attr-defined]


def labels_blind(round: Round, person: User) -> None:
    """The blind commit lifts the machine veil and leaves the human one."""
    assert lift_veils(round_key=round.veil_key, scopes=[MACHINE], person_id=person.pk) == 1


def test_before_the_blind_label_a_person_sees_their_own_threads_alone(
    project: Project, transcript: Transcript, round: Round, ana: User, bo: User, ada: User
) -> None:
    say(ada, transcript, "This is a lie.")
    say(ada, transcript, "@Ana look at this lie.", ana)
    say(bo, transcript, "I say deception.")
    say(ana, transcript, "Is the date given anywhere?")
    assert reads(ana, project) == ["Is the date given anywhere?"]
    assert queries.unread_of(ana, project.pk) == 0
    assert list(queries.inbox_of(ana, project.pk)) == []


def test_in_their_own_thread_a_blind_person_sees_their_own_comments_alone(
    project: Project, transcript: Transcript, round: Round, ana: User, ada: User
) -> None:
    thread = say(ana, transcript, "Is the date given anywhere?")
    actions.reply(thread=thread, author=ada, text="No, @Ana, it is made up.")
    assert reads(ana, project) == ["Is the date given anywhere?"]
    assert queries.unread_of(ana, project.pk) == 0
    labels_blind(round, ana)
    assert reads(ana, project) == ["Is the date given anywhere?", "No, @Ana, it is made up."]
    assert queries.unread_of(ana, project.pk) == 1


def test_after_the_blind_label_a_person_sees_what_is_meant_for_them(
    project: Project, transcript: Transcript, round: Round, ana: User, bo: User, ada: User
) -> None:
    labels_blind(round, ana)
    say(ada, transcript, "Among ourselves: a lie.")
    assert reads(ana, project) == []
    say(ada, transcript, "Sent back: which ledger call?", ana)
    say(ada, transcript, "@ana, and the plan?")
    assert reads(ana, project) == ["Sent back: which ledger call?", "@ana, and the plan?"]
    assert queries.unread_of(ana, project.pk) == 2
    assert reads(bo, project) == []


def test_a_comment_from_the_blind_stage_stays_with_its_author_until_the_veils_of_others_fall(
    project: Project, transcript: Transcript, round: Round, ana: User, bo: User, ada: User, mia: User
) -> None:
    thread = say(ana, transcript, "@Bo I would say deception.", bo)
    actions.reply(thread=thread, author=ada, text="@Bo, what do you say?")
    assert reads(bo, project) == []
    labels_blind(round, bo)
    assert reads(bo, project) == []
    assert queries.unread_of(bo, project.pk) == 0
    assert len(reads(ada, project)) == 2
    close_round(round=round, actor=mia)
    assert reads(bo, project) == ["@Bo I would say deception.", "@Bo, what do you say?"]
    assert queries.unread_of(bo, project.pk) == 2


def test_a_blind_comment_in_an_older_thread_stays_back_too(
    project: Project, transcript: Transcript, ana: User, bo: User, mia: User, request: pytest.FixtureRequest
) -> None:
    thread = say(ana, transcript, "Before any round.", bo)
    round = request.getfixturevalue("round")
    actions.reply(thread=thread, author=ana, text="@Bo it is deception.")
    labels_blind(round, bo)
    assert reads(bo, project) == ["Before any round."]
    close_round(round=round, actor=mia)
    assert reads(bo, project) == ["Before any round.", "@Bo it is deception."]


def test_a_removed_call_calls_nobody(
    project: Project, transcript: Transcript, round: Round, ana: User, ada: User
) -> None:
    labels_blind(round, ana)
    thread = say(ada, transcript, "A lie.")
    called = actions.reply(thread=thread, author=ada, text="@Ana?")
    assert reads(ana, project) == ["A lie.", "@Ana?"]
    actions.remove(comment=called, actor=ada)
    assert reads(ana, project) == []


def test_guideline_questions_are_everybodys(
    project: Project, round: Round, transcript: Transcript, ana: User, bo: User, vic: User
) -> None:
    book = round.codebook_version.codebook_id
    actions.open_thread(
        project=project, author=bo, text="Is an omission false?", codebook_id=book, kind="question"
    )
    actions.open_thread(
        project=project, author=bo, text="And this one?", codebook_id=book, kind="question",
        transcript_id=transcript.pk,
    )  # fmt: skip
    assert reads(ana, project) == ["Is an omission false?"]
    assert reads(vic, project) == ["Is an omission false?", "And this one?"]


def test_nobody_writes_where_they_do_not_see(
    project: Project, transcript: Transcript, round: Round, ana: User, ada: User
) -> None:
    thread = say(ada, transcript, "A lie.")
    for act in (
        lambda: actions.reply(thread=thread, author=ana, text="Is it?"),
        lambda: actions.resolve(thread=thread, actor=ana),
        lambda: actions.remove(comment=thread.comments.get(), actor=ana),
    ):
        with pytest.raises(actions.MayNot):
            act()


def test_the_trail_does_not_say_on_which_transcript_somebody_wrote(
    project: Project, transcript: Transcript, ada: User, ana: User
) -> None:
    thread = say(ada, transcript, "canary", ana)
    comment = actions.reply(thread=thread, author=ada, text="canary")
    actions.edit(comment=comment, author=ada, text="canary, still")
    actions.resolve(thread=thread, actor=ada)
    actions.remove(comment=comment, actor=ada)
    said = Event.objects.filter(subject__startswith="discussion.")
    assert [event.detail for event in said.order_by("pk")] == [{"kind": "comment"}, {}, {}, {}, {}]


def test_what_colleagues_did_with_a_thread_is_no_less_theirs(
    project: Project, transcript: Transcript, round: Round, ana: User, ada: User
) -> None:
    def known(person: User) -> bool:
        moments = queries.visible_threads(person, project.pk).filter(known_resolved_at__isnull=False)  # type: ignore[misc]
        return moments.exists()

    thread = say(ana, transcript, "Is the date given anywhere?")
    actions.resolve(thread=thread, actor=ada)
    assert (known(ana), known(ada)) == (False, True)
    actions.reopen(thread=thread, actor=ana)
    actions.resolve(thread=thread, actor=ana)
    assert known(ana)
    actions.reopen(thread=thread, actor=ada)
    actions.resolve(thread=thread, actor=ada)
    labels_blind(round, ana)
    assert known(ana)


def test_no_name_changes_the_text() -> None:
    for text in ("@", "@@Ana", "a@Ana", "@İna", "@Ana", "@ana.", "(@ANA)", "@Anatol", "x" * 5000):
        assert "".join(words for words, _ in pieces(text, {"Ana": 1, "": 2, "i\u0307na": 3})) == text
    assert [person for _, person in pieces("(@ANA), @Ana", {"Ana": 1})] == [None, 1, None, 1]


def test_numbers_do_not_tell_a_program_that_somebody_wrote_in_between(
    project: Project, transcript: Transcript, round: Round, ana: User, ada: User
) -> None:
    thread = say(ana, transcript, "Is the date given anywhere?")
    actions.reply(thread=thread, author=ada, text="canary")
    actions.reply(thread=thread, author=ana, text="I see it now.")
    numbers = {}
    for person in (ana, ada):
        membership = project.memberships.get(user=person)
        numbers[person] = [comment.number for comment in whole(membership, thread.pk).comments]
    assert numbers == {ana: [1, 2], ada: [1, 2, 3]}
