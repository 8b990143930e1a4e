"""Questions about discussions, always asked on behalf of a person, so that blindness holds here too.

On a transcript whose machine veil is down, a person sees their own threads, and their own comments in
them. While only the human veil is down they see the threads they opened, are addressed by or are named
in. What somebody wrote before their own blind label stays with them and with those who have no veil on
the transcript. Threads about a codebook alone are everybody's.
"""

from collections.abc import Iterable

from django.db import connection
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, When
from django.http import Http404

from auditor.accounts.models import Membership, User
from auditor.evidence.models import HUMAN
from auditor.evidence.queries import MACHINE, visible_to
from labeling.discussion.models import CALLS, Comment, Mention, Thread, Wording


def visible_threads(person: User, project_id: int) -> QuerySet[Thread]:
    """The threads of a project that `person` may see now, oldest first.

    Each has `known_resolved_at`: what others did with a thread is no less veiled than what they said in it.
    """
    machine, _ = _veils(person, "")
    unknown = machine & ~Q(resolved_by=person)
    return Thread.objects.filter(_thread_seen_by(person, ""), project_id=project_id).annotate(
        known_resolved_at=Case(When(unknown, then=None), default=F("resolved_at"))
    )


WAITS = "SELECT 1 FROM discussion_mention WHERE person_id = %s AND read_at IS NULL LIMIT 1"


def visible_comments(person: User, threads: Iterable[Thread]) -> QuerySet[Comment]:
    """The comments of these threads that `person` may see now, in order, each with its newest `text`."""
    rows = Comment.objects.filter(thread__in=[thread.pk for thread in threads])
    newest = Wording.objects.filter(comment=OuterRef("pk")).order_by("-number")
    return (
        rows.filter(_thread_seen_by(person, "thread__"), _comment_seen_by(person, ""))
        .annotate(
            text=Subquery(newest.values("text")[:1]),
            wordings_n=Subquery(newest.values("number")[:1]),
            worded_at=Subquery(newest.values("written_at")[:1]),
        )
        .select_related("author", "removed_by")
        .order_by("thread_id", "number")
    )


def inbox_of(person: User, project_id: int) -> QuerySet[Mention]:
    """What others wrote for `person` and they may read now, newest first, each with its `text`."""
    newest = Wording.objects.filter(comment=OuterRef("comment_id")).order_by("-number")
    return (
        Mention.objects.filter(
            _thread_seen_by(person, "comment__thread__"),
            _comment_seen_by(person, "comment__"),
            person=person,
            comment__thread__project_id=project_id,
            comment__removed_at__isnull=True,
        )
        .annotate(text=Subquery(newest.values("text")[:1]))
        .select_related("comment__author", "comment__thread__transcript", "comment__thread__codebook")
        .order_by("-pk")
    )


def unread_of(person: User, project_id: int) -> int:
    """How many of them they have not read.

    Every page asks. Mostly nothing waits at all, which one index says; only then is it asked what may be seen.
    """
    with connection.cursor() as cursor:
        cursor.execute(WAITS, [person.pk])
        if not cursor.fetchone():
            return 0
    return inbox_of(person, project_id).filter(read_at__isnull=True).count()


def handles_of(project_id: int) -> dict[str, User]:
    """What to write after @ for each active member: the name, or the address where a name is not unique."""
    people = [one.user for one in members_of_project(project_id)]
    names = [person.name.strip().casefold() for person in people]
    return {
        person.name.strip() if name and names.count(name) == 1 else person.email: person
        for person, name in zip(people, names, strict=True)
    }


def members_of_project(project_id: int) -> QuerySet[Membership]:
    """Memberships of people who can sign in, with the person."""
    rows = Membership.objects.of_active().filter(project_id=project_id)
    return rows.select_related("user").order_by("user__name", "user_id")


def hidden_from(person: User, transcript_id: int) -> str:
    """The veil that keeps discussions of a transcript from the person: machine, human, or none."""
    sight = visible_to(person)
    return next((scope for scope in (MACHINE, HUMAN) if sight.is_veiled(transcript_id, scope)), "")


def access_thread(membership: Membership, pk: int) -> Thread:
    """A thread of the member's project that they may see.

    Raises:
        Http404: there is none for them.
    """
    rows = visible_threads(membership.user, membership.project.pk)
    thread = rows.select_related("transcript", "codebook", "opened_by", "resolved_by").filter(pk=pk).first()
    if thread is None:
        raise Http404("no such thread")
    return thread


def access_comment(membership: Membership, pk: int) -> Comment:
    """A comment that the member may see.

    Raises:
        Http404: there is none for them.
    """
    comment = Comment.objects.filter(pk=pk).select_related("thread").first()
    if comment is None or comment.thread.project_id != membership.project.pk:
        raise Http404("no such comment")
    found = visible_comments(membership.user, [comment.thread]).select_related("thread").filter(pk=pk).first()
    if found is None:
        raise Http404("no such comment")
    return found


def _thread_seen_by(person: User, at: str) -> Q:
    """Whether `person` may see the thread that `at` leads to."""
    machine, human = _veils(person, at)
    calls = Mention.objects.filter(
        comment__thread=OuterRef(f"{at}id"), person=person, why__in=CALLS, comment__while_blind=False,
        comment__removed_at__isnull=True,
    )  # fmt: skip
    called = Q(Exists(calls)) & Q(**{f"{at}while_blind": False})
    return Q(**{f"{at}opened_by": person}) | (~machine & (~human | called))


def _comment_seen_by(person: User, at: str) -> Q:
    """Whether `person` may see the comment that `at` leads to, given that they may see its thread."""
    machine, human = _veils(person, f"{at}thread__")
    return Q(**{f"{at}author": person}) | (~machine & (~human | Q(**{f"{at}while_blind": False})))


def _veils(person: User, at: str) -> tuple[Q, Q]:
    sight, field = visible_to(person), f"{at}transcript_id"
    return Q(sight.veil_over(field, MACHINE)), Q(sight.veil_over(field, HUMAN))
