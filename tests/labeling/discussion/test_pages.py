"""Pages and fragments of discussions: what they show, to whom, and what they cost."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.evidence.actions import lift_veils
from auditor.evidence.queries import MACHINE
from labeling.codebooks.actions import adopt_default
from labeling.discussion import actions, queries
from labeling.discussion.actions import Anchor
from labeling.discussion.conversations import to_name
from labeling.discussion.models import Comment, Thread
from labeling.queues.actions import close_round
from labeling.queues.models import Round
from tests.people import signed_in

HTMX = {"HX-Request": "true"}
QUERIES = (
    15  # session, person with membership and project, and what is read of threads, comments, people and veils
)
HOSTILE = '<script>alert(1)</script> & "quotes" @Ana'


@pytest.fixture
def thread(project: Project, transcript: Transcript, bo: User) -> Thread:
    return actions.open_thread(
        project=project, author=bo, text="Where does the date come from?", transcript_id=transcript.pk,
        anchor=Anchor(1, "text", 0, 24, "Yes, it cleared on 14 Ma"),
    )  # fmt: skip


def address(name: str, project: Project, *args: object) -> str:
    return reverse(f"discussion:{name}", args=[project.slug, *args])


def page(person: User, url: str, **headers: str) -> str:
    answer = signed_in(person).get(url, headers=headers or None)
    assert answer.status_code == 200
    return answer.content.decode()


def sent(client: Client, url: str, htmx: bool = True, **data: object) -> tuple[int, str]:
    answer = client.post(url, data, headers=HTMX if htmx else None)
    return answer.status_code, answer.content.decode()


def test_words_under_discussion_are_linked_by_code_points(
    project: Project, transcript: Transcript, thread: Thread, ana: User
) -> None:
    shown = page(ana, address("transcript", project, transcript.pk), **HTMX)
    assert shown.strip().startswith('<section id="discussion"')
    assert f"{reverse('browse:transcript', args=[project.slug, transcript.pk])}?at=1.text.0-24" in shown
    assert 'data-at="1" data-part="text" data-start="0" data-end="24"' in shown
    assert "Where does the date come from?" in shown


def test_a_thread_is_opened_from_selected_words(project: Project, transcript: Transcript, ana: User) -> None:
    url = address("transcript", project, transcript.pk)
    place: dict[str, Any] = {"position": 1, "part": "text", "start": 0, "end": 3, "quote": "Yes"}
    status, shown = sent(signed_in(ana), url, text="Really?", key="k", **place)
    assert (status, "Really?" in shown) == (200, True)
    assert sent(signed_in(ana), url, text="Really?", key="k", **place)[0] == 200
    made = Thread.objects.get()
    assert (made.position, made.part, made.start, made.end, made.quote) == (1, "text", 0, 3, "Yes")


def test_a_refused_thread_keeps_what_was_typed(project: Project, transcript: Transcript, ana: User) -> None:
    place: dict[str, Any] = {"position": 1, "part": "text", "start": 0, "end": 3, "quote": "Nay"}
    status, shown = sent(
        signed_in(ana), address("transcript", project, transcript.pk), text="A long thought", **place
    )
    assert status == 422
    assert "A long thought" in shown
    assert "does not stand where it was marked" in shown
    assert not Thread.objects.exists()


def test_a_browser_without_scripts_is_led_to_the_thread(
    project: Project, transcript: Transcript, ana: User
) -> None:
    answer = signed_in(ana).post(address("transcript", project, transcript.pk), {"text": "All of it?"})
    made = Thread.objects.get()
    assert answer.headers["Location"] == address("thread", project, made.pk)
    assert signed_in(ana).post(address("thread", project, made.pk), {"text": "Yes."}).status_code == 302
    assert made.comments.count() == 2


def test_what_people_write_is_text(project: Project, thread: Thread, ana: User, bo: User) -> None:
    actions.reply(thread=thread, author=bo, text=f"{HOSTILE}\nsecond line")
    shown = page(ana, address("thread", project, thread.pk))
    assert "<script>alert" not in shown
    assert (
        '&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot; <b class="named">@Ana</b>\nsecond line'
        in shown
    )
    assert "&lt;script&gt;" in page(ana, address("inbox", project))


def test_an_answer_comes_back_as_the_thread(project: Project, thread: Thread, ana: User) -> None:
    status, shown = sent(
        signed_in(ana), address("thread", project, thread.pk), text="From the ledger.", key="k"
    )
    assert status == 200
    assert shown.strip().startswith(f'<article class="thread" id="thread-{thread.pk}"')
    assert "From the ledger." in shown
    status, shown = sent(signed_in(ana), address("thread", project, thread.pk), text=" ", key="k2")
    assert (status, "Write something first." in shown) == (409, True)


def test_resolving_folds_the_thread_and_it_opens_again(
    project: Project, transcript: Transcript, thread: Thread, ana: User
) -> None:
    client = signed_in(ana)
    status, shown = sent(client, address("resolve", project, thread.pk))
    assert (status, "Open again" in shown) == (200, True)
    assert "1 resolved" in page(ana, address("transcript", project, transcript.pk))
    assert "Open again" not in sent(client, address("reopen", project, thread.pk))[1]


def test_comments_are_changed_and_removed_by_who_may(
    project: Project, thread: Thread, ana: User, bo: User, mia: User
) -> None:
    first = thread.comments.get()
    assert "Change or remove" not in page(ana, address("thread", project, thread.pk))
    assert sent(signed_in(ana), address("edit", project, first.pk), text="Mine")[0] == 409
    assert "Which date?" in sent(signed_in(bo), address("edit", project, first.pk), text="Which date?")[1]
    assert "changed" in page(ana, address("thread", project, thread.pk))
    shown = sent(signed_in(mia), address("remove", project, first.pk))[1]
    assert "Removed by Mia" in shown
    for reader in (ana, bo, mia):
        shown = page(reader, address("thread", project, thread.pk))
        assert "Which date?" not in shown
        assert "Where does the date" not in shown


def test_a_viewer_reads_and_is_offered_no_pen(
    project: Project, transcript: Transcript, thread: Thread, vic: User
) -> None:
    for url in (address("thread", project, thread.pk), address("transcript", project, transcript.pk)):
        shown = page(vic, url)
        assert "Where does the date" in shown
        assert "<textarea" not in shown
    status, shown = sent(signed_in(vic), address("thread", project, thread.pk), text="Me too")
    assert status == 409
    assert Comment.objects.count() == 1


def test_the_inbox_counts_in_the_header_of_every_page(
    project: Project, thread: Thread, ana: User, bo: User
) -> None:
    list_page = reverse("browse:list", args=[project.slug])
    assert 'aria-label="Inbox"' in page(ana, list_page)
    actions.reply(thread=thread, author=bo, text="@Ana, do you know?")
    assert 'aria-label="Inbox, 1 unread"' in page(ana, list_page)
    shown = page(ana, address("inbox", project))
    assert "@Ana, do you know?" in shown
    assert "Where does the date" not in shown
    status, shown = sent(signed_in(ana), address("read", project, thread.pk))
    assert (status, ">new<" in shown) == (200, False)
    assert 'aria-label="Inbox"' in page(ana, list_page)
    assert "@Ana, do you know?" not in page(ana, address("inbox", project))
    assert "@Ana, do you know?" in page(ana, address("inbox", project) + "?all")


def test_looking_at_a_page_writes_nothing(project: Project, thread: Thread, ana: User, bo: User) -> None:
    actions.reply(thread=thread, author=bo, text="@Ana?")
    page(ana, address("thread", project, thread.pk))
    page(ana, address("inbox", project))
    assert queries.unread_of(ana, project.pk) == 1
    assert signed_in(ana).post(address("inbox", project)).status_code == 302
    assert queries.unread_of(ana, project.pk) == 0


def test_a_long_inbox_has_pages_and_a_damaged_address_leads_to_the_first(
    project: Project, thread: Thread, ana: User, bo: User
) -> None:
    for n in range(52):
        actions.reply(thread=thread, author=bo, text=f"@Ana, number {n}.")
    shown = page(ana, address("inbox", project) + "?all")
    assert "number 51." in shown
    assert "number 1." not in shown
    after = re.search(r'href="(\?[^"]*after=[^"]+)"', shown)
    assert after is not None
    assert "number 1." in page(ana, address("inbox", project) + after[1].replace("&amp;", "&"))
    assert signed_in(ana).get(address("inbox", project) + "?after=nonsense").status_code == 302


def test_a_question_about_the_guidelines_is_asked_answered_and_read_by_all(
    project: Project, mia: User, ana: User, bo: User, ada: User, round: Round
) -> None:
    book = round.codebook_version.codebook_id
    url = address("codebook", project, book)
    assert signed_in(ana).post(url, {"text": "Is an omission false?", "key": "k"}).status_code == 302
    asked = Thread.objects.get()
    sent(signed_in(ada), address("thread", project, asked.pk), text="Only where it misleads.")
    ruling = asked.comments.get(number=2)
    assert "This is the answer" not in page(bo, url)
    assert "This is the answer" in page(ada, url)
    assert sent(signed_in(bo), address("answer", project, ruling.pk))[0] == 409
    assert "the answer" in sent(signed_in(ada), address("answer", project, ruling.pk))[1]
    shown = page(bo, url)
    assert "Answered (1)" in shown
    assert "Only where it misleads." in shown
    assert sent(signed_in(ana), url, htmx=False, text="")[0] == 422


def test_a_question_on_a_transcript_can_be_asked_again_for_everybody(
    project: Project, transcript: Transcript, mia: User, bo: User
) -> None:
    book = adopt_default(project=project, actor=mia).codebook_id
    asked = actions.open_thread(
        project=project, author=bo, text="Is this an omission?", kind="question", codebook_id=book,
        transcript_id=transcript.pk,
    )  # fmt: skip
    url = address("codebook", project, book)
    assert f"?from={asked.pk}#ask" in page(mia, url)
    assert re.search(r'<textarea id="ask"[^>]*>Is this an omission\?', page(mia, f"{url}?from={asked.pk}"))


def test_a_blind_person_reads_their_own_alone_and_is_told_so(
    project: Project, transcript: Transcript, round: Round, ana: User, ada: User, thread: Thread
) -> None:
    actions.resolve(thread=thread, actor=ada)
    own = actions.open_thread(project=project, author=ana, text="My own note.", transcript_id=transcript.pk)
    actions.reply(thread=own, author=ada, text="colleague-canary")
    actions.resolve(thread=own, actor=ada)
    beside = page(ana, address("transcript", project, transcript.pk), **HTMX)
    alone = page(ana, address("thread", project, own.pk))
    for shown in (beside, alone):
        assert "My own note." in shown
        for canary in ("colleague-canary", "Where does the date", "resolved", "Resolved", "the-one"):
            assert canary not in shown, canary
    assert "you see your own threads alone" in beside
    assert signed_in(ana).get(address("thread", project, thread.pk)).status_code == 404
    lift_veils(round_key=round.veil_key, scopes=[MACHINE], person_id=ana.pk)
    assert "colleague-canary" in page(ana, address("thread", project, own.pk))
    assert "Where does the date" not in page(ana, address("transcript", project, transcript.pk))


def test_names_to_complete_do_not_tell_a_blind_person_who_has_labelled(
    project: Project, transcript: Transcript, round: Round, ana: User, bo: User, ada: User, mia: User
) -> None:
    def offered(person: User) -> list[str]:
        return to_name(project.memberships.get(user=person), transcript.pk)

    assert offered(ana) == ["Ada", "Bo", "Mia"]
    assert offered(ada) == ["Mia"]
    lift_veils(round_key=round.veil_key, scopes=[MACHINE], person_id=bo.pk)
    assert offered(ana) == ["Ada", "Bo", "Mia"]
    assert offered(ada) == ["Bo", "Mia"]
    close_round(round=round, actor=mia)
    assert offered(ada) == ["Ana", "Bo", "Mia"]


def test_names_are_left_out_where_an_adjudicator_shall_not_know_them(
    project: Project, transcript: Transcript, thread: Thread, ada: User
) -> None:
    actions.resolve(thread=thread, actor=ada)
    for url in (address("transcript", project, transcript.pk), address("thread", project, thread.pk)):
        shown = page(ada, url + "?unnamed", **HTMX)
        assert "A colleague" in shown
        assert "<b>Bo</b>" not in shown
        assert "by Bo" not in shown


def test_ten_threads_cost_what_one_does(
    project: Project,
    transcript: Transcript,
    thread: Thread,
    ana: User,
    bo: User,
    django_assert_num_queries: Callable[[int], AbstractContextManager[object]],
) -> None:
    client = signed_in(ana)
    url = address("transcript", project, transcript.pk)
    client.get(url, headers=HTMX)
    for n in range(10):
        more = actions.open_thread(project=project, author=bo, text=f"@Ana {n}", transcript_id=transcript.pk)
        actions.reply(thread=more, author=bo, text="Anybody?")
        with django_assert_num_queries(QUERIES):
            client.get(url, headers=HTMX)
