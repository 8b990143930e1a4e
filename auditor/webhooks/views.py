"""Webhooks of a project: the list, a new one, its log."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from auditor.accounts.access import access_project
from auditor.accounts.models import Role
from auditor.web.keyset import BadCursor, page_of
from auditor.webhooks import actions, queries
from auditor.webhooks.forms import SubscriptionForm
from auditor.webhooks.tasks import ring_deliveries

PAGE = 50


@require_GET
def subscriptions(request: HttpRequest, project: str) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    rows = queries.subscriptions_of(membership.project.pk)
    return render(request, "auditor/webhooks/list.html", {"subscriptions": rows})


@never_cache
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """A new webhook; its secret is shown in the answer and never again."""
    membership = access_project(request, project, role=Role.MANAGER)
    form = SubscriptionForm(request.POST or None)
    made = None
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.subscribe(project=membership.project, actor=membership.user, **form.cleaned_data)
        except actions.CannotSubscribe as problem:
            form.add_error(problem.field, str(problem))
    context = {"form": form, "made": made}
    return render(request, "auditor/webhooks/new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def subscription(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One webhook: its log, and on POST other kinds or another address."""
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_subscription(membership, pk)
    form = SubscriptionForm(request.POST or None, initial={"url": found.url, "kinds": found.kinds})
    if request.method == "POST" and form.is_valid():
        try:
            actions.change(subscription=found, actor=membership.user, **form.cleaned_data)
        except actions.CannotSubscribe as problem:
            form.add_error(problem.field, str(problem))
        else:
            messages.success(request, "Changed.")
            return redirect("webhooks:subscription", project=project, pk=pk)
    try:
        page = page_of(
            found.deliveries.order_by(),
            key="id",
            descending=True,
            cursor=request.GET.get("after", ""),
            size=PAGE,
        )
    except BadCursor:
        return redirect("webhooks:subscription", project=project, pk=pk)
    context = {"subscription": found, "form": form, "page": page}
    return render(request, "auditor/webhooks/log.html", context, status=422 if form.errors else 200)


@require_POST
def switch(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    found = queries.access_subscription(membership, pk)
    actions.switch(subscription=found, on=request.POST.get("on") == "1", actor=membership.user)
    return redirect("webhooks:subscription", project=project, pk=pk)


@require_POST
def remove(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    actions.remove(subscription=queries.access_subscription(membership, pk), actor=membership.user)
    return redirect("webhooks:list", project=project)


@require_POST
def send_again(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project, role=Role.MANAGER)
    delivery = queries.access_delivery(membership, pk)
    actions.send_again(delivery=delivery, actor=membership.user)
    ring_deliveries(delivery.subscription_id)
    return redirect("webhooks:subscription", project=project, pk=delivery.subscription_id)
