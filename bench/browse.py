"""Pages of the list against the floor: the same rows by one plain SQL query."""

from collections.abc import Callable, Iterator

from django.db import connection
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from bench.harness import Result, median_ms

ROWS = 50
LIST = "SELECT id, external_id, model_name, conditions, excerpt, n_messages FROM corpus_transcript t WHERE project_id = %s"
FLOORS = {
    "browse.first": (LIST + " ORDER BY id DESC LIMIT 51", ""),
    "browse.search": (
        LIST + " AND EXISTS (SELECT 1 FROM corpus_message m WHERE m.transcript_id = t.id AND m.search @@"
        " websearch_to_tsquery('simple', 'ledger missing')) ORDER BY id DESC LIMIT 51",
        "q=ledger+missing",
    ),
    "browse.channel": (
        LIST + " AND EXISTS (SELECT 1 FROM evidence_rollup r JOIN evidence_channel c ON c.id = r.channel_id"
        " WHERE r.transcript_id = t.id AND c.key = 'judge.quill' AND c.project_id = t.project_id AND r.value >= 90)"
        " ORDER BY id DESC LIMIT 51",
        "ch.judge.quill=90..",
    ),
}


def run(project: Project, owner: User, size: int) -> Iterator[Result]:
    """The first page, a search, a channel filter, and one transcript, each as a signed-in person gets it."""
    client = Client()
    client.force_login(owner)
    for name, (sql, query) in FLOORS.items():
        url = reverse("browse:list", args=[project.slug]) + (f"?{query}" if query else "")
        value = median_ms(_get(client, url), times=15)
        yield Result(name, size, value, "ms", median_ms(_sql(sql, [project.pk]), times=15), {"rows": ROWS})
    first = Transcript.objects.of(project.pk).order_by("pk")[size // 2]
    floor = median_ms(
        _sql(
            "SELECT role, text, reasoning, parts FROM corpus_message WHERE transcript_id = %s ORDER BY position",
            [first.pk],
        ),
        times=15,
    )
    value = median_ms(_get(client, reverse("browse:transcript", args=[project.slug, first.pk])), times=15)
    yield Result("browse.transcript", size, value, "ms", floor, {"messages": 10})


def _get(client: Client, url: str) -> Callable[[], None]:
    def get() -> None:
        response = client.get(url)
        assert response.status_code == 200, (url, response.status_code)

    return get


def _sql(query: str, parameters: list[int]) -> Callable[[], None]:
    def fetch() -> None:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            cursor.fetchall()

    return fetch
