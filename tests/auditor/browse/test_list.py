"""The list: search, filter, sort and page, in a fixed number of queries."""

from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from auditor.accounts.models import Project, User
from auditor.browse.arrangement import Arrangement, usual_columns
from auditor.browse.queries import Wanted, listing
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from auditor.evidence.filters import Filter
from auditor.evidence.models import Channel
from auditor.evidence.queries import channels_of, visible_to
from tests import make
from tests.people import signed_in

HTMX = {"HX-Request": "true"}


def said(text: str) -> list[ParsedMessage]:
    return [ParsedMessage(role="user", text="Well?"), ParsedMessage(role="assistant", text=text)]


def page(client: Client, project: Project, query: str = "", **headers: str) -> str:
    response = client.get(f"/p/{project.slug}/transcripts/?{query}", headers=headers)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def test_a_stranger_gets_404(project: Project, cy: User) -> None:
    row = make.transcript(project)
    for path in ("", f"{row.pk}/"):
        assert signed_in(cy).get(f"/p/{project.slug}/transcripts/{path}").status_code == 404


def test_an_empty_project_tells_a_manager_to_import_and_others_to_wait(
    project: Project, mia: User, vic: User
) -> None:
    assert f"/p/{project.slug}/import/" in page(signed_in(mia), project)
    seen = page(signed_in(vic), project)
    assert "No transcripts yet" in seen
    assert f'href="/p/{project.slug}/import/' not in seen


def test_nothing_matches_offers_the_way_back(project: Project, mia: User) -> None:
    make.transcript(project)
    seen = page(signed_in(mia), project, "q=nowhere")
    assert "Nothing matches" in seen
    assert f'href="/p/{project.slug}/transcripts/"' in seen


def test_only_a_manager_is_offered_to_draw_a_sample_of_what_is_filtered(
    project: Project, mia: User, vic: User
) -> None:
    make.transcript(project, model="x y")
    assert f"/p/{project.slug}/samples/new/?model=x+y" in page(
        signed_in(mia), project, "model=x+y&sort=model"
    )
    assert "Draw a sample" not in page(signed_in(vic), project)


def test_a_search_shows_the_hit_in_its_words(project: Project, mia: User) -> None:
    make.transcript(project, said("I <b>checked</b> the ledger & it <script>confirms</script> 1 < 2."))
    seen = page(signed_in(mia), project, "q=ledger")
    assert "<b>ledger</b> &amp; it" in seen
    assert "1 &lt; 2" in seen
    assert "<script>confirms" not in seen
    assert "<b>checked</b>" not in seen


def test_marks_of_hits_in_the_text_itself_are_no_hits(project: Project, mia: User) -> None:
    make.transcript(project, said("a \ue000forged\ue001 ledger"))
    assert "<b>forged" not in page(signed_in(mia), project, "q=ledger")


def test_hostile_names_are_text(project: Project, mia: User) -> None:
    evil = '"><script>alert(1)</script>/..%2F'
    judge = make.channel(project, evil, name=evil)
    row = make.transcript(project, said(evil), external_id=evil, model=evil, conditions={evil: evil})
    make.reading(judge, row, 0.5, label=evil)
    client = signed_in(mia)
    query = urlencode(
        {
            "q": evil,
            "model": evil,
            f"cond.{evil}": evil,
            f"ch.{evil}": "0..1",
            "col": evil,
            "sort": f"ch.{evil}",
            "id": evil,
        }
    )
    for address in ("", query):
        seen = page(client, project, address)
        assert "<script>alert" not in seen
        assert "item" not in address or evil not in seen
    assert f"/transcripts/{row.pk}/" in page(client, project, query)
    assert "<script>alert" not in client.get(f"/p/{project.slug}/transcripts/{row.pk}/").content.decode()


def test_htmx_gets_the_results_and_the_tidy_address(project: Project, mia: User) -> None:
    make.transcript(project, model="x")
    response = signed_in(mia).get(
        f"/p/{project.slug}/transcripts/?q=&model=x&ch.j=&ch.j=&sort=-id", headers=HTMX
    )
    seen = response.content.decode()
    assert "<html" not in seen
    assert 'id="results"' in seen
    assert f'hx-get="/p/{project.slug}/transcripts/facets/?model=x" hx-trigger="load"' in seen
    assert response["HX-Push-Url"] == f"/p/{project.slug}/transcripts/?model=x"


def test_a_form_without_scripts_is_sent_on_to_the_tidy_address(project: Project, mia: User) -> None:
    make.channel(project)
    response = signed_in(mia).get(
        f"/p/{project.slug}/transcripts/?q=&ch.judge.quill=0.5&ch.judge.quill=&model="
    )
    assert response.status_code == 302
    assert response["Location"] == f"/p/{project.slug}/transcripts/?model=&ch.judge.quill=0.5.."


def test_a_filter_that_cannot_be_read_says_why_and_names_the_nearest(project: Project, mia: User) -> None:
    make.channel(project)
    make.transcript(project)
    for query in ("ch.judge.quil=0..", "sort=ch.judge.quil"):
        response = signed_in(mia).get(f"/p/{project.slug}/transcripts/?{query}")
        assert response.status_code == 422
        assert "Did you mean judge.quill?" in response.content.decode()
    assert "is not a number" in page(signed_in(mia), project, "ch.judge.quill=x..", **HTMX)


