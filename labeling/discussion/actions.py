"""Writing in discussions: opening, answering, changing, removing, resolving, and marking as read.

A comment that was sent twice (same author, `key` and words) is written once. Text is checked in `wording`, the
place in `places`. Events name no transcript, and those of comments no thread: the trail is read by managers,
who may be veiled.
"""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import Membership, Project, Role, User
from auditor.corpus.models import Transcript
from auditor.evidence.queries import MACHINE, visible_to
from auditor.ledger.actions import record
from labeling.discussion.models import (
    ADDRESSED,
    ANSWERED,
    COMMENT,
    KINDS,
    NAMED,
    QUESTION,
    Comment,
    Mention,
    Thread,
    Wording,
)
from labeling.discussion.places import Anchor, BadPlace, check_anchor
from labeling.discussion.queries import handles_of, inbox_of, visible_comments, visible_threads
from labeling.discussion.wording import BadComment, check, named

MAX_COMMENTS = 500  # a thread

__all__ = ["Anchor", "BadComment", "BadPlace"]


class MayNot(Exception):
    """This person may not do that here."""


def open_thread(
    *,
    project: Project,
    author: User,
    text: str,
    transcript_id: int | None = None,
    anchor: Anchor | None = None,
    codebook_id: int | None = None,
    addressed: Iterable[User] = (),
    kind: str = COMMENT,
    key: str = "",
) -> Thread:
    """A new thread about a transcript, a place in it, or a codebook; `addressed` people get it in their inbox.

    Raises:
        BadComment: the text, an unknown kind, nothing it is about, or somebody addressed who is no member.
        BadPlace: transcript or codebook of another project, or words that do not stand there.
        MayNot: the author may not write in this project.
    """
    words = check(text)
    if kind not in KINDS:
        raise BadComment(f"There are no threads of kind '{kind}'.")
    with transaction.atomic():
        _hold_writer(project.pk, author)
        sent, key = _sent_before(author, key, words)
        if sent is not None:
            return sent.thread
        transcript = _transcript(project, transcript_id, anchor)
        if codebook_id is not None and not project.codebooks.filter(pk=codebook_id).exists():
            raise BadPlace("There is no such codebook in this project.")
        if transcript is None and codebook_id is None:
            raise BadComment("A thread is about a transcript or a codebook.")
        place = check_anchor(transcript, anchor) if transcript is not None and anchor is not None else None
        blind = transcript is not None and _is_blind(author, transcript.pk)
        thread = Thread.objects.create(
            project=project, transcript=transcript, codebook_id=codebook_id, kind=kind, opened_by=author,
            while_blind=blind, position=place.position if place else None, part=place.part if place else "",
            start=place.start if place else None, end=place.end if place else None,
            quote=place.quote if place else "",
        )  # fmt: skip
        comment = _write(thread, author, words, number=1, key=key)
        _tell(comment, words, _members(project, addressed))
        record(verb="thread.opened", subject=thread, actor=author, project_id=project.pk, kind=kind)
    return thread


def reply(*, thread: Thread, author: User, text: str, key: str = "") -> Comment:
    """One more comment; who opened the thread, was addressed or wrote in it is told, and the author has read it.

    Raises:
        BadComment: the text, or the thread is full.
        MayNot: the author may not write here, or may not see the thread.
    """
    words = check(text)
    with transaction.atomic():
        _hold_writer(thread.project_id, author)
        sent, key = _sent_before(author, key, words)
        if sent is not None:
            return sent
        held = _hold(thread, author)
        number = (held.comments.order_by("-number").values_list("number", flat=True).first() or 0) + 1
        if number > MAX_COMMENTS:
            raise BadComment(f"A thread has up to {MAX_COMMENTS} comments; open another one.")
        comment = _write(held, author, words, number=number, key=key)
        _tell(comment, words, [])
        mark_read(person=author, project_id=held.project_id, threads=[held.pk])
        record(verb="comment.written", subject=comment, actor=author, project_id=held.project_id)
    return comment


