"""One transcript: its words, the marks on them, and the opinions beside them."""

import json
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from auditor.accounts.models import Project, User
from auditor.browse.asked import Asked
from auditor.browse.reading import PAGE, reading
from auditor.corpus.document import render
from auditor.corpus.models import Transcript
from auditor.corpus.queries import messages_of
from auditor.corpus.records import ParsedMessage
from auditor.corpus.windows import BEFORE, FROM
from auditor.evidence.actions import CitedQuote
from auditor.evidence.heat import Scale
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.evidence.tracks import NewTrack, write_tracks
from tests import make
from tests.auditor.evidence.packets import on_page
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


def test_values_of_tokens_come_with_the_page_and_the_channels_own_scale(project: Project, mia: User) -> None:
    probe = make.channel(project, "probe", kind="probe", unit="token", lo=0.0, hi=1.0)
    row = make.transcript(project)
    track(probe, row, [0.0, 0.5, 0.5, 1.0, 7.0])
    seen = page(signed_in(mia), row)
    tokens = on_page(seen)[1, "text"]
    assert [(start, end, counted) for start, end, _, counted in tokens] == [
        (3 * i, 3 * i + 3, True) for i in range(5)
    ]
    assert [value for _, _, value, _ in tokens] == pytest.approx([0, 0.5, 0.5, 1, 7], abs=7 / 131070)
    assert 'data-lo="0.0" data-hi="1.0"' in seen
    assert "The channel&#x27;s own scale." in seen or "The channel's own scale." in seen


def test_without_a_declared_scale_the_highest_peak_anywhere_is_full_heat(project: Project, mia: User) -> None:
    sae = make.channel(project, "sae.1", kind="sae", unit="token")
    here, there = make.transcript(project), make.transcript(project)
    track(sae, here, [0.0, 2.0])
    track(sae, there, [0.0, 4.0])
    for row in (here, there):
        assert 'data-lo="0.0" data-hi="4.0"' in page(signed_in(mia), row)


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
        assert len(on_page(page(client, row, query))) == shown


def test_a_damaged_shard_is_said_and_the_page_still_stands(project: Project, mia: User) -> None:
    row = make.transcript(project)
    probe = make.channel(project, "probe", kind="probe", unit="token")
    track(probe, row, [1.0, 2.0])
    probe.tracks.update(digest="0" * 64)
    assert "could not be read" in page(signed_in(mia), row)


def test_a_scale_without_width_has_two_steps() -> None:
    assert [Scale(1, 1, declared=True).level(value) for value in (0, 1, 2)] == [0, 0, 31]
    assert Scale(0, 1, declared=True).legend(3) == [(0, 0), (16, 16 / 31), (31, 1)]


def test_searched_words_are_marked_and_their_messages_listed(project: Project, mia: User) -> None:
    row = make.transcript(project)
    seen = page(signed_in(mia), row, 'q="The+ledger"')
    assert re.search(r'class="m hit"[^>]*>The ledger<', seen)
    assert "No message has these words." in page(signed_in(mia), row, "q=nowhere")


def test_long_transcripts_come_in_windows_by_position(project: Project, mia: User) -> None:
    judge = make.channel(project)
    row = make.transcript(project, long(2 * PAGE + 5))
    make.reading(judge, row, 1.0, quotes=(CitedQuote(f"message number {PAGE + 3} here"),))
    client = signed_in(mia)
    first = page(client, row)
    assert 'id="m0"' in first
    assert f'id="m{PAGE - 1}"' in first
    assert f'id="m{PAGE}"' not in first
    assert f'href="?after={PAGE}"' in first
    assert re.search(rf'href="\?from={PAGE + 3}#mark-q\d+"', first)
    second = page(client, row, f"from={PAGE + 3}")
    assert f'id="m{PAGE}"' in second
    assert 'id="m0"' not in second
    assert re.search(r'id="mark-q\d+"', second)
    assert f"Messages {PAGE + 1}–{2 * PAGE} of {2 * PAGE + 5}" in second
    assert f'href="?before={PAGE}"' in second
    assert f'id="m{2 * PAGE + 4}"' in page(client, row, "message=999999")
    assert 'id="m0"' in page(client, row, "from=-3")
    assert 'id="m0"' in page(client, row, "from=x")
    far = f"q={2 * PAGE + 1}"
    assert re.search(rf'href="\?{far}&amp;from={2 * PAGE + 1}#m{2 * PAGE + 1}"', page(client, row, far))


