"""One transcript: its words, the marks on them, and the opinions beside them."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from auditor.accounts.models import Project, User
from auditor.browse.reading import PAGE, reading
from auditor.corpus.document import render
from auditor.corpus.models import Transcript
from auditor.corpus.queries import messages_of
from auditor.corpus.records import ParsedMessage
from auditor.evidence.actions import CitedQuote
from auditor.evidence.heat import Scale, heat, heat_marks
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.evidence.tracks import NewTrack, TrackValues, pack, unpack, write_tracks
from tests import make
from tests.people import signed_in


def page(client: Client, row: Transcript, query: str = "") -> str:
    response = client.get(f"/p/{row.project.slug}/transcripts/{row.pk}/?{query}")
    assert response.status_code == 200
    return response.content.decode()


def track(channel: Channel, row: Transcript, values: list[float], *, position: int = 1) -> None:
    """A track of tokens of three characters each."""
    starts = [3 * i for i in range(len(values))]
    ends = [start + 3 for start in starts]
    new = NewTrack(channel, row.pk, position, "text", starts, ends, values)
    write_tracks(tracks=[new], source="test")


def long(n: int) -> list[ParsedMessage]:
    return [ParsedMessage(role="user", text=f"message number {i} here") for i in range(n)]


def test_a_transcript_of_another_project_is_404(project: Project, mia: User) -> None:
    assert signed_in(mia).get(f"/p/{project.slug}/transcripts/999999/").status_code == 404


def test_the_text_stands_on_the_page_and_is_only_text(project: Project, mia: User) -> None:
    row = make.transcript(
        project, [ParsedMessage(role="assistant", text="<img src=x onerror=alert(1)> & 'so'")]
    )
    seen = page(signed_in(mia), row)
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; 'so'" in seen
    assert "<img src=x" not in seen


def test_cited_words_are_marked_and_linked_and_words_that_are_not_there_are_struck(
    project: Project, mia: User
) -> None:
    judge = make.channel(project, name="Quill")
    row = make.transcript(project)
    quotes = (CitedQuote("cleared on 14 March"), CitedQuote("never said <so>"))
    make.reading(judge, row, 0.81, label="deceptive", explanation="It had <no> ledger.", quotes=quotes)
    seen = page(signed_in(mia), row)
    (ident,) = re.findall(r'href="#mark-(q\d+)"', seen)
    assert f'id="mark-{ident}"' in seen
    assert '<del class="quote missing">never said &lt;so&gt;</del>' in seen
    assert "not in the text" in seen
    assert "It had &lt;no&gt; ledger." in seen
    assert "0.81" in seen
    assert "Not yet measured against adjudicated labels." in seen
    assert "judges err together" in seen


def test_a_long_explanation_is_folded(project: Project, mia: User) -> None:
    row = make.transcript(project)
    make.reading(make.channel(project), row, 0.5, explanation="word " * 200)
    assert "<summary>word word" in page(signed_in(mia), row)


def test_people_are_named_beside_their_labels(project: Project, mia: User, ana: User) -> None:
    row = make.transcript(project)
    people = make.channel(project, "people.label", kind="human")
    detail = {"group": "intent", "words": "Strategic deception", "grade": "I3"}
    make.reading(people, row, None, label="D", identifier=str(ana.pk), detail=detail)
    seen = page(signed_in(mia), row)
    assert "Ana: <b>Strategic deception</b>" in seen
    assert "grade I3" in seen


def test_token_heat_is_on_the_channels_own_scale(project: Project, mia: User) -> None:
    probe = make.channel(project, "probe", kind="probe", unit="token", lo=0.0, hi=1.0)
    row = make.transcript(project)
    track(probe, row, [0.0, 0.5, 0.5, 1.0, 7.0])
    seen = page(signed_in(mia), row)
    # equal neighbours are one mark; a value beyond the scale stands at its end
    assert re.findall(r'heat-(\d+)"? title="([\d.]+)">([^<]*)<', seen) == [
        ("16", "0.5", ", it c"), ("31", "7", "leared")
    ]  # fmt: skip
    assert "The channel&#x27;s own scale." in seen or "The channel's own scale." in seen


def test_without_a_declared_scale_the_highest_peak_anywhere_is_full_heat(project: Project, mia: User) -> None:
    sae = make.channel(project, "sae.1", kind="sae", unit="token")
    here, there = make.transcript(project), make.transcript(project)
    track(sae, here, [0.0, 2.0])
    track(sae, there, [0.0, 4.0])
    assert 'class="heat-16" title="2"' in page(signed_in(mia), here)
    assert 'class="heat-31" title="4"' in page(signed_in(mia), there)


def test_heat_of_a_channel_can_be_chosen_and_switched_off(project: Project, mia: User) -> None:
    row = make.transcript(project)
    for key in ("probe.a", "probe.b/c?&"):
        track(make.channel(project, key, kind="probe", unit="token"), row, [1.0])
    client = signed_in(mia)
    assert "?heat=probe.b%2Fc%3F%26" in page(client, row)
    for query, shown in [
        ("", 1),
        ("heat=probe.b/c%3F%26", 1),
        ("heat=off", 0),
        ("heat=nothing", 0),
        ("heat=%00", 0),
    ]:
        assert page(client, row, query).count('heat-31" title') == shown


def test_a_damaged_shard_is_said_and_the_page_still_stands(project: Project, mia: User) -> None:
    row = make.transcript(project)
    probe = make.channel(project, "probe", kind="probe", unit="token")
    track(probe, row, [1.0, 2.0])
    probe.tracks.update(digest="0" * 64)
    assert "could not be read" in page(signed_in(mia), row)


def test_special_tokens_stand_on_no_words() -> None:
    data = pack([0, 0, 2], [0, 2, 4], [9.0, 1.0, 1.0])
    import hashlib

    import zstandard

    values = unpack(zstandard.ZstdCompressor().compress(data), 3, hashlib.sha256(data).hexdigest())
    assert isinstance(values, TrackValues)
    (mark,) = heat_marks(values, Scale(0, 1, declared=True), position=3, part="reasoning")
    assert (mark.position, mark.part, mark.start, mark.end, mark.level) == (3, "reasoning", 0, 4, 31)


def test_a_scale_without_width_has_two_steps() -> None:
    assert [Scale(1, 1, declared=True).level(value) for value in (0, 1, 2)] == [0, 0, 31]
    assert Scale(0, 1, declared=True).legend(3) == [(0, 0), (16, 16 / 31), (31, 1)]


def test_searched_words_are_marked_and_their_messages_listed(project: Project, mia: User) -> None:
    row = make.transcript(project)
    seen = page(signed_in(mia), row, 'q="The+ledger"')
    assert re.search(r'class="m hit"[^>]*>The ledger<', seen)
    assert "No message has these words." in page(signed_in(mia), row, "q=nowhere")


def test_long_transcripts_come_in_pages_by_position(project: Project, mia: User) -> None:
    judge = make.channel(project)
    row = make.transcript(project, long(2 * PAGE + 5))
    make.reading(judge, row, 1.0, quotes=(CitedQuote("message number 303 here"),))
    client = signed_in(mia)
    first = page(client, row)
    assert 'id="m0"' in first
    assert f'id="m{PAGE - 1}"' in first
    assert f'id="m{PAGE}"' not in first
    assert re.search(r'href="\?from=303#mark-q\d+"', first)
    second = page(client, row, f"from={PAGE + 3}")
    assert f'id="m{PAGE}"' in second
    assert 'id="m0"' not in second
    assert re.search(r'id="mark-q\d+"', second)
    assert f"Messages {PAGE + 1}–{2 * PAGE} of {2 * PAGE + 5}" in second
    assert f'id="m{2 * PAGE + 4}"' in page(client, row, "message=999999")
    assert 'id="m0"' in page(client, row, "from=-3")
    assert 'id="m0"' in page(client, row, "from=x")
    assert re.search(r'href="\?q=303&amp;from=303#m303"', page(client, row, "q=303"))


def test_an_empty_transcript_shows_its_warning(project: Project, mia: User) -> None:
    row = make.transcript(project, [])
    assert "Nothing was said" in page(signed_in(mia), row)


def test_metadata_and_origin_are_there_to_unfold(project: Project, mia: User) -> None:
    row = make.transcript(project, metadata={"grader": {"note": "<b>odd</b>"}})
    seen = page(signed_in(mia), row)
    assert "&lt;b&gt;odd&lt;/b&gt;" in seen
    assert "made.jsonl" in seen
    assert row.record_digest[:16] in seen


def test_the_page_costs_the_same_whatever_was_said(
    project: Project, mia: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    judge = make.channel(project)
    probe = make.channel(project, "probe", kind="probe", unit="token")
    row = make.transcript(project)
    client = signed_in(mia)
    make.reading(judge, row, 0.5, quotes=(CitedQuote("cleared"),))
    track(probe, row, [1.0])
    page(client, row)  # what is asked once a process is asked now
    with django_assert_num_queries(12):
        page(client, row, "q=ledger")
    for position in (0, 1):
        make.reading(judge, row, 0.7, position=position, quotes=(CitedQuote("March"), CitedQuote("nothing")))
        track(probe, row, [1.0, 2.0], position=position)
    with django_assert_num_queries(12):
        page(client, row, "q=ledger")


def test_marks_never_change_the_words(project: Project, mia: User) -> None:
    probe = make.channel(project, "probe", kind="probe", unit="token")
    row = make.transcript(project)
    track(probe, row, [1.0, 2.0, 0.5])
    shown = reading(row, sight=visible_to(mia), words="it ledger")
    bare = render(messages_of([row.pk])[row.pk])
    for marked, plain in zip(shown.document, bare, strict=True):
        for block, other in zip(marked.blocks, plain.blocks, strict=True):
            assert re.sub(r"<[^>]*>", "", block.html) == other.html


@pytest.mark.parametrize("key", ["probe", "nothing"])
def test_heat_of_no_track_is_none(project: Project, mia: User, key: str) -> None:
    assert heat(visible_to(mia), [], key=key) is None
