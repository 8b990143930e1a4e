"""Threads as one person reads them: what was said, what they may do, and nothing that is veiled to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import F, QuerySet

from auditor.accounts.models import Membership, User
from auditor.evidence.queries import MACHINE, veiled_people, visible_to
from labeling.discussion.models import ADDRESSED, QUESTION, UNNAMED, Comment, Mention, Thread
from labeling.discussion.queries import (
    handles_of,
    hidden_from,
    inbox_of,
    visible_comments,
    visible_threads,
)
from labeling.discussion.wording import pieces

MOST = 100  # threads shown at once
EXCERPT = 200  # code points of a comment in the inbox


@dataclass(frozen=True)
class Said:
    """One comment as it is shown; a removed one has no text."""

    comment: Comment
    by: str
    text: str
    pieces: tuple[tuple[str, bool], ...]  # words, and whether they name a person
    edited_at: datetime | None
    is_new: bool  # in the reader's inbox, and not read
    is_answer: bool
    removed_by: str  # empty: it stands, or its remover is not named
    may_edit: bool
    may_remove: bool
    may_be_answer: bool


@dataclass(frozen=True)
class Conversation:
    """One thread as it is shown."""

    thread: Thread
    said: tuple[Said, ...]
    addressed: tuple[str, ...]
    resolved_at: datetime | None  # as far as the reader may know
    resolved_by: User | None
    may_write: bool
    may_settle: bool
    about: str  # what it is about, by name

    @property
    def answer(self) -> Said | None:
        """The comment that answers the question, if the reader may see it."""
        return next((one for one in self.said if one.is_answer), None)

    @property
    def opener(self) -> str:
        """Who opened it, as comments say it."""
        return self.said[0].by if self.said else ""

    @property
    def is_new(self) -> bool:
        return any(one.is_new for one in self.said)

    @property
    def place(self) -> str:
        """Where it stands, as an address of the transcript's page has it; empty for the whole transcript."""
        thread = self.thread
        if thread.position is None:
            return ""
        return (
            f"{thread.position}.{thread.part}.{thread.start}-{thread.end}"
            if thread.part
            else str(thread.position)
        )


@dataclass(frozen=True)
class Note:
    """One entry of the inbox."""

    mention: Mention
    excerpt: str


def on_transcript(membership: Membership, transcript_id: int) -> list[Conversation]:
    """What the member may see of the threads on a transcript, in the order of their places."""
    rows = visible_threads(membership.user, membership.project.pk).filter(transcript_id=transcript_id)
    first = F("position").asc(nulls_first=True), F("start").asc(nulls_first=True), "id"
    return conversations(membership, list(_with_people(rows).order_by(*first)[:MOST]))


def on_codebook(membership: Membership, codebook_id: int) -> list[Conversation]:
    """The guideline questions of a codebook that the member may see, newest first."""
    rows = visible_threads(membership.user, membership.project.pk).filter(codebook_id=codebook_id)
    return conversations(membership, list(_with_people(rows).order_by("-id")[:MOST]))


def conversation(membership: Membership, thread: Thread) -> Conversation:
    """One thread that the member may see."""
    return conversations(membership, [thread])[0]


def conversations(membership: Membership, threads: Sequence[Thread]) -> list[Conversation]:
    """These threads, which the member may see, with what was said in them; in a fixed number of queries."""
    if not threads:
        return []
    person, project_id = membership.user, membership.project.pk
    said: dict[int, list[Comment]] = {thread.pk: [] for thread in threads}
    for comment in visible_comments(person, threads):
        said[comment.thread_id].append(comment)
    unread = inbox_of(person, project_id).filter(read_at__isnull=True, comment__thread__in=list(said))
    fresh = set(unread.order_by().values_list("comment_id", flat=True))
    handles = {handle: one.pk for handle, one in handles_of(project_id).items()}
    on = {thread.transcript_id for thread in threads if thread.transcript_id is not None}
    blind = visible_to(person).veiled_ids(on, MACHINE) if on else set()
    addressed = _addressed(threads)
    found = [
        _conversation(
            membership, thread, said[thread.pk], fresh, handles, addressed.get(thread.pk, ()),
            blind=thread.transcript_id in blind,
        )
        for thread in threads
    ]  # fmt: skip
    return [without_names([one], person)[0] if one.thread.kind == UNNAMED else one for one in found]