def fragment(client: Client, row: Transcript, query: str, room: str = "") -> str:
    address = f"/p/{row.project.slug}/transcripts/{row.pk}/{room}?{query}"
    response = client.get(address, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return response.content.decode()


def test_windows_join_without_gap_and_bring_their_part_of_the_outline(project: Project, mia: User) -> None:
    row = make.transcript(project, long(2 * PAGE + 5))
    client = signed_in(mia)
    after = fragment(client, row, f"after={PAGE}")
    assert f'data-first="{PAGE}" data-last="{2 * PAGE}"' in after
    assert f'data-outline-window="{PAGE}"' in after
    assert "<html" not in after
    before = fragment(client, row, f"before={PAGE}")
    assert f'data-first="0" data-last="{PAGE}"' in before
    assert 'data-first="205" data-last="205"' in fragment(client, row, f"after={2 * PAGE + 5}")
    assert f'data-first="{150 - BEFORE}" data-last="{150 + FROM}"' in fragment(
        client, row, "at=150"
    )  # a jump
    assert 'id="mark-at"' in fragment(client, row, "at=150.text.0-7")


def test_a_place_in_the_text_is_drawn_by_the_server(project: Project, mia: User) -> None:
    row = make.transcript(project)
    client = signed_in(mia)
    seen = page(client, row, "at=1.text.5-12")
    assert re.search(r'id="mark-at"[^>]*>it clea<', seen)
    for odd in ("at=1.text.9-2", "at=x", "at=1.text.5-12junk", "at=1.part:9.0-4", "at=99.text.0-4", "at=%00"):
        assert "mark-at" not in page(client, row, odd)


def test_a_place_far_into_a_long_text_is_shown_with_what_stands_around_it(
    project: Project, mia: User
) -> None:
    text = "".join(f"line {i:06d}\n" for i in range(60_000))
    row = make.transcript(project, [ParsedMessage(role="tool", text=text)])
    client = signed_in(mia)
    first = page(client, row)
    assert "line 000000" in first
    assert "line 050000" not in first
    assert "more characters" in first
    at = text.index("line 050000")
    far = page(client, row, f"at=0.text.{at}-{at + 11}")
    assert re.search(r'id="mark-at"[^>]*>line 050000<', far)
    assert f'data-from="{at - 10_000}"' in far
    whole = fragment(client, row, f"at=0.text.0-{len(text)}", "part/")
    assert "line 059999" in whole
    assert "data-from" not in whole
    assert client.get(f"/p/{project.slug}/transcripts/{row.pk}/part/?at=0.reasoning.0-4").status_code == 404
    assert client.get(f"/p/{project.slug}/transcripts/{row.pk}/part/?at=7").status_code == 404


def test_exact_words_are_found_in_all_of_it(project: Project, mia: User) -> None:
    row = make.transcript(project, long(2 * PAGE + 5))
    client = signed_in(mia)
    seen = fragment(client, row, "find=NUMBER+20", "find/")
    assert re.findall(r'data-anchor="([^"]+)"', seen)[:2] == ["20.text.8-17", "200.text.8-17"]
    assert "6\u00a0hits in 6\u00a0messages" in seen
    whole = page(client, row, "find=number+20")
    assert re.search(r'class="m hit"[^>]*>number 20<', whole)
    assert 'id="hits"' in whole
    assert "No message has these words." in fragment(client, row, "find=nowhere", "find/")
    assert "hits" not in fragment(client, row, "find=", "find/")
    hostile = fragment(client, row, "find=%3Cscript%3E%22", "find/")
    assert "<script" not in hostile


def test_markdown_is_drawn_and_every_character_stays(project: Project, mia: User) -> None:
    row = make.transcript(
        project, [ParsedMessage(role="assistant", text="# Title\n**bold** [x](javascript:alert(1)) <b>\n")]
    )
    seen = page(signed_in(mia), row)
    assert '<span class="md md-h md-h1">' in seen
    assert 'data-markdown="rendered"' in seen
    assert 'href="javascript' not in seen
    part = re.search(r'data-part="text"[^>]*>(.*?)</div>', seen, re.DOTALL)
    assert part is not None
    assert re.sub(r"<[^>]*>", "", part[1]) == ("# Title\n**bold** [x](javascript:alert(1)) &lt;b&gt;\n")
    client = signed_in(mia)
    client.cookies["markdown"] = "raw"
    assert 'data-markdown="raw"' in page(client, row)


def test_the_overview_holds_the_whole_transcript_in_few_links(project: Project, mia: User) -> None:
    probe = make.channel(project, "probe", kind="probe", unit="token", lo=0.0, hi=1.0)
    judge = make.channel(project)
    row = make.transcript(project, long(2 * PAGE + 5))
    track(probe, row, [1.0, 0.5], position=PAGE + 2)
    make.reading(judge, row, 1.0, quotes=(CitedQuote("message number 7 here"),))
    client = signed_in(mia)
    seen = fragment(client, row, "", "overview/")
    assert seen.count("<li>") <= 200
    assert len(re.findall(r"signal h-31", seen)) == 1
    assert len(re.findall(r"by user cited", seen)) == 1
    assert "highest 1" in seen
    assert "signal h-" not in fragment(client, row, "heat=off", "overview/")


def test_readings_of_messages_are_a_signal_in_the_outline(project: Project, mia: User) -> None:
    judge = make.channel(project, lo=0.0, hi=1.0, unit="message")
    row = make.transcript(project)
    make.reading(judge, row, 1.0, position=1)
    make.reading(judge, row, 0.5, position=1, part="text", start=0, end=3)
    seen = page(signed_in(mia), row)
    assert 'class="w-31"' in seen
    assert on_page(seen) == {(1, "text"): [(0, 3, 0.5, True)]}


def test_while_veiled_nothing_of_the_evidence_is_on_any_part_of_the_page(
    project: Project, mia: User, ana: User
) -> None:
    row = make.transcript(project, long(2 * PAGE), metadata={"note": "canary"})
    judge = make.channel(project, name="Canary")
    make.reading(judge, row, 0.5, quotes=(CitedQuote("message number 3 here"),))
    track(make.channel(project, "probe", kind="probe"), row, [1.0])
    make.round(project, [row], [ana])
    client = signed_in(ana)
    for room in ("", "overview/", "find/", "json/"):
        response = client.get(f"/p/{project.slug}/transcripts/{row.pk}/{room}?find=here")
        body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
        for sign in (b"anary", b"heat-", b"signal h-", b"mark-q", b"cited"):
            assert sign not in body, (room, sign)


def test_a_transcript_is_given_as_json(project: Project, mia: User) -> None:
    row = make.transcript(project, metadata={"note": "kept"})
    client = signed_in(mia)
    address = f"/p/{project.slug}/transcripts/{row.pk}/json/"
    whole = json.loads(b"".join(client.get(address).streaming_content))  # type: ignore[attr-defined]
    assert whole["metadata"] == {"note": "kept"}
    assert [message["role"] for message in whole["messages"]] == ["user", "assistant"]
    assert whole["messages"][1]["reasoning"].startswith("The ledger call failed")
    one = client.get(address + "?at=1").json()
    assert one == whole["messages"][1]
    assert client.get(address + "?at=9").status_code == 404
    empty = make.transcript(project, [])
    got = client.get(f"/p/{project.slug}/transcripts/{empty.pk}/json/")
    assert json.loads(b"".join(got.streaming_content))["messages"] == []  # type: ignore[attr-defined]


def test_others_of_the_same_prompt_are_listed_to_compare(project: Project, mia: User) -> None:
    row, twin = make.transcript(project), make.transcript(project, external_id="the-twin")
    make.transcript(project, [ParsedMessage(role="user", text="Other?")], external_id="a-stranger")
    seen = page(signed_in(mia), row)
    assert "1\u00a0other transcript of the same prompt" in seen
    assert f'value="{twin.pk}"' in seen
    assert "a-stranger" not in seen


def test_an_empty_transcript_shows_its_warning(project: Project, mia: User) -> None:
    row = make.transcript(project, [])
    assert "Nothing was said" in page(signed_in(mia), row)


def test_metadata_and_origin_are_there_to_unfold(project: Project, mia: User) -> None:
    row = make.transcript(project, metadata={"grader": {"note": "<b>odd</b>"}})
    seen = page(signed_in(mia), row)
    assert "&lt;b&gt;odd&lt;/b&gt;" in seen
    assert "made.jsonl" in seen
    assert row.record_digest[:16] in seen


QUERIES = 24  # two for how often probes and features fire on honest texts, one for worth


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
    with django_assert_num_queries(QUERIES):
        page(client, row, "q=ledger")
    for position in (0, 1):
        make.reading(judge, row, 0.7, position=position, quotes=(CitedQuote("March"), CitedQuote("nothing")))
        track(probe, row, [1.0, 2.0], position=position)
    with django_assert_num_queries(QUERIES):
        page(client, row, "q=ledger")


def test_marks_never_change_the_words(project: Project, mia: User) -> None:
    probe = make.channel(project, "probe", kind="probe", unit="token")
    row = make.transcript(project)
    track(probe, row, [1.0, 2.0, 0.5])
    shown = reading(row, sight=visible_to(mia), asked=Asked(words="it ledger"))
    bare = render(messages_of([row.pk])[row.pk], markdown=True)
    for marked, plain in zip(shown.document, bare, strict=True):
        for block, other in zip(marked.blocks, plain.blocks, strict=True):
            assert re.sub(r"<[^>]*>", "", block.html) == re.sub(r"<[^>]*>", "", other.html)
