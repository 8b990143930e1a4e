"""Gold sets: what is known beforehand, entered or taken over from rulings."""

from django.contrib import messages
from django.db import IntegrityError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.corpus.models import Transcript
from auditor.web.templatetags.words import count_of
from labeling.codebooks.models import CodebookVersion
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.queues import actions, gold_queries, queries
from labeling.queues.actions.checking import Answer
from labeling.queues.forms import AnswerForm, GoldSetForm
from labeling.queues.models import GoldSet


@require_http_methods(["GET", "POST"])
def gold_sets(request: HttpRequest, project: str) -> HttpResponse:
    """The sets of the project, and a new one."""
    membership = access_project(request, project, role=Role.MANAGER)
    form = GoldSetForm(request.POST or None, project=membership.project)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.create_gold_set(
                project=membership.project, actor=membership.user, **form.cleaned_data
            )
        except IntegrityError:
            form.add_error("name", "This project has a gold set of that name.")
        else:
            return redirect("queues:gold_set", project=project, pk=made.pk)
    context = {"form": form, "sets": list(gold_queries.gold_sets_of(membership.project.pk)[:200])}
    return render(request, "labeling/queues/gold_sets.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def gold_set(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The answers of a set, and one more; hidden are those that the manager has yet to label blind."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = gold_queries.access_gold_set(membership, pk)
    codebook = _codebook(found)
    form = AnswerForm(request.POST or None, codebook=codebook)
    if request.method == "POST" and form.is_valid():
        transcript = _transcript(membership, form.cleaned_data["transcript"])
        if transcript is None:
            form.add_error("transcript", "No transcript of this project has that number or name.")
        else:
            answer = Answer(
                transcript.pk, tuple(form.cleaned_data["labels"]), form.cleaned_data["explanation"]
            )
            actions.add_answers(
                gold_set=found, answers=[answer], codes=codebook.by_code, actor=membership.user
            )
            return redirect("queues:gold_set", project=project, pk=pk)
    rows, hidden = gold_queries.shown_answers(found, membership.user)
    context = {
        "set": found,
        "form": form,
        "rows": [
            (one, [codebook.by_code[code] for code in one.labels if code in codebook.by_code]) for one in rows
        ],
        "hidden": hidden,
        "rounds": queries.rounds_of(membership.project.pk).filter(codebook_version__codebook=found.codebook)[
            :200
        ],
    }
    return render(request, "labeling/queues/gold_set.html", context, status=422 if form.errors else 200)


@require_POST
def from_rulings(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """Take over what was ruled in a round, as far as the manager may see it."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = gold_queries.access_gold_set(membership, pk)
    chosen = request.POST.get("round", "")
    round = queries.access_round(membership, int(chosen) if chosen.isdecimal() and len(chosen) < 18 else 0)
    codes = _codebook(found).by_code
    answers = [
        Answer(one.transcript_id, (one.label,), source=round.name)
        for one in gold_queries.rulings_of_round(round, membership.user)
        if one.label in codes
    ]
    n = actions.add_answers(gold_set=found, answers=answers, codes=codes, actor=membership.user)
    messages.success(request, f"{count_of(n, 'answer')} came from the rulings of {round}.")
    return redirect("queues:gold_set", project=project, pk=pk)


@require_POST
def remove(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = gold_queries.access_gold_set(membership, pk)
    chosen = request.POST.get("transcript", "")
    if chosen.isdecimal() and len(chosen) < 18:
        actions.remove_answer(gold_set=found, transcript_id=int(chosen), actor=membership.user)
    return redirect("queues:gold_set", project=project, pk=pk)


def _codebook(gold_set: GoldSet) -> Codebook:
    newest = CodebookVersion.objects.filter(codebook=gold_set.codebook).order_by("-number")[:1].get()
    return definition_of(newest)


def _transcript(membership: Membership, said: str) -> Transcript | None:
    """By its number, else by its name as it came."""
    rows = Transcript.objects.of(membership.project.pk)
    named = rows.filter(Q(external_id=said.strip())).order_by("pk")
    if found := named.first():
        return found
    number = said.strip().lstrip("#")
    return rows.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 18 else None
