"""Signing in, joining by invitation, one-time links, and the people of a project."""

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts import actions, queries
from auditor.accounts.access import access_invitation, access_member, access_project, person
from auditor.accounts.forms import InviteForm, JoinForm, PasswordForm, RoleForm, SignInForm
from auditor.accounts.models import Role
from auditor.web.keyset import BadCursor, page_of

PEOPLE = "auditor/accounts/people.html"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@method_decorator([never_cache, login_not_required], name="dispatch")
class SignIn(LoginView):
    """Address and password; people who are in already go on."""

    template_name = "auditor/accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("accounts:sign_in")


@never_cache
@login_not_required
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """A one-time sign-in link: opening it shows a button, so that a preview does not spend it."""
    try:
        if request.method == "POST":
            login(request, actions.sign_in_by_link(token=token), backend=BACKEND)
            return redirect("overview:home")
        found = actions.find_link(token=token, purpose="sign_in")
    except actions.LinkSpent as problem:
        return _spent(request, problem)
    return render(request, "auditor/accounts/link.html", {"link": found})


@never_cache
@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def reset(request: HttpRequest, token: str) -> HttpResponse:
    """A new password by a one-time link."""
    form = PasswordForm(request.POST or None)
    try:
        found = actions.find_link(token=token, purpose="reset")
        if request.method == "POST" and form.is_valid():
            user = actions.set_password_by_link(token=token, password=form.cleaned_data["password"])
            login(request, user, backend=BACKEND)
            messages.success(request, "Your new password is set.")
            return redirect("overview:home")
    except actions.LinkSpent as problem:
        return _spent(request, problem)
    except ValidationError as problem:
        form.add_error("password", problem)
    return render(
        request,
        "auditor/accounts/reset.html",
        {"form": form, "link": found},
        status=422 if form.errors else 200,
    )


@never_cache
@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Join a project: as the person signed in, or as a new one who sets a password."""
    try:
        found = actions.find_link(token=token, purpose="invitation")
        form = JoinForm(request.POST or None, initial={"email": found.email})
        if request.method == "POST" and request.user.is_authenticated:
            project = actions.accept_as_member(token=token, user=person(request))
            return redirect("overview:project", project=project.slug)
        if request.method == "POST" and form.is_valid():
            user = actions.accept_as_new_person(token=token, **form.cleaned_data)
            login(request, user, backend=BACKEND)
            return redirect("overview:project", project=found.project.slug if found.project else "")
    except actions.LinkSpent as problem:
        return _spent(request, problem)
    except actions.NotAllowed as problem:
        form.add_error("email", str(problem))
    except ValidationError as problem:
        form.add_error("password", problem)
    return render(
        request,
        "auditor/accounts/invitation.html",
        {"form": form, "link": found},
        status=422 if form.errors else 200,
    )


def _spent(request: HttpRequest, problem: Exception) -> HttpResponse:
    return render(request, "auditor/accounts/link_spent.html", {"problem": problem}, status=410)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """One's own account: who one is here, and a password."""
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = person(request)
        try:
            actions.set_own_password(user=user, password=form.cleaned_data["password"])
        except ValidationError as problem:
            form.add_error("password", problem)
        else:
            login(request, user, backend=BACKEND)
            messages.success(request, "Your password is set.")
            return redirect("accounts:profile")
    user = person(request)
    context = {
        "form": form,
        "memberships": queries.memberships_of(user),
        "tokens": queries.tokens_of(user)[:200],
    }
    return render(request, "auditor/accounts/profile.html", context, status=422 if form.errors else 200)


@require_GET
def people(request: HttpRequest, project: str) -> HttpResponse:
    """Who is in the project; owners see what they may change."""
    return _people(request, project)


def _people(
    request: HttpRequest, slug: str, *, made: str = "", made_for: str = "", status: int = 200
) -> HttpResponse:
    """`made` is the address of a link just issued: shown now, and never again."""
    membership = access_project(request, slug)
    context = {
        "members": queries.members_of(membership.project),
        "invitations": queries.open_invitations(membership.project) if membership.is_owner else [],
        "roles": Role.choices,
        "form": InviteForm(),
        "made": made,
        "made_for": made_for,
    }
    return render(request, PEOPLE, context, status=status)


@never_cache
@require_POST
def invite(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project, role=Role.OWNER)
    form = InviteForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a role, and an address that is one.")
        return redirect("accounts:people", project=project)
    token = actions.invite(project=membership.project, actor=membership.user, **form.cleaned_data)
    role = Role(form.cleaned_data["role"]).label
    return _people(
        request, project, made=_absolute(request, "accounts:invitation", token), made_for=f"a new {role}"
    )


@require_POST
def withdraw(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.OWNER)
    actions.withdraw_invitation(link=access_invitation(membership, pk), actor=membership.user)
    return redirect("accounts:people", project=project)


@never_cache
@require_POST
def reset_link(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.OWNER)
    member = access_member(membership, pk)
    token = actions.issue_link(
        user=member.user, purpose="reset", actor=membership.user, project=membership.project
    )
    return _people(
        request, project, made=_absolute(request, "accounts:reset", token), made_for=str(member.user)
    )


@require_POST
def change_role(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.OWNER)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            actions.change_role(
                membership=access_member(membership, pk), actor=membership.user, **form.cleaned_data
            )
        except actions.NotAllowed as problem:
            messages.error(request, str(problem))
    return redirect("accounts:people", project=project)


@require_POST
def set_active(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.OWNER)
    try:
        actions.set_active(
            membership=access_member(membership, pk),
            active=request.POST.get("active") == "1",
            actor=membership.user,
        )
    except actions.NotAllowed as problem:
        messages.error(request, str(problem))
    return redirect("accounts:people", project=project)


@require_GET
def ledger(request: HttpRequest, project: str) -> HttpResponse:
    """Who did what, newest first."""
    membership = access_project(request, project, role=Role.MANAGER)
    try:
        page = page_of(
            queries.events_of(membership.project),
            key="id",
            descending=True,
            cursor=request.GET.get("after", ""),
            size=100,
        )
    except BadCursor:
        return redirect("accounts:ledger", project=project)
    return render(request, "auditor/accounts/ledger.html", {"page": page})


def _absolute(request: HttpRequest, name: str, token: str) -> str:
    return request.build_absolute_uri(reverse(name, args=[token]))
