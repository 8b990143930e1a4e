"""One dictionary: adding it, its features found by words or number, explanations brought in, features pinned."""

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.interp import queries, tasks
from auditor.interp.actions import features
from auditor.interp.actions.dictionaries import add_from_upload, archive_dictionary
from auditor.interp.actions.naming import CannotDo
from auditor.interp.forms import DictionaryForm, ExplanationsForm, FeaturesForm
from auditor.interp.models import Dictionary
from auditor.web.keyset import BadCursor, page_of
from auditor.web.pages import render_page

PAGE = 50
TEMPLATE = "auditor/interp/dictionary.html"


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Add one from its files."""
    membership = access_project(request, project, role=Role.MANAGER)
    form = DictionaryForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = add_from_upload(project=membership.project, actor=membership.user, **form.cleaned_data)
        except CannotDo as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
        else:
            return redirect("interp:dictionary", project=project, dictionary=made.slug)
    return render(
        request, "auditor/interp/new_dictionary.html", {"form": form}, status=422 if form.errors else 200
    )


@require_GET
def dictionary(request: HttpRequest, project: str, dictionary: str) -> HttpResponse:
    """What it is, and its known features; a search changes the address and swaps the rows alone."""
    membership = access_project(request, project)
    found = queries.access_dictionary(membership, dictionary)
    try:
        context = _context(request, membership, found)
    except BadCursor:
        return redirect("interp:dictionary", project=project, dictionary=dictionary)
    partial = "brought" if "brought" in request.GET else "features"
    return render_page(request, TEMPLATE, context, partial=partial)


def _context(request: HttpRequest, membership: Membership, found: Dictionary) -> dict[str, Any]:
    words = request.GET.get("q", "").replace("\0", "")[:200]
    pinned = request.GET.get("pinned", "") == "1"
    rows = queries.features_of(found, words, pinned=pinned)
    page = page_of(rows, key="index", descending=False, cursor=request.GET.get("after", ""), size=PAGE)
    return {
        "dictionary": found, "page": page, "words": words, "pinned": pinned, "narrowed": bool(words or pinned),
        "explanations": ExplanationsForm(), "pinning": FeaturesForm(), "brought": queries.brought_to(found),
    }  # fmt: skip


@require_POST
def pin(request: HttpRequest, project: str, dictionary: str) -> HttpResponse:
    """Give features a channel, so that captures watch them."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_dictionary(membership, dictionary)
    form = FeaturesForm(request.POST)
    if form.is_valid():
        try:
            n = features.pin_features(
                dictionary=found, indices=form.cleaned_data["features"], actor=membership.user
            )
        except CannotDo as problem:
            form.add_error("features", str(problem))
        else:
            messages.success(
                request,
                f"{n:,} more {'is' if n == 1 else 'are'} pinned." if n else "They were pinned already.",
            )
            return redirect("interp:dictionary", project=project, dictionary=dictionary)
    return render(request, TEMPLATE, _context(request, membership, found) | {"pinning": form}, status=422)


@require_POST
def explain(request: HttpRequest, project: str, dictionary: str) -> HttpResponse:
    """Take in a file of explanations and densities."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_dictionary(membership, dictionary)
    form = ExplanationsForm(request.POST, request.FILES)
    context = _context(request, membership, found) | {"explanations": form}
    if not form.is_valid():
        return render(request, TEMPLATE, context, status=422)
    sent = form.cleaned_data["file"]
    assert isinstance(sent, UploadedFile)
    try:
        tasks.queue_explanations(
            dictionary=found, chunks=sent.chunks(), file_name=str(sent.name or "file"), actor=membership.user,
            source=form.cleaned_data["source"], context_tokens=form.cleaned_data["context_tokens"],
            n_examples=form.cleaned_data["n_examples"],
        )  # fmt: skip
    except CannotDo as problem:
        form.add_error("file", str(problem))
        return render(request, TEMPLATE, context, status=422)
    return redirect("interp:dictionary", project=project, dictionary=dictionary)


@require_POST
def archive(request: HttpRequest, project: str, dictionary: str) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_dictionary(membership, dictionary)
    archive_dictionary(dictionary=found, actor=membership.user, archived=request.POST.get("archived") == "1")
    return redirect("interp:dictionary", project=project, dictionary=dictionary)
