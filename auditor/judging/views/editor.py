"""Writing a version, with the exact prompts that it would send for a real transcript; the preview calls nothing."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.corpus.models import Transcript
from auditor.corpus.queries import messages_of
from auditor.judging import actions, queries
from auditor.judging.asking import Asked, Asker
from auditor.judging.definition import DefinitionProblem
from auditor.judging.forms import VersionForm
from auditor.judging.leftout import left_out
from auditor.judging.models import Judge, JudgeVersion
from auditor.judging.prompting import PLACEHOLDERS
from auditor.judging.prompts import Sheet, sheets
from auditor.judging.shipped import SHIPPED
from auditor.llm.models import Endpoint

MOST_SHOWN = 6  # calls whose prompts the preview writes out
FIELD = {"endpoint": "asks", "model": "asks", "examples": "keep_examples"}  # of the form


@dataclass(frozen=True)
class Preview:
    """What a version would send for one transcript."""

    transcript: Transcript
    asked: Asked
    sheets: list[Sheet]
    votes: int

    @property
    def calls(self) -> int:
        """Of all votes."""
        return len(self.asked.questions) * self.votes

    @property
    def prompt_tokens(self) -> int:
        """Estimate, of all votes."""
        return sum(one.prompt_tokens for one in self.asked.questions) * self.votes

    @property
    def answer_tokens(self) -> int:
        """The most that all answers may take."""
        return sum(one.answer_tokens for one in self.asked.questions) * self.votes

    @property
    def left_out(self) -> Any:
        """What no call shows, by reason."""
        return left_out(self.asked.unread)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """A judge and its first version, begun from a shipped rubric, a file, or nothing."""
    membership = access_project(request, project, role=Role.MANAGER)
    begun = SHIPPED.get(request.GET.get("rubric", ""))
    form = _form(request, membership, rubric=begun.text if begun else "")
    if begun and not form.is_bound:
        form.initial["name"] = begun.parsed.name
    return _edit(request, membership, form, None)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """The judge's next version, begun from its newest one or from the one that the address names."""
    membership = access_project(request, project, role=Role.MANAGER)
    judge = queries.access_judge(membership, slug)
    return _edit(request, membership, _form(request, membership, judge), judge)


@require_POST
def preview(request: HttpRequest, project: str) -> HttpResponse:
    """The prompts that the form as it stands would send; nothing is kept and nothing is called."""
    membership = access_project(request, project, role=Role.MANAGER)
    slug = request.POST.get("judge", "")
    form = _form(request, membership, queries.access_judge(membership, slug) if slug else None)
    if "name" in form.fields:
        form.fields["name"].required = False
    context: dict[str, Any] = {"form": form, "looking": True}
    if form.is_valid():
        try:
            context["preview"] = _previewed(form, membership, request.POST.get("transcript", "").strip())
        except DefinitionProblem as problem:
            _refuse(form, problem)
        except LookupError as problem:
            context["fault"] = str(problem)
    return render(request, "auditor/judging/preview.html", context)


def _form(
    request: HttpRequest, membership: Membership, judge: Judge | None = None, rubric: str = ""
) -> VersionForm:
    endpoints = list(Endpoint.objects.standing().filter(project=membership.project_id).order_by("name"))
    before = None
    if judge is not None:
        rows = queries.versions_of(membership.project_id).filter(judge=judge, imported=False)
        number = request.GET.get("from", "")
        before = rows.filter(number=int(number)).first() if number.isdecimal() and len(number) < 9 else None
        before = before or rows.order_by("-number").first()
    posted = request.POST if request.method == "POST" else None
    return VersionForm(
        posted,
        request.FILES or None,
        endpoints=endpoints,
        before=before,
        rubric=rubric,
        named=judge is not None,
    )


def _edit(
    request: HttpRequest, membership: Membership, form: VersionForm, judge: Judge | None
) -> HttpResponse:
    same: JudgeVersion | None = None
    if "take" in request.POST:
        _take_file(form)
    elif request.method == "POST" and form.is_valid():
        try:
            version = _write(form, membership, judge)
        except DefinitionProblem as problem:
            _refuse(form, problem)
        except actions.SameVersion as problem:
            same = problem.version
        else:
            return redirect("judging:judge", project=membership.project.slug, slug=version.judge.slug)
    context = {
        "form": form, "judge": judge, "same": same, "has_endpoint": bool(form.endpoints),
        "placeholders": PLACEHOLDERS.items(),
    }  # fmt: skip
    refused = (form.is_bound and bool(form.errors)) or same is not None
    return render(request, "auditor/judging/editor.html", context, status=422 if refused else 200)


def _write(form: VersionForm, membership: Membership, judge: Judge | None) -> JudgeVersion:
    """The version, and the judge with it if there is none yet.

    Raises:
        DefinitionProblem, SameVersion: see `actions`.
    """
    with transaction.atomic():
        if judge is None:
            name = form.cleaned_data["name"]
            judge = actions.create_judge(project=membership.project, name=name, actor=membership.user)
        return actions.write_version(
            judge=judge, actor=membership.user, note=form.cleaned_data["note"],
            examples_from=form.examples_from(), **form.parts(),
        )  # fmt: skip


def _take_file(form: VersionForm) -> None:
    """Put a file's text where the rubric was; nothing is saved by that."""
    form.full_clean()
    form.errors.clear()
    try:
        text = form.taken_in()
    except ValueError as problem:
        form.add_error("file", str(problem))
    else:
        form.data = form.data.copy()  # type: ignore[attr-defined]  # of a request it is a QueryDict
        form.data["rubric"] = text  # type: ignore[index]


def _refuse(form: VersionForm, problem: DefinitionProblem) -> None:
    field = FIELD.get(problem.field, problem.field)
    form.add_error(field if field in form.fields else None, str(problem))
    form.line = getattr(problem.__cause__, "line", 0)


def _previewed(form: VersionForm, membership: Membership, wanted: str) -> Preview:
    """The prompts for the transcript of this number or name, or for the newest.

    Raises:
        DefinitionProblem: see `actions.checked`.
        LookupError: there is no such transcript.
    """
    parts = form.parts()
    made = actions.checked(**parts)
    version = JudgeVersion(
        digest=made.digest, rubric=made.rubric, template=made.template, model=made.model, base_url=made.base_url,
        parameters=made.parameters.to_json(), renderer=made.renderer.to_json(), votes=made.votes,
        examples=[dict(one) for one in made.examples],
    )  # fmt: skip
    rows = Transcript.objects.of(membership.project_id)
    if wanted:
        rows = (
            rows.filter(pk=int(wanted))
            if wanted.isdecimal() and len(wanted) < 19
            else rows.filter(external_id=wanted)
        )
    transcript = rows.order_by("-pk").first()
    if transcript is None:
        raise LookupError(
            "There is no such transcript in this project." if wanted else "Import a transcript first."
        )
    asked = Asker(version).ask(
        messages_of([transcript.pk])[transcript.pk], fingerprint=transcript.fingerprint
    )
    return Preview(transcript, asked, sheets(asked.questions[:MOST_SHOWN], version), made.votes)
