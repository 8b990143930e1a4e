"""The editor's pages: the draft as text with its preview, and its parts as forms. Managers only."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.web.pages import render_page, wants_fragment
from labeling.codebooks import actions
from labeling.codebooks.differences import count, differences
from labeling.codebooks.editing import with_label, with_question
from labeling.codebooks.forms import CodeRows, ExampleRows, LabelForm, QuestionForm, kept
from labeling.codebooks.node import CodebookError
from labeling.codebooks.parts import Codebook as Definition
from labeling.codebooks.queries import Sheet, access_codebook, sheet_of
from labeling.codebooks.views.reading import as_file
from labeling.codebooks.walk import Walk, walk
from labeling.codebooks.written import Written, raw_difference, read_text, write_text

ANSWER, EVIDENCE = "answer.", "evidence."  # beginnings of the preview's field names
PAGE = "labeling/codebooks/draft.html"


@require_http_methods(["GET", "POST"])
def draft(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The text and its preview; a POST saves it, and is answered with where the draft then stands."""
    membership = access_project(request, project, role=Role.MANAGER)
    codebook = access_codebook(membership, pk)
    if request.method == "GET":
        return _page(request, sheet_of(codebook))
    text, base = _sent(request)
    try:
        saved = actions.save_draft(codebook=codebook, text=text, base=base, actor=membership.user)
    except actions.StaleDraft as stale:
        return _conflict(request, stale.standing, text)
    except CodebookError as error:
        return _page(request, sheet_of(codebook), problem=str(error), text=text, status=422)
    if not wants_fragment(request) or saved.text != text:  # an example came in meanwhile: show it
        return _go(request, "codebooks:draft", project, pk)
    return _page(request, sheet_of(codebook), saved=True)