def without_names(found: Iterable[Conversation], reader: User) -> list[Conversation]:
    """The same threads, in which others are colleagues without a name."""

    def nameless(one: Said) -> Said:
        own = one.comment.author_id == reader.pk
        return replace(one, by=one.by if own else "A colleague", removed_by="")

    return [
        replace(one, said=tuple(nameless(said) for said in one.said), addressed=(), resolved_by=None)
        for one in found
    ]


def to_name(membership: Membership, transcript_id: int | None) -> list[str]:
    """What can be completed after @: members who may read what the member writes here.

    Somebody with a veil on the transcript is offered everybody, so that the list does not tell them who
    has labelled it; whoever is veiled meets the comment when they may.
    """
    project_id = membership.project.pk
    handles = {handle: one for handle, one in handles_of(project_id).items() if one.pk != membership.user.pk}
    if transcript_id is None:
        return sorted(handles, key=str.casefold)
    if not hidden_from(membership.user, transcript_id):
        hidden = veiled_people(transcript_id, MACHINE)
        handles = {handle: one for handle, one in handles.items() if one.pk not in hidden}
    return sorted(handles, key=str.casefold)


def notes(mentions: Iterable[Mention]) -> list[Note]:
    """Entries of the inbox, which carry the newest `text` of their comment."""
    return [Note(one, " ".join(str(getattr(one, "text", "") or "").split())[:EXCERPT]) for one in mentions]


def _conversation(
    membership: Membership,
    thread: Thread,
    comments: Sequence[Comment],
    fresh: set[int],
    handles: dict[str, int],
    addressed: tuple[str, ...],
    *,
    blind: bool,
) -> Conversation:
    person = membership.user
    own = thread.opened_by_id == person.pk
    # what others did with it is no less theirs than what they said
    known = thread.resolved_by if not blind or thread.resolved_by_id == person.pk else None
    answers = thread.kind == QUESTION and membership.can_adjudicate
    return Conversation(
        thread=thread,
        said=tuple(_said(membership, thread, one, fresh, handles, answers) for one in comments),
        addressed=addressed,
        resolved_at=thread.resolved_at if known is not None else None,
        resolved_by=known,
        may_write=membership.can_review,
        about=_about(thread, blind),
        may_settle=membership.can_review and (thread.kind != QUESTION or own or membership.can_adjudicate),
    )


def _about(thread: Thread, blind: bool) -> str:
    if thread.transcript is None:
        return str(thread.codebook)
    return "a transcript that you are labelling" if blind else thread.transcript.name


def _said(
    membership: Membership,
    thread: Thread,
    comment: Comment,
    fresh: set[int],
    handles: dict[str, int],
    answers: bool,
) -> Said:
    there = comment.removed_at is None
    mine = comment.author_id == membership.user.pk and membership.can_review
    text = str(getattr(comment, "text", "") or "") if there else ""
    changed = getattr(comment, "wordings_n", 1) > 1
    return Said(
        comment=comment,
        by=str(comment.author),
        text=text,
        pieces=tuple((words, person is not None) for words, person in pieces(text, handles)),
        edited_at=getattr(comment, "worded_at", None) if there and changed else None,
        is_new=comment.pk in fresh,
        is_answer=there and thread.answer_id == comment.pk,
        removed_by="" if there else str(comment.removed_by),
        may_edit=there and mine,
        may_remove=there and (mine or membership.can_manage),
        may_be_answer=there and answers and comment.number > 1 and thread.answer_id != comment.pk,
    )


def _with_people(rows: QuerySet[Thread]) -> QuerySet[Thread]:
    return rows.select_related("transcript", "codebook", "opened_by", "resolved_by")


def _addressed(threads: Sequence[Thread]) -> dict[int, tuple[str, ...]]:
    rows = Mention.objects.filter(comment__thread__in=[one.pk for one in threads], why=ADDRESSED)
    found: dict[int, tuple[str, ...]] = {}
    for one in rows.select_related("person", "comment").order_by("person__name", "person_id"):
        found[one.comment.thread_id] = (*found.get(one.comment.thread_id, ()), str(one.person))
    return found
