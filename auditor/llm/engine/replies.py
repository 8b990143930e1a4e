"""Answers kept for ever, and found again."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from auditor.llm.engine.answers import Answer, written
from auditor.llm.models import Endpoint, Reply

COLUMNS = (
    "project_id", "endpoint_id", "key", "model", "content", "refusal", "finish_reason", "logprobs", "raw",
    "prompt_tokens", "completion_tokens", "cost", "latency_ms", "attempts", "created_at",
)  # fmt: skip
ROW = "(" + ", ".join("%s::jsonb" if name in ("logprobs", "raw") else "%s" for name in COLUMNS) + ")"


def find(project_id: int, keys: Iterable[str]) -> dict[str, Reply]:
    """The replies that are there for these keys."""
    return {row.key: row for row in Reply.objects.filter(project_id=project_id, key__in=list(keys))}


def reply_of(
    endpoint: Endpoint, key: str, answer: Answer, *, cost: int | None, latency_ms: int, attempts: int
) -> Reply:
    """A reply to be kept."""
    return Reply(
        project_id=endpoint.project_id, endpoint=endpoint, key=key, model=answer.model, content=answer.content,
        refusal=answer.refusal, finish_reason=answer.finish_reason, logprobs=answer.logprobs, raw=answer.raw,
        prompt_tokens=answer.prompt_tokens, completion_tokens=answer.completion_tokens, cost=cost,
        latency_ms=latency_ms, attempts=attempts, created_at=timezone.now(),
    )  # fmt: skip


def keep(project_id: int, replies: Sequence[Reply]) -> dict[str, Reply]:
    """Store replies whose keys differ; by key, each as it is stored.

    Where another worker stored an answer under the same key first, that one stands and ours is let go.
    """
    if not replies:
        return {}
    values: list[Any] = []
    for row in replies:
        values += [
            row.project_id, row.endpoint_id, row.key, row.model, row.content, row.refusal, row.finish_reason,
            None if row.logprobs is None else written(row.logprobs).decode(), written(row.raw).decode(),
            row.prompt_tokens, row.completion_tokens, row.cost, row.latency_ms, row.attempts, row.created_at,
        ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO llm_reply ({', '.join(COLUMNS)}) VALUES {', '.join([ROW] * len(replies))}"  # noqa: S608  # ours
            " ON CONFLICT (project_id, key) DO NOTHING RETURNING key, id",
            values,
        )
        stored = dict(cursor.fetchall())
    for row in replies:
        if row.key in stored:
            row.pk = stored[row.key]
            row._state.adding, row._state.db = False, "default"
    kept = {row.key: row for row in replies if row.key in stored}
    return kept | find(project_id, [row.key for row in replies if row.key not in stored])
