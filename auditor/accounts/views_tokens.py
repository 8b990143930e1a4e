"""Tokens of a project: one's own, and for an owner everybody's."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from auditor.accounts import queries
from auditor.accounts.access import access_project, access_token
from auditor.accounts.actions import NotAllowed
from auditor.accounts.forms import TokenForm
from auditor.accounts.tokens import make_token, revoke_token

LISTED = 500


@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest, project: str) -> HttpResponse:
    """The list, and a form; a token just made is shown in the answer and never again."""
    membership = access_project(request, project)
    form = TokenForm(request.POST or None, membership=membership)
    made, words = None, ""
    if request.method == "POST" and form.is_valid():
        days = form.cleaned_data["days"]
        try:
            made, words = make_token(
                membership=membership, name=form.cleaned_data["name"], scope=form.cleaned_data["scope"],
                expires_at=timezone.now() + timedelta(days=days) if days else None, actor=membership.user,
            )  # fmt: skip
        except NotAllowed as problem:
            form.add_error(None, str(problem))
        else:
            form = TokenForm(membership=membership)
    context = {"form": form, "tokens": queries.tokens_for(membership)[:LISTED], "made": made, "words": words}
    status = 422 if form.errors else 200
    return render(request, "auditor/accounts/tokens.html", context, status=status)


@require_POST
def revoke(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project)
    revoke_token(token=access_token(membership, pk), actor=membership.user)
    return redirect("accounts:tokens", project=project)