@require_POST
def preview(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The path that reviewers would walk by this text, as far as it was answered here; nothing is stored."""
    access_codebook(access_project(request, project, role=Role.MANAGER), pk)
    written = read_text(request.POST.get("text", ""))
    context = {"written": written, "walk": _walk(request, written)}
    response = render(request, "labeling/codebooks/preview.html", context)
    if written.codebook is None:
        response["HX-Reswap"] = (
            "none"  # the last path that could be walked stays; the problem is swapped apart
        )
    return response


@require_POST
def publish(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Save the text as it stands in the editor, and make it the next version."""
    membership = access_project(request, project, role=Role.MANAGER)
    codebook = access_codebook(membership, pk)
    text, base = _sent(request)
    newest = sheet_of(codebook).newest
    try:
        version = actions.publish_draft(codebook=codebook, base=base, actor=membership.user, text=text)
    except actions.StaleDraft as stale:
        return _conflict(request, stale.standing, text)
    except (actions.NotPublishable, CodebookError) as problem:
        return _page(request, sheet_of(codebook), problem=str(problem), text=text, status=422)
    if newest is not None and version.number <= newest.number:
        messages.info(
            request, f"Version {version.number} already says exactly this; it was not published again."
        )
    else:
        messages.success(
            request, f"Version {version.number} is published. Rounds that are opened now can use it."
        )
    return redirect("codebooks:version", project=project, pk=version.pk)


@require_POST
def discard(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Back to the newest version."""
    membership = access_project(request, project, role=Role.MANAGER)
    codebook = access_codebook(membership, pk)
    _, base = _sent(request)
    try:
        actions.discard_draft(codebook=codebook, base=base, actor=membership.user)
    except actions.StaleDraft as stale:
        return _conflict(request, stale.standing, stale.standing.text)
    except actions.NotPublishable as problem:
        return _page(request, sheet_of(codebook), problem=str(problem), status=422)
    return redirect("codebooks:draft", project=project, pk=pk)


@require_GET
def draft_changes(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What the draft says otherwise than the newest version."""
    membership = access_project(request, project, role=Role.MANAGER)
    sheet = sheet_of(access_codebook(membership, pk))
    after = sheet.written.codebook
    sections = differences(sheet.newest_definition, after) if after is not None else ()
    before = write_text(sheet.newest_definition) if sheet.newest_definition is not None else ""
    now = write_text(after) if after is not None else sheet.text
    context = {
        "sheet": sheet,
        "before": sheet.newest,
        "sections": sections,
        "count": count(sections),
        "raw": raw_difference(before, now),
    }
    return render(request, "labeling/codebooks/changes.html", context)


@require_GET
def draft_file(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The draft as it was typed."""
    membership = access_project(request, project, role=Role.MANAGER)
    return as_file(sheet_of(access_codebook(membership, pk)).text, f"codebook-{pk}-draft.yaml")


@require_http_methods(["GET", "POST"])
def part(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One label with its examples, or one question with its answers, as a form (`?label=` or `?question=`)."""
    membership = access_project(request, project, role=Role.MANAGER)
    sheet = sheet_of(access_codebook(membership, pk))
    codebook = sheet.written.codebook
    if codebook is None:
        messages.warning(request, "The text has to read before its parts can be shown as forms.")
        return redirect("codebooks:draft", project=project, pk=pk)
    label, question = request.GET.get("label"), request.GET.get("question")
    if label in codebook.by_code:
        form, rows, change = _label_forms(request, codebook, str(label))
        name = f"{label} {codebook.by_code[str(label)].words}"
    elif question in codebook.by_key:
        form, rows, change = _question_forms(request, codebook, str(question))
        name = codebook.by_key[str(question)].text
    elif label is None and question is None:
        return redirect("codebooks:draft", project=project, pk=pk)
    else:
        raise Http404("the draft has no such part")
    problem = ""
    if request.method == "POST" and form.is_valid() and rows.is_valid():
        _, base = _sent(request)
        try:
            text = write_text(change())
            actions.save_draft(codebook=sheet.codebook, text=text, base=base, actor=membership.user)
        except CodebookError as error:
            problem = str(error)
        except actions.StaleDraft as stale:
            return _conflict(request, stale.standing, text)
        else:
            messages.success(request, f"“{name}” is saved in the draft.")
            return redirect("codebooks:draft", project=project, pk=pk)
    context = {
        "sheet": sheet,
        "name": name,
        "form": form,
        "rows": rows,
        "problem": problem,
        "is_label": label is not None,
    }
    status = 422 if problem or form.errors or rows.total_error_count() else 200
    return render(request, "labeling/codebooks/part.html", context, status=status)


def _label_forms(
    request: HttpRequest, codebook: Definition, code: str
) -> tuple[Any, Any, Callable[[], Definition]]:
    label = codebook.by_code[code]
    sides = (("is", label.examples), ("not", label.counter_examples))
    initial = [
        {"side": side, "case": one.case, "because": one.because, "source": one.source}
        for side, examples in sides
        for one in examples
    ]
    data = request.POST if request.method == "POST" else None
    form = LabelForm(data, initial=LabelForm.initial_of(label))
    rows = ExampleRows(data, initial=initial if data is None else None, prefix="rows")

    def change() -> Definition:
        return with_label(codebook, code, **form.cleaned_data, cases=[row.case_made for row in kept(rows)])

    return form, rows, change


def _question_forms(
    request: HttpRequest, codebook: Definition, key: str
) -> tuple[Any, Any, Callable[[], Definition]]:
    question = codebook.by_key[key]
    names = ("key", "value", "words", "definition", "rule")
    initial = [{name: getattr(code, name) for name in names} for code in question.codes]
    data = request.POST if request.method == "POST" else None
    form = QuestionForm(data, initial=QuestionForm.initial_of(question))
    rows = CodeRows(data, initial=initial if data is None else None, prefix="rows")

    def change() -> Definition:
        return with_question(codebook, key, **form.cleaned_data, codes=[row.code_made for row in kept(rows)])

    return form, rows, change


def _page(
    request: HttpRequest,
    sheet: Sheet,
    *,
    problem: str = "",
    text: str | None = None,
    saved: bool = False,
    status: int = 200,
) -> HttpResponse:
    written = sheet.written if text is None else read_text(text)
    context = {
        "sheet": sheet, "written": written, "text": written.text, "walk": _walk(request, written),
        "problem": problem, "saved": saved, **_about(sheet),
    }  # fmt: skip
    return render_page(request, PAGE, context, partial="state", status=status)


def _conflict(request: HttpRequest, standing: Sheet, text: str) -> HttpResponse:
    """Somebody else saved meanwhile: what theirs says otherwise, with the choice to put this text in its place."""
    mine, theirs = read_text(text), standing.written
    sections = (
        differences(theirs.codebook, mine.codebook)
        if theirs.codebook is not None and mine.codebook is not None
        else ()
    )
    context = {
        "sheet": standing, "written": mine, "text": text, "walk": _walk(request, mine), "conflict": True,
        "sections": sections, "raw": raw_difference(standing.text, text), **_about(standing),
    }  # fmt: skip
    return render_page(request, PAGE, context, partial="state", status=409)


def _about(sheet: Sheet) -> dict[str, int]:
    return {
        "pk": sheet.codebook.pk,
        "next_number": sheet.newest.number + 1 if sheet.newest is not None else 1,
    }


def _walk(request: HttpRequest, written: Written) -> Walk | None:
    if written.codebook is None:
        return None
    sent = request.POST
    said = {name[len(ANSWER) :]: sent.getlist(name) for name in sent if name.startswith(ANSWER)}
    evidence = frozenset(name[len(EVIDENCE) :] for name in sent if name.startswith(EVIDENCE))
    return walk(written.codebook, said, evidence)


def _sent(request: HttpRequest) -> tuple[str, int]:
    """The text and the number it was written over."""
    base = request.POST.get("base", "")
    text = request.POST.get("text", "").replace("\r\n", "\n")
    return text, int(base) if base.isdecimal() and len(base) < 10 else -1


def _go(request: HttpRequest, name: str, project: str, pk: int) -> HttpResponse:
    answer = redirect(name, project=project, pk=pk)
    if wants_fragment(request):
        moved = HttpResponse(status=200)
        moved["HX-Redirect"] = answer.url
        return moved
    return answer
