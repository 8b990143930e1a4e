"""Limits of an endpoint, shared by all workers through the database: its clock is the only one."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Least

from auditor.llm.allowance import Allowance, grant
from auditor.llm.models import Bucket, Endpoint


@dataclass(frozen=True, slots=True)
class Permits:
    """How many of the calls that asked may go now, and when the next may."""

    calls: int
    wait: float  # seconds


def allowances(endpoint: Endpoint) -> dict[str, Allowance]:
    """The endpoint's limits, those that it has."""
    found = {}
    if endpoint.requests_per_minute is not None:
        found["requests"] = Allowance.of_requests(endpoint.requests_per_minute)
    if endpoint.tokens_per_minute is not None:
        found["tokens"] = Allowance.of_tokens(endpoint.tokens_per_minute)
    return found


def take(endpoint: Endpoint, tokens: Sequence[int]) -> Permits:
    """Take what calls need from the endpoint's buckets, for as many of them as may go now, in their order.

    Args:
        tokens: what each call could use at the most; what it did not use is given back by `give_back`.
    """
    limits = allowances(endpoint)
    if not limits or not tokens:
        return Permits(len(tokens), 0.0)
    with transaction.atomic(), connection.cursor() as cursor:
        levels = _levels(endpoint.pk, limits)
        granted = grant(limits, levels, tokens)
        cursor.executemany(
            "UPDATE llm_bucket SET level = %s, at = clock_timestamp() WHERE endpoint_id = %s AND kind = %s",
            [(level, endpoint.pk, kind) for kind, level in granted.levels.items()],
        )
    return Permits(granted.calls, granted.wait)


def give_back(endpoint: Endpoint, tokens: int) -> None:
    """Tokens that were taken for calls which then used fewer."""
    limit = allowances(endpoint).get("tokens")
    if limit is not None and tokens > 0:
        rows = Bucket.objects.filter(endpoint=endpoint, kind="tokens")
        rows.update(level=Least(F("level") + tokens, limit.most))


def hold(endpoint: Endpoint, seconds: float) -> None:
    """Nobody sends to the endpoint for so long, whichever worker; a longer hold that is there stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE llm_endpoint SET held_until = GREATEST(held_until, clock_timestamp() + make_interval(secs => %s))"
            " WHERE id = %s",
            [seconds, endpoint.pk],
        )


def held_for(endpoint: Endpoint) -> float:
    """Seconds for which nobody sends, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT GREATEST(0, EXTRACT(EPOCH FROM held_until - clock_timestamp()))::float8 FROM llm_endpoint WHERE id = %s",
            [endpoint.pk],
        )
        row = cursor.fetchone()
    return float(row[0] or 0.0) if row else 0.0


def _levels(endpoint_id: int, limits: dict[str, Allowance]) -> dict[str, float]:
    """The levels now, locked until the transaction ends; a bucket that is new is full."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, level, EXTRACT(EPOCH FROM clock_timestamp() - at)::float8 FROM llm_bucket"
            " WHERE endpoint_id = %s AND kind = ANY(%s) ORDER BY kind FOR UPDATE",
            [endpoint_id, list(limits)],
        )
        found = {kind: limits[kind].filled(level, seconds) for kind, level, seconds in cursor.fetchall()}
    if missing := set(limits) - set(found):
        new = [
            Bucket(endpoint_id=endpoint_id, kind=kind, level=limits[kind].most) for kind in sorted(missing)
        ]
        Bucket.objects.bulk_create(new, ignore_conflicts=True)
        return _levels(endpoint_id, limits)
    return found
