"""Questions about subscriptions and their log."""

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from auditor.accounts.models import Membership
from auditor.ledger.models import Event
from auditor.webhooks.models import Delivery, Subscription


def subscriptions_of(project_id: int) -> QuerySet[Subscription]:
    """The subscriptions of a project, newest first, with `n_waiting` and `n_given_up`."""
    return (
        Subscription.objects.standing()
        .filter(project_id=project_id)
        .annotate(
            n_waiting=Count("deliveries", filter=Q(deliveries__state="waiting")),
            n_given_up=Count("deliveries", filter=Q(deliveries__state="given_up")),
        )
        .order_by("-pk")
    )


def events_for(subscription: Subscription, whole: int) -> QuerySet[Event]:
    """The events after the subscription's cursor that it is to be told of, the oldest first."""
    wanted = Q(pk__in=[])
    for kind in subscription.kinds:
        wanted |= Q(verb__startswith=kind[:-1]) if kind.endswith(".*") else Q(verb=kind)
    rows = Event.objects.filter(
        wanted, project_id=subscription.project_id, pk__gt=subscription.cursor, pk__lte=whole
    )
    return rows.order_by("pk")


def due_now() -> list[int]:
    """Ids of the subscriptions that have something to send and are neither held nor off, 50 at most."""
    now = timezone.now()
    due = Delivery.objects.filter(subscription=OuterRef("pk"), state="waiting", due_at__lte=now)
    rows = Subscription.objects.active().filter(Exists(due), held_until__lte=now)
    return list(rows.order_by("held_until").values_list("pk", flat=True)[:50])


def next_due(subscription_id: int) -> Delivery | None:
    """The delivery that has been due for longest."""
    rows = Delivery.objects.select_related("subscription__project").filter(
        subscription=subscription_id, state="waiting", due_at__lte=timezone.now()
    )
    return rows.order_by("due_at", "pk").first()


def access_subscription(membership: Membership, pk: int) -> Subscription:
    """A subscription of the member's project.

    Raises:
        Http404: not in this project, or removed.
    """
    found = subscriptions_of(membership.project.pk).filter(pk=pk).first()
    if found is None:
        raise Http404("no such webhook")
    return found


def access_delivery(membership: Membership, pk: int) -> Delivery:
    """A delivery of a subscription of the member's project.

    Raises:
        Http404: not in this project, or its subscription was removed.
    """
    rows = Delivery.objects.select_related("subscription").filter(
        subscription__project=membership.project, subscription__removed_at__isnull=True
    )
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404("no such delivery")
    return found
