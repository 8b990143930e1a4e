"""What managers decide of a whole round: what becomes a case, and what a bulk rule settles."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from auditor.accounts.access import access_project
from auditor.accounts.models import Membership, Role
from auditor.web.pages import render_page
from labeling.adjudication import actions, tasks
from labeling.adjudication.bulkrules import BULK, BadBulkRule, BulkRule
from labeling.adjudication.caserules import BadRules, Rules
from labeling.adjudication.docket import bulk_runs_of, in_words
from labeling.adjudication.forms import BulkForm, axis_rows, read_rules
from labeling.adjudication.queries import rules_of
from labeling.adjudication.queries.previews import plan_bulk, preview_rules
from labeling.agreement.dawid_skene import WHY_NOT
from labeling.codebooks.queries import definition_of
from labeling.queues.models import Round
from labeling.queues.queries import access_round


@require_http_methods(["GET", "POST"])
def rules(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The rules that say what becomes a case in a round, and what others would change."""
    membership = access_project(request, project, role=Role.MANAGER)
    round = access_round(membership, pk)
    standing = rules_of(round)
    if request.method == "GET":
        return _rules_page(request, membership, round, standing.rules)
    try:
        given = read_rules(definition_of(round.codebook_version), request.POST)
        if "preview" in request.POST:
            return _rules_page(request, membership, round, given, preview=True)
        made = actions.change_rules(round=round, rules=given, actor=membership.user)
    except BadRules as problem:
        shown = read_rules(definition_of(round.codebook_version), request.POST, checked=False)
        return _rules_page(request, membership, round, shown, error=str(problem), status=422)
    if made is None:
        messages.info(request, "These are the rules already.")
        return redirect("adjudication:rules", project=project, pk=pk)
    tasks.queue_run(made)
    return redirect("runs:run", project=project, pk=made.run_id)


@require_http_methods(["GET", "POST"])
def bulk(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """A bulk rule: what it would settle, and its application."""
    membership = access_project(request, project, role=Role.MANAGER)
    round = access_round(membership, pk)
    if request.method == "POST":
        form = BulkForm(request.POST)
        if form.is_valid():
            try:
                made = actions.open_bulk(round=round, rule=form.rule, actor=membership.user)
            except BadBulkRule as problem:
                form.add_error(None, str(problem))
            else:
                tasks.queue_run(made)
                return redirect("runs:run", project=project, pk=made.run_id)
        return _bulk_page(request, membership, round, form, status=422)
    asked = request.GET.get("kind", "") in BULK
    return _bulk_page(request, membership, round, BulkForm(request.GET if asked else None))


def _rules_page(
    request: HttpRequest,
    membership: Membership,
    round: Round,
    rules: Rules,
    *,
    preview: bool = False,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "round": round,
        "rows": axis_rows(definition_of(round.codebook_version), rules),
        "rules": rules,
        "number": rules_of(round).number,
        "preview": preview_rules(round, rules, membership.user) if preview else None,
        "error": error,
    }
    return render_page(request, "labeling/adjudication/rules.html", context, partial="preview", status=status)


def _bulk_page(
    request: HttpRequest, membership: Membership, round: Round, form: BulkForm, *, status: int = 200
) -> HttpResponse:
    rule: BulkRule | None = form.rule if form.is_bound and form.is_valid() else None
    plan = plan_bulk(round, rule, membership.user) if rule is not None else None
    codebook = definition_of(round.codebook_version)
    context = {
        "round": round,
        "form": form,
        "rule": rule,
        "plan": plan,
        "by_label": [(codebook.by_code[code].words, n) for code, n in plan.by_label] if plan else [],
        "examples": [in_words(one, codebook) for one in plan.examples] if plan else [],
        "runs": bulk_runs_of(round, membership.user),
        "why_not": WHY_NOT,
    }
    return render_page(request, "labeling/adjudication/bulk.html", context, partial="plan", status=status)