def edit(*, comment: Comment, author: User, text: str) -> Comment:
    """Say it otherwise: a new wording, and the earlier one stays; people newly named are told.

    Raises:
        BadComment: the text.
        MayNot: it is somebody else's, it was removed, or they may no longer write or see it.
    """
    words = check(text)
    with transaction.atomic():
        held = _hold_comment(comment, author)
        if held.author_id != author.pk or held.removed_at is not None:
            raise MayNot("Only who wrote a comment can change it.")
        newest = held.wordings.order_by("-number").first()
        assert newest is not None
        if newest.text == words:
            return held
        Wording.objects.create(comment=held, number=newest.number + 1, text=words)
        _tell(held, words, [], to_participants=False)
        record(verb="comment.edited", subject=held, actor=author, project_id=held.thread.project_id)
    return held


def remove(*, comment: Comment, actor: User) -> Comment:
    """Show the comment to nobody any more; its place stays. Safe to repeat.

    Raises:
        MayNot: the actor neither wrote it nor manages the project.
    """
    with transaction.atomic():
        held = _hold_comment(comment, actor)
        manages = _role(held.thread.project_id, actor) >= Role.MANAGER
        if held.author_id != actor.pk and not manages:
            raise MayNot("A comment is removed by who wrote it or by a manager.")
        if held.removed_at is None:
            held.removed_at, held.removed_by = timezone.now(), actor
            held.save(update_fields=["removed_at", "removed_by"])
            Thread.objects.filter(pk=held.thread_id, answer=held).update(answer=None)
            record(verb="comment.removed", subject=held, actor=actor, project_id=held.thread.project_id)
    return held


def resolve(*, thread: Thread, actor: User) -> Thread:
    """Say that nothing is left to be said; safe to repeat.

    Raises:
        MayNot: they may not write here, or it is another person's question and they do not adjudicate.
    """
    with transaction.atomic():
        held = _hold_to_settle(thread, actor)
        if held.resolved_at is None:
            held.resolved_at, held.resolved_by = timezone.now(), actor
            held.save(update_fields=["resolved_at", "resolved_by"])
            record(verb="thread.resolved", subject=held, actor=actor, project_id=held.project_id)
    return held


def reopen(*, thread: Thread, actor: User) -> Thread:
    """Take a resolution back; an answer no longer stands. Safe to repeat.

    Raises:
        MayNot: as for `resolve`.
    """
    with transaction.atomic():
        held = _hold_to_settle(thread, actor)
        if held.resolved_at is not None:
            held.resolved_at, held.resolved_by, held.answer = None, None, None
            held.save(update_fields=["resolved_at", "resolved_by", "answer"])
            record(verb="thread.reopened", subject=held, actor=actor, project_id=held.project_id)
    return held


def answer(*, thread: Thread, comment: Comment, actor: User) -> Thread:
    """Let a comment be the answer to the question, which resolves it; safe to repeat.

    Raises:
        BadComment: the thread is no question, or the comment is not of it or was removed.
        MayNot: the actor does not adjudicate here, or may not see it.
    """
    with transaction.atomic():
        held = _hold(thread, actor)
        if _role(held.project_id, actor) < Role.ADJUDICATOR:
            raise MayNot("Questions are answered by adjudicators and managers.")
        found = visible_comments(actor, [held]).filter(pk=comment.pk, removed_at__isnull=True).first()
        if held.kind != QUESTION or found is None or found.number == 1:
            raise BadComment("An answer is a comment on a question.")
        if held.answer_id != found.pk:
            held.answer = found
            if held.resolved_at is None:
                held.resolved_at, held.resolved_by = timezone.now(), actor
            held.save(update_fields=["answer", "resolved_at", "resolved_by"])
            record(
                verb="question.answered", subject=held, actor=actor, project_id=held.project_id,
                comment=found.pk,
            )  # fmt: skip
    return held


def mark_read(*, person: User, project_id: int, threads: Iterable[int] | None = None) -> int:
    """Take what the person may see out of their inbox's unread (of these threads only, if given).

    What somebody has looked at is no record and leaves no event.
    """
    with transaction.atomic():
        rows = inbox_of(person, project_id).filter(read_at__isnull=True)
        if threads is not None:
            rows = rows.filter(comment__thread__in=list(threads))
        seen = list(rows.order_by().values_list("pk", flat=True))
        return Mention.objects.filter(pk__in=seen, read_at__isnull=True).update(read_at=timezone.now())


