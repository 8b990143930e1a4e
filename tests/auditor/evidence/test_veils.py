"""Canaries: what is veiled to a person is on no page of theirs, and no page tells it by what it leaves in or out."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.evidence.actions import CitedQuote, lay_veils, lift_veils
from auditor.evidence.filters import Filter, FilterError, check_names
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.evidence.tracks import NewTrack, write_tracks
from tests import make
from tests.people import signed_in

MILLISECONDS = re.compile(r"\d+&nbsp;ms|csrf\w*[^>]*|X-CSRFToken[^}]*")
CANARY = "canary7319"
VALUE = 7319.25


@pytest.fixture
def veiled(project: Project, ana: User, mia: User) -> Transcript:
    """A transcript with a canary in every kind of evidence, veiled to Ana; two more, one without evidence."""
    row = make.transcript(
        project, external_id="veiled-one", metadata={CANARY: CANARY}, conditions={"seen": "no"}
    )
    judge = make.channel(project)
    probe = make.channel(project, "probe", kind="probe", unit="token")
    people = make.channel(project, "people.label", kind="human")
    ruling = make.channel(project, "people.ruling", kind="human")
    quotes = (CitedQuote("cleared on 14 March"), CitedQuote(CANARY))
    make.reading(judge, row, VALUE, label=CANARY, explanation=CANARY, quotes=quotes, detail={"x": CANARY})
    make.reading(judge, row, VALUE, label=CANARY, position=1)
    detail = {"words": CANARY, "group": "intent", "grade": CANARY}
    make.reading(people, row, None, label=CANARY, identifier=str(mia.pk), detail=detail, explanation=CANARY)
    make.reading(ruling, row, None, label=CANARY, identifier=str(mia.pk), detail=detail)
    write_tracks(tracks=[NewTrack(probe, row.pk, 1, "text", [0, 3], [3, 6], [1.0, VALUE])], source="test")
    other = make.transcript(project, external_id="other-one")
    make.reading(judge, other, 1.0, label="plain")
    make.transcript(project, external_id="bare-one")
    lay_veils(person_ids=[ana.pk], transcript_ids=[row.pk], round_key="round:1", scopes=["machine", "human"])
    return row


@pytest.mark.parametrize("scopes", [("machine",), ("human",), ("machine", "human"), ()])
def test_values_of_a_page_keep_to_the_veil_of_their_channel(
    project: Project, ana: User, mia: User, scopes: tuple[str, ...]
) -> None:
    row, other = (make.transcript(project) for _ in range(2))
    said = {"machine": make.channel(project), "human": make.channel(project, "people.label", kind="human")}
    for channel in said.values():
        for one in (row, other):
            make.reading(channel, one, None, label="D")
    unasked = make.channel(project, "judge.unasked")
    make.reading(unasked, row, 1.0)
    lay_veils(person_ids=[ana.pk], transcript_ids=[row.pk], round_key="round:1", scopes=scopes)
    everything = {(one.pk, channel.pk): (None, "D") for one in (row, other) for channel in said.values()}
    hidden = {(row.pk, said[scope].pk) for scope in scopes}
    ids = [row.pk, other.pk]
    assert visible_to(mia).rolled(ids, said.values()) == everything
    assert visible_to(ana).rolled(ids, said.values()) == {
        place: value for place, value in everything.items() if place not in hidden
    }
    for scope in said:
        assert visible_to(ana).veiled_ids(ids, scope) == ({row.pk} if scope in scopes else set())
        assert visible_to(ana).is_veiled_anywhere(project.pk, [scope]) == (scope in scopes)
        assert visible_to(ana).is_veiled_anywhere(project.pk + 1, [scope]) is False
    assert visible_to(ana).n_veiled_upto(project.pk, said, 10) == (1 if scopes else 0)
    assert visible_to(mia).n_veiled_upto(project.pk, said, 10) == 0
    lift_veils(round_key="round:1", scopes=["machine", "human"])
    assert visible_to(ana).rolled(ids, said.values()) == everything
    assert visible_to(ana).n_veiled_upto(project.pk, said, 10) == 0


def queries() -> Iterator[str]:
    """Every way to ask a list about evidence, and some that do not."""
    yield from (
        "",
        "q=ledger",
        "q=" + CANARY,
        "model=m-7b",
        "cond.seen=no",
        "id=veiled-one",
        "sort=model",
        "after=WzEsMV0",
    )
    for key in ("judge.quill", "probe", "people.label", "people.ruling"):
        yield from (f"sort={sign}ch.{key}" for sign in ("", "-"))
        yield f"col={key}"
        yield f"heat={key}"
        for bounds in ("..", "7000..", "..7000", "7319.25..7319.25", "=" + CANARY, "=plain"):
            yield urlencode({f"ch.{key}": bounds})
            yield urlencode({f"ch.{key}": bounds, "model": "m-7b", "sort": "length", "col": key})
    yield from (f"label={CANARY}", "label=none", f"label=none&label={CANARY}")


def names_evidence(query: str) -> bool:
    return any(part.startswith(("ch.", "label=", "sort=ch.", "sort=-ch.")) for part in query.split("&"))


def unasked(seen: str, query: str) -> str:
    """The page without what the query itself said, which it may say back."""
    return seen if CANARY not in query else ""


def get(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code in (200, 302)
    return response.content.decode()


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "fragment"])
def test_no_list_shows_or_tells_what_is_veiled(
    project: Project, ana: User, veiled: Transcript, headers: dict[str, str]
) -> None:
    client = signed_in(ana)
    for query in queries():
        response = client.get(f"/p/{project.slug}/transcripts/?{query}", headers=headers)
        seen = response.content.decode()
        assert response.status_code == 200, query
        assert CANARY not in unasked(seen, query), query
        assert "7319" not in seen.replace(CANARY, "") or "7319" in query, query
        assert "7,319" not in seen, query
        if names_evidence(query):
            assert "veiled-one" not in seen.replace("id=veiled-one", ""), query
            assert "1\u00a0transcript that you have yet to label blind is left out" in seen, query


def test_the_same_lists_show_it_to_who_may_see_it(project: Project, bo: User, veiled: Transcript) -> None:
    client = signed_in(bo)
    assert "veiled-one" in get(client, f"/p/{project.slug}/transcripts/?ch.judge.quill=7000..")
    assert "veiled-one" in get(client, f"/p/{project.slug}/transcripts/?label={CANARY}")
    assert "left out" not in get(client, f"/p/{project.slug}/transcripts/?ch.judge.quill=7000..")
    seen = get(client, f"/p/{project.slug}/transcripts/{veiled.pk}/")
    assert seen.count(CANARY) > 8
    assert "heat-31" in seen


def test_every_answer_about_evidence_is_the_one_for_a_project_without_the_transcript(
    project: Project, ana: User, veiled: Transcript
) -> None:
    """What a page says of evidence must not depend on what the veiled evidence says."""
    client = signed_in(ana)

    def answers() -> list[str]:
        pages = [
            get(client, f"/p/{project.slug}/transcripts/?{query}")
            for query in queries()
            if "heat" not in query
        ]
        return [MILLISECONDS.sub("", page.split('id="facets"')[-1]) for page in pages]

    before = answers()
    judge = Channel.objects.get(key="judge.quill")
    make.reading(judge, veiled, 3.0, label="plain")
    make.reading(judge, veiled, 2.0, label="plain", position=1)
    make.reading(Channel.objects.get(key="people.label"), veiled, None, label="X", identifier="99")
    assert answers() == before


def test_the_transcripts_page_is_its_bare_words(project: Project, ana: User, veiled: Transcript) -> None:
    client = signed_in(ana)
    for query in queries():
        if CANARY in query:
            continue
        seen = get(client, f"/p/{project.slug}/transcripts/{veiled.pk}/?{query}")
        assert "Evidence is hidden until your blind label is committed." in seen
        assert f"/p/{project.slug}/review/" in seen
        for told in (CANARY, "7319", "Metadata", "mark-q", "heat-", "Show on text", "judge.quill"):
            assert told not in seen.replace('name="heat" value="judge.quill"', ""), (query, told)


def test_no_page_of_channels_shows_it(project: Project, ana: User, veiled: Transcript) -> None:
    client = signed_in(ana)
    for path in ("", *(f"{pk}/" for pk in Channel.objects.values_list("pk", flat=True))):
        seen = get(client, f"/p/{project.slug}/channels/{path}")
        assert CANARY not in seen
        assert "7319" not in seen
        assert "7,319" not in seen
        assert "veiled-one" not in seen
        assert "1\u00a0transcript whose evidence is hidden" in seen


def test_the_peak_of_a_veiled_track_does_not_set_the_scale_of_another(
    project: Project, ana: User, veiled: Transcript
) -> None:
    other = Transcript.objects.get(external_id="other-one")
    probe = Channel.objects.get(key="probe")
    write_tracks(tracks=[NewTrack(probe, other.pk, 1, "text", [0], [3], [2.0])], source="test")
    seen = get(signed_in(ana), f"/p/{project.slug}/transcripts/{other.pk}/")
    assert "heat-31" in seen
    assert "7,319" not in seen


def test_the_blind_label_shows_the_machines_and_still_not_the_colleagues(
    project: Project, ana: User, veiled: Transcript
) -> None:
    lift_veils(round_key="round:1", scopes=["machine"], person_id=ana.pk, transcript_id=veiled.pk)
    client = signed_in(ana)
    seen = get(client, f"/p/{project.slug}/transcripts/{veiled.pk}/")
    assert CANARY in seen
    assert "Mia:" not in seen
    assert "veiled-one" in get(client, f"/p/{project.slug}/transcripts/?ch.judge.quill=7000..")
    assert "veiled-one" not in get(client, f"/p/{project.slug}/transcripts/?label=none")


def test_a_manager_who_reviews_is_veiled_too(project: Project, mia: User, veiled: Transcript) -> None:
    lay_veils(
        person_ids=[mia.pk], transcript_ids=[veiled.pk], round_key="round:1", scopes=["machine", "human"]
    )
    assert CANARY not in get(signed_in(mia), f"/p/{project.slug}/transcripts/{veiled.pk}/")


def test_a_name_of_metadata_is_known_to_a_veiled_person_by_what_they_may_see_alone(
    project: Project,
    veiled: Transcript,
    ana: User,
    mia: User,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make.transcript(project, metadata={"task": {"kind": "open"}, "empty": None})

    def check(text: str, person: User) -> None:
        check_names(Filter(where=text), project_id=project.pk, sight=visible_to(person))

    check(f"has meta.{CANARY}", mia)
    with pytest.raises(FilterError, match=f"No transcript has meta.{CANARY}"):
        check(f"has meta.{CANARY}", ana)
    for known in ("has meta.task", 'meta.task.kind = "open"', "meta.empty = null"):
        check(known, ana)
    with pytest.raises(FilterError) as caught:
        check("has meta.task.kinds", ana)
    assert caught.value.nearest == "meta.task.kind"
    with django_assert_num_queries(2):
        check('meta.task.kind = "open"', ana)
    lift_veils(person_id=ana.pk, transcript_id=veiled.pk, round_key="round:1", scopes=["machine"])
    check(f"has meta.{CANARY}", ana)
