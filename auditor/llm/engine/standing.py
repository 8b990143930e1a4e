"""What an endpoint's row says while calls run, and what calls teach about it."""

from django.db import transaction

from auditor.ledger.actions import record
from auditor.llm.engine.stops import EndpointDown
from auditor.llm.models import OUTPUTS, Endpoint


def look_at(endpoint: Endpoint) -> Endpoint:
    """The row as it is now.

    Raises:
        EndpointDown: it was put away.
    """
    row = Endpoint.objects.standing().filter(pk=endpoint.pk).first()
    if row is None:
        raise EndpointDown(f"The endpoint {endpoint} was put away.")
    return row


def lower_output(endpoint: Endpoint, output: str) -> None:
    """The endpoint takes no more than `output`; safe to repeat, and never raises what it is known to take."""
    stricter = OUTPUTS[: OUTPUTS.index(output)]
    with transaction.atomic():
        if Endpoint.objects.filter(pk=endpoint.pk, output__in=stricter).update(output=output):
            record(
                verb="endpoint.output_lowered",
                subject=endpoint,
                project_id=endpoint.project_id,
                output=output,
            )