def _hold_writer(project_id: int, author: User) -> None:
    """One comment of a person at a time, until the transaction ends; and they may write at all."""
    rows = Membership.objects.of_active().select_for_update(of=("self",), no_key=True)
    seat = rows.filter(project_id=project_id, user=author).first()
    if seat is None or not seat.can_review:
        raise MayNot("Reviewers, adjudicators and managers write comments; others read them.")


def _role(project_id: int, person: User) -> int:
    seats = Membership.objects.of_active().filter(project_id=project_id, user=person)
    return seats.values_list("role", flat=True).first() or 0


def _hold(thread: Thread, actor: User) -> Thread:
    """The thread's row, which the actor may see, until the transaction ends."""
    held = Thread.objects.select_for_update().get(pk=thread.pk)
    if not visible_threads(actor, held.project_id).filter(pk=held.pk).exists():
        raise MayNot("There is no such thread for you.")
    return held


def _hold_to_settle(thread: Thread, actor: User) -> Thread:
    _hold_writer(thread.project_id, actor)
    held = _hold(thread, actor)
    asked = held.kind == QUESTION and held.opened_by_id != actor.pk
    if asked and _role(held.project_id, actor) < Role.ADJUDICATOR:
        raise MayNot("A question is settled by who asked it, an adjudicator or a manager.")
    return held


def _hold_comment(comment: Comment, actor: User) -> Comment:
    _hold_writer(comment.thread.project_id, actor)
    held = Comment.objects.select_for_update(of=("self",)).select_related("thread").get(pk=comment.pk)
    if not visible_comments(actor, [held.thread]).filter(pk=held.pk).exists():
        raise MayNot("There is no such comment for you.")
    return held


def _sent_before(author: User, key: str, words: str) -> tuple[Comment | None, str]:
    """The comment that this sending wrote before; and the key to write with, none for an old form's new words."""
    sent = Comment.objects.select_related("thread").filter(author=author, key=key).first() if key else None
    if sent is None or sent.wordings.get(number=1).text == words:
        return sent, key
    return None, ""


def _transcript(project: Project, transcript_id: int | None, anchor: Anchor | None) -> Transcript | None:
    if transcript_id is None:
        if anchor is not None:
            raise BadPlace("A place needs a transcript.")
        return None
    found = Transcript.objects.of(project.pk).filter(pk=transcript_id).first()
    if found is None:
        raise BadPlace("There is no such transcript in this project.")
    return found


def _is_blind(person: User, transcript_id: int) -> bool:
    return visible_to(person).is_veiled(transcript_id, MACHINE)


def _members(project: Project, people: Iterable[User]) -> list[int]:
    wanted = {person.pk for person in people}
    rows = Membership.objects.of_active().filter(project=project, user_id__in=wanted)
    there = set(rows.values_list("user_id", flat=True))
    if wanted - there:
        raise BadComment("Only members of the project can be addressed.")
    return sorted(there)


def _write(thread: Thread, author: User, words: str, *, number: int, key: str) -> Comment:
    blind = thread.transcript_id is not None and _is_blind(author, thread.transcript_id)
    comment = Comment.objects.create(
        thread=thread, number=number, author=author, while_blind=blind, key=key[:64]
    )
    Wording.objects.create(comment=comment, number=1, text=words)
    return comment


def _tell(comment: Comment, words: str, addressed: list[int], *, to_participants: bool = True) -> None:
    """Put the comment in the inboxes of those it is for; whoever may not see it yet meets it when they may."""
    handles = {handle: person.pk for handle, person in handles_of(comment.thread.project_id).items()}
    reasons = dict.fromkeys(named(words, handles), NAMED)
    reasons |= dict.fromkeys(addressed, ADDRESSED)
    if to_participants:
        earlier = Comment.objects.filter(thread=comment.thread_id, number__lt=comment.number)
        there = set(earlier.values_list("author_id", flat=True))
        calls = Mention.objects.filter(comment__in=earlier, why=ADDRESSED)
        there |= set(calls.values_list("person_id", flat=True))
        reasons = dict.fromkeys(sorted(there), ANSWERED) | reasons
    reasons.pop(comment.author_id, None)
    Mention.objects.bulk_create(
        [Mention(comment=comment, person_id=person_id, why=why) for person_id, why in reasons.items()],
        ignore_conflicts=True,
    )
