"""Pages and fragments of discussions: beside a transcript, of a codebook, one thread, and the inbox."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership
from auditor.corpus.models import Transcript
from auditor.web.keyset import BadCursor, page_of
from auditor.web.pages import render_page, wants_fragment
from labeling.discussion import actions
from labeling.discussion.conversations import (
    MOST,
    conversation,
    notes,
    on_codebook,
    on_transcript,
    to_name,
    without_names,
)
from labeling.discussion.forms import TextForm, ThreadForm, new_key
from labeling.discussion.models import QUESTION, Comment, Thread
from labeling.discussion.queries import access_comment, access_thread, hidden_from, inbox_of, unread_of

PLACE, BOOK = "labeling/discussion/transcript.html", "labeling/discussion/codebook.html"
ONE, INBOX = "labeling/discussion/thread.html", "labeling/discussion/inbox.html"
SIZE = 50  # entries of the inbox on a page
Refused = (actions.BadComment, actions.BadPlace, actions.MayNot)


@require_http_methods(["GET", "POST"])
def transcript(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The threads on a transcript, to stand beside it; a POST opens one."""
    membership = access_project(request, project)
    row = get_object_or_404(Transcript.objects.of(membership.project.pk), pk=pk)
    if request.method == "POST":
        form = ThreadForm(request.POST)
        try:
            _check(form)
            thread = actions.open_thread(
                project=membership.project, author=membership.user, text=form.cleaned_data["text"],
                transcript_id=row.pk, anchor=form.anchor, key=form.cleaned_data["key"],
            )  # fmt: skip
        except Refused as problem:
            return _beside(request, membership, row, problem=str(problem), typed=request.POST)
        if not wants_fragment(request):
            return redirect("discussion:thread", project=project, pk=thread.pk)
    return _beside(request, membership, row)


