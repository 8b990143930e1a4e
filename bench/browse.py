"""Pages of the list, as people with and without veils get them, against the same rows by one plain SQL query."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from itertools import cycle
from urllib.parse import urljoin

from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.evidence.actions import lay_veils
from bench.harness import Result, percentile, seconds
from bench.scene import reviewers, vocabulary

CALLS = 40  # of each page; fewer where the corpus is a trial
WARM = 3
VEILS = 500
DEEP = 200  # pages
RANKS = {
    "common": 3,
    "middling": 600,
    "rare": 12_000,
}  # of the words searched for, by how often they are used
LIST = (
    "SELECT id, external_id, model_name, conditions, excerpt, n_messages FROM corpus_transcript t"
    " WHERE project_id = %(project)s"
)
SAID = (
    " AND EXISTS (SELECT 1 FROM corpus_searchedmessage m WHERE m.transcript_id = t.id"
    " AND m.search @@ plainto_tsquery('simple', %(word)s))"
)
NEWEST = " ORDER BY id DESC LIMIT 51"
BY_READING = (
    "SELECT t.id, t.external_id, t.model_name, t.conditions, t.excerpt, t.n_messages FROM evidence_rollup r"
    " JOIN corpus_transcript t ON t.id = r.transcript_id JOIN evidence_channel c ON c.id = r.channel_id"
    " WHERE c.project_id = %(project)s AND c.key = 'judge.quill' ORDER BY r.value DESC, r.transcript_id DESC LIMIT 51"
)


def run(project: Project, owner: User, size: int) -> Iterator[Result]:
    """Each page for the owner, and for a reviewer from whom the evidence on 500 transcripts is veiled."""
    (reviewer,) = reviewers(project, owner, 1, stem="veiled")
    ids = list(Transcript.objects.of(project.pk).order_by("pk").values_list("pk", flat=True))
    some = ids[:: max(2, size // VEILS)][:VEILS]  # no more than half
    lay_veils(person_ids=[reviewer.pk], transcript_ids=some, round_key="bench", scopes=("machine", "human"))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for person, words in ((owner, ""), (reviewer, ".veiled")):
        client = Client()
        client.force_login(person)
        for name, addresses, sql, values in _pages(project, client, ids):
            yield from _measured(f"browse.{name}{words}", size, client, addresses, sql, values)
    page = reverse("browse:transcript", args=[project.slug, ids[size // 2]])
    client = Client()
    client.force_login(owner)
    sql = "SELECT role, text, reasoning, parts FROM corpus_message WHERE transcript_id = %(pk)s ORDER BY position"
    yield from _measured("browse.transcript", size, client, [page], sql, [{"pk": ids[size // 2]}])


def _pages(
    project: Project, client: Client, ids: list[int]
) -> Iterator[tuple[str, list[str], str, list[dict[str, int | str]]]]:
    """Name, addresses that take turns, the floor's query and its values."""
    start = reverse("browse:list", args=[project.slug])
    base: dict[str, int | str] = {"project": project.pk}
    yield "first", [start], LIST + NEWEST, [base]
    deep = _deep(client, start)
    if deep:
        before = {**base, "before": ids[-min(len(ids), 50 * (DEEP - 1))]}
        yield "deep", [deep], LIST + " AND id < %(before)s" + NEWEST, [before]
    yield "sorted", [f"{start}?{urlencode({'sort': '-ch.judge.quill'})}"], BY_READING, [base]
    tasks = [f"task-{number}" for number in range(0, 97, 12)]
    yield (
        "filtered",
        [start + "?" + urlencode({"where": f'meta.task = "{task}"'}) for task in tasks],
        LIST + " AND metadata @> jsonb_build_object('task', %(task)s::text)" + NEWEST,
        [{**base, "task": task} for task in tasks],
    )
    known, _ = vocabulary()
    for name, rank in RANKS.items():
        words = [known[rank + step] for step in range(8)]
        addresses = [f"{start}?{urlencode({'q': word})}" for word in words]
        yield f"search.{name}", addresses, LIST + SAID + NEWEST, [{**base, "word": word} for word in words]


def _deep(client: Client, address: str) -> str:
    """The address of page 200, or of the last but one, reached as a person reaches it."""
    page = address
    for _ in range(DEEP - 1):
        found = re.search(r'rel="next" href="([^"]+)"', client.get(page).content.decode())
        if found is None:
            break
        page = urljoin(address, unescape(found[1]))
    return page if page != address else ""


def _measured(
    name: str, size: int, client: Client, addresses: list[str], sql: str, values: list[dict[str, int | str]]
) -> Iterator[Result]:
    calls = min(CALLS, max(5, size // 2))
    taken, floors = _times(_get(client, addresses), calls), _times(_sql(sql, values), calls)
    for label, share in (("p50", 0.5), ("p95", 0.95)):
        value, floor = percentile(taken, share), percentile(floors, share)
        yield Result(f"{name}.{label}", size, value, "ms", floor, {"calls": calls})


def _times(work: Callable[[], None], calls: int) -> list[float]:
    """Milliseconds of each call, after some that do not count."""
    for _ in range(WARM):
        work()
    return [1000 * seconds(work) for _ in range(calls)]


def _get(client: Client, addresses: list[str]) -> Callable[[], None]:
    turns = cycle(addresses)

    def get() -> None:
        address = next(turns)
        response = client.get(address)
        assert response.status_code == 200, (address, response.status_code)

    return get


def _sql(query: str, values: list[dict[str, int | str]]) -> Callable[[], None]:
    turns = cycle(values)

    def fetch() -> None:
        with connection.cursor() as cursor:
            cursor.execute(query, next(turns))
            cursor.fetchall()

    return fetch