@pytest.fixture
def judged(project: Project) -> Channel:
    """A judge with equal values, and transcripts without one."""
    judge = make.channel(project)
    for number, value in enumerate([0.5, 0.1, 0.5, None, 0.5, 0.9, None, 0.1]):
        row = make.transcript(project, external_id=f"t{number}", model="ab"[number % 2])
        if value is not None:
            make.reading(judge, row, value)
    return judge


def walked(
    project: Project, person: User, sort: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.setattr("auditor.browse.queries.ROWS", size)
    channels = {channel.key: channel for channel in channels_of(project.pk)}
    arrangement = Arrangement(Filter(), sort.removeprefix("-"), sort.startswith("-"))
    names, cursor = [], ""
    for _ in range(20):
        found = listing(
            arrangement, project_id=project.pk, sight=visible_to(person), channels=channels,
            wanted=Wanted(after=cursor),
        )  # fmt: skip
        names += [row.name for row in found.rows]
        cursor = found.after
        if not cursor:
            return names
    raise AssertionError("it never ends")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 8, 50])
def test_paging_misses_and_repeats_nothing_whatever_is_equal_or_missing(
    project: Project, mia: User, judged: Channel, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = {
        sort: walked(project, mia, sort, size, monkeypatch)
        for sort in ("ch.judge.quill", "-ch.judge.quill", "id", "-id", "model", "-length")
    }
    assert walk["ch.judge.quill"] == ["t1", "t7", "t0", "t2", "t4", "t5", "t3", "t6"]
    assert walk["-ch.judge.quill"] == ["t5", "t4", "t2", "t0", "t7", "t1", "t6", "t3"]
    assert walk["id"] == [f"t{n}" for n in range(8)] == walk["-id"][::-1] == walk["-length"][::-1]
    assert walk["model"] == ["t0", "t2", "t4", "t6", "t1", "t3", "t5", "t7"]


@pytest.mark.parametrize(
    "cursor", ["x", "WzEsMl0x", "W251bGwsbnVsbF0", "WyJhIiwxXQ", "WzFlOTk5LDFd", "WyJhXHUwMDAwIiwxXQ"]
)
@pytest.mark.parametrize("sort", ["", "model", "ch.judge.quill", "-length"])
def test_a_damaged_page_address_gives_the_first_page(
    project: Project, mia: User, judged: Channel, cursor: str, sort: str
) -> None:
    assert "t0" in page(signed_in(mia), project, f"sort={sort}&after={cursor}" if sort else f"after={cursor}")


def test_the_list_costs_the_same_whatever_its_size_and_reads_no_message(
    project: Project, mia: User, judged: Channel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    people = make.channel(project, "people.label", kind="human")
    client = signed_in(mia)
    query = "model=a&sort=-ch.judge.quill&ch.judge.quill=0.."
    page(client, project)  # what is asked once a process is asked now
    for _ in range(2):
        with django_assert_num_queries(16) as seen:
            page(client, project, query)
        assert not [q for q in seen.captured_queries if "corpus_message" in q["sql"]]
        for _ in range(4):
            row = make.transcript(project, model="a")
            make.reading(judged, row, 0.7)
            make.reading(people, row, None, label="D", identifier=str(mia.pk), detail={"group": "intent"})


def test_metadata_is_not_even_read_for_the_list(
    project: Project, mia: User, judged: Channel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(mia)
    page(client, project)
    with django_assert_num_queries(11) as seen:
        page(client, project)
    assert not [q for q in seen.captured_queries if "metadata" in q["sql"]]


def test_columns_are_chosen_in_the_address_and_six_at_most(project: Project, mia: User) -> None:
    for number in range(5):
        make.channel(project, f"judge.{number}")
    probe = make.channel(project, "probe", kind="probe")
    make.reading(probe, make.transcript(project), 0.123)
    client = signed_in(mia)
    assert usual_columns(channels_of(project.pk)) == ("judge.0", "probe", "judge.1")
    assert 'title="Judge judge.4' in page(client, project, "col=judge.4&col=judge.3&col=gone")
    six = "&".join(f"col=judge.{number}" for number in range(5)) + "&col=chars"
    assert 'title="Probe probe' not in page(client, project, f"{six}&col=probe")
    assert 'title="Judge judge.4' in page(client, project, "sort=ch.judge.4")


def test_a_notice_of_a_channel_is_said_wherever_the_channel_is(project: Project, mia: User) -> None:
    judge = make.channel(project, notice="Generated for the tour.")
    row = make.transcript(project)
    make.reading(judge, row, 0.5)
    client = signed_in(mia)
    for address in ("transcripts/", f"transcripts/{row.pk}/", "channels/", f"channels/{judge.pk}/"):
        assert "Generated for the tour." in client.get(f"/p/{project.slug}/{address}").content.decode()


def test_labels_are_dots_in_the_colour_of_their_group(project: Project, mia: User) -> None:
    people = make.channel(project, "people.label", kind="human")
    detail = {"group": "hallucination", "words": "Confabulation"}
    make.reading(people, make.transcript(project), None, label="H", identifier="1", detail=detail)
    seen = page(signed_in(mia), project)
    assert '<i class="dot halluc" title="Confabulation">' in seen


def test_a_transcript_of_nothing_is_listed(project: Project, mia: User) -> None:
    make.transcript(project, [])
    assert Transcript.objects.get().n_messages == 0
    assert "nothing was said" in page(signed_in(mia), project)