@require_http_methods(["GET", "POST"])
def codebook(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The guideline questions of a codebook, the open ones first; a POST asks one."""
    membership = access_project(request, project)
    book = get_object_or_404(membership.project.codebooks, pk=pk)
    problem = ""
    if request.method == "POST":
        form = TextForm(request.POST)
        try:
            _check(form)
            actions.open_thread(
                project=membership.project, author=membership.user, text=form.cleaned_data["text"],
                codebook_id=book.pk, kind=QUESTION, key=form.cleaned_data["key"],
            )  # fmt: skip
            return redirect("discussion:codebook", project=project, pk=pk)
        except Refused as refused:
            problem = str(refused)
    questions = on_codebook(membership, book.pk)
    context = {
        "book": book, "version": book.versions.defer("definition").order_by("-number").first(),
        "open": [one for one in questions if one.resolved_at is None],
        "settled": [one for one in questions if one.resolved_at is not None],
        "full": len(questions) == MOST, "people": to_name(membership, None), "key": new_key(), "problem": problem,
        "text": request.POST.get("text", "") if problem else _asked_before(request, membership),
    }  # fmt: skip
    return render(request, BOOK, context, status=422 if problem else 200)


@require_http_methods(["GET", "POST"])
def thread(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One thread by itself; a POST answers in it."""
    membership = access_project(request, project)
    row = access_thread(membership, pk)
    if request.method == "GET":
        return _one(request, membership, row)
    form = TextForm(request.POST)
    try:
        _check(form)
        actions.reply(
            thread=row, author=membership.user, text=form.cleaned_data["text"], key=form.cleaned_data["key"]
        )
    except Refused as problem:
        return _one(request, membership, row, problem=str(problem), typed=request.POST)
    return _after(request, membership, row)


@require_POST
def settle(request: HttpRequest, project: str, pk: int, *, done: bool) -> HttpResponse:
    """Resolve a thread, or open it again."""
    membership = access_project(request, project)
    row = access_thread(membership, pk)
    act = actions.resolve if done else actions.reopen
    try:
        act(thread=row, actor=membership.user)
    except actions.MayNot as problem:
        return _one(request, membership, row, problem=str(problem))
    return _after(request, membership, row)


@require_POST
def comment(request: HttpRequest, project: str, pk: int, *, act: str) -> HttpResponse:
    """Change or remove a comment, or let it be the answer to the question."""
    membership = access_project(request, project)
    row = access_comment(membership, pk)
    try:
        _act(act, row, membership, request.POST)
    except Refused as problem:
        return _one(request, membership, access_thread(membership, row.thread_id), problem=str(problem))
    return _after(request, membership, row.thread)


@require_POST
def read(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The person has read a thread."""
    membership = access_project(request, project)
    row = access_thread(membership, pk)
    actions.mark_read(person=membership.user, project_id=membership.project.pk, threads=[row.pk])
    return _after(request, membership, row)


@require_http_methods(["GET", "POST"])
def inbox(request: HttpRequest, project: str) -> HttpResponse:
    """What others wrote for this person; a POST marks all of it as read."""
    membership = access_project(request, project)
    person, project_id = membership.user, membership.project.pk
    if request.method == "POST":
        actions.mark_read(person=person, project_id=project_id)
        return redirect("discussion:inbox", project=project)
    everything = "all" in request.GET
    rows = inbox_of(person, project_id)
    rows = rows if everything else rows.filter(read_at__isnull=True)
    try:
        page = page_of(rows, key="id", descending=True, cursor=request.GET.get("after", ""), size=SIZE)
    except BadCursor:
        return redirect("discussion:inbox", project=project)
    context = {
        "page": page, "notes": notes(page.rows), "everything": everything,
        "n_unread": unread_of(person, project_id),
    }  # fmt: skip
    return render_page(request, INBOX, context, partial="rows")


def _check(form: TextForm) -> None:
    if not form.is_valid():
        raise actions.BadComment("This comment is too long, or its place cannot be read.")


def _act(act: str, row: Comment, membership: Membership, sent: Mapping[str, Any]) -> None:
    if act == "edit":
        actions.edit(comment=row, author=membership.user, text=str(sent.get("text", "")))
    elif act == "remove":
        actions.remove(comment=row, actor=membership.user)
    else:
        actions.answer(thread=row.thread, comment=row, actor=membership.user)


def _asked_before(request: HttpRequest, membership: Membership) -> str:
    """The words of a thread that shall be asked again for everybody: `?from=12`."""
    given = request.GET.get("from", "")
    if not (given.isascii() and given.isdecimal() and len(given) < 19):
        return ""
    found = conversation(membership, access_thread(membership, int(given)))
    return found.said[0].text if found.said else ""


def _beside(
    request: HttpRequest,
    membership: Membership,
    row: Transcript,
    *,
    problem: str = "",
    typed: Mapping[str, Any] | None = None,
) -> HttpResponse:
    found = on_transcript(membership, row.pk)
    unnamed = "unnamed" in request.GET
    if unnamed:
        found = without_names(found, membership.user)
    context = {
        "row": row, "threads": [one for one in found if one.resolved_at is None],
        "settled": [one for one in found if one.resolved_at is not None], "full": len(found) == MOST,
        "people": [] if unnamed else to_name(membership, row.pk), "key": new_key(), "problem": problem,
        "typed": typed or {}, "unnamed": unnamed,
        "veiled": hidden_from(membership.user, row.pk),
    }  # fmt: skip
    status = 422 if problem else 200
    return render_page(request, PLACE, context, partial="discussion", status=status)


def _one(
    request: HttpRequest,
    membership: Membership,
    row: Thread,
    *,
    problem: str = "",
    typed: Mapping[str, Any] | None = None,
) -> HttpResponse:
    found = conversation(membership, row)
    unnamed = "unnamed" in request.GET
    if unnamed:
        (found,) = without_names([found], membership.user)
    context = {
        "one": found, "people": [] if unnamed else to_name(membership, row.transcript_id), "key": new_key(),
        "problem": problem, "typed": typed or {}, "unnamed": unnamed,
    }  # fmt: skip
    return render_page(request, ONE, context, partial="conversation", status=409 if problem else 200)


def _after(request: HttpRequest, membership: Membership, row: Thread) -> HttpResponse:
    """The thread as it stands now: in place for htmx, else its page."""
    if not wants_fragment(request):
        return _back(membership, row)
    return _one(request, membership, access_thread(membership, row.pk))


def _back(membership: Membership, row: Thread) -> HttpResponse:
    if row.transcript_id is None and row.codebook_id is not None:
        where = reverse("discussion:codebook", args=[membership.project.slug, row.codebook_id])
        return redirect(f"{where}#thread-{row.pk}")
    return redirect("discussion:thread", project=membership.project.slug, pk=row.pk)
