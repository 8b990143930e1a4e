"""Every address of the app: strangers learn nothing, and who is blind sees no evidence anywhere.

The addresses come from the URL configuration itself, so a page that is added is tested, or this fails.
"""

from urllib.parse import parse_qs

import pytest
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.queues.models import Round
from tests.doors import MACHINE, OPEN_TO_ALL, OWN, PEOPLE, QUERIES, SAID_OF, address_of, addresses, scene
from tests.people import signed_in
from tests.watched import Watched, watched

__all__ = ["scene", "watched"]


def test_strangers_and_visitors_learn_nothing(project: Project, scene: dict[str, int], cy: User) -> None:
    stranger, visitor = signed_in(cy), Client()
    for name, takes in addresses():
        address = address_of(name, takes, project, scene)
        if name in OPEN_TO_ALL:
            assert visitor.get(address).status_code in (200, 410), name
            continue
        for method in ("get", "post"):
            answer = getattr(visitor, method)(address)
            assert answer.status_code in (302, 405), (name, method, answer.status_code)
            if answer.status_code == 302:
                assert answer.headers["Location"].startswith("/sign-in/"), name
            if name not in OWN:
                assert getattr(stranger, method)(address).status_code in (404, 405), (name, method)


@pytest.mark.parametrize("who", ["ana", "mia"])
def test_who_is_blind_sees_no_evidence_on_any_page(
    project: Project, scene: dict[str, int], who: str, request: pytest.FixtureRequest, watched: type[Watched]
) -> None:
    browser = signed_in(request.getfixturevalue(who))
    seen = 0
    for name, takes in addresses():
        if name in OPEN_TO_ALL or "token" in takes:
            continue
        address = address_of(name, takes, project, scene)
        watched.forget()
        left, asks = list(QUERIES), [{}, {"HX-Request": "true"}]
        # the address alone, then each query that names what the page has read so far, until it reads nothing new
        while (
            query := next((one for one in left if not one or watched.is_asked(parse_qs(one[1:], True))), None)
        ) is not None:
            left.remove(query)
            lengths = set()
            for headers in asks:
                answer = browser.get(address + query, headers=headers)
                body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
                assert answer.status_code in (200, 286, 302, 404, 405, 422), (name, query, answer.status_code)
                seen += answer.status_code == 200
                lengths.add(len(body) // 64)
                # a page may repeat what was asked for; whether that tells anything is the next test's question
                for canary in (PEOPLE,) if MACHINE in query else (MACHINE, PEOPLE):
                    assert canary.encode() not in body, (name, query, canary)
            if answer.status_code == 405:  # whoever posts there alone is asked nothing in the address
                break
            if len(lengths) == 1 and answer.status_code == 200:
                asks = [{}]  # a page that is the same for a fragment's asker is asked once from now on
    assert seen > 100


def test_what_a_filter_finds_does_not_tell_a_blind_person(
    project: Project, scene: dict[str, int], ana: User, bo: User
) -> None:
    address = reverse("browse:list", args=[project.slug])
    for query in (
        "?ch.judge.quill=0..100",
        f"?ch.judge.quill=={MACHINE}",
        "?sort=-ch.judge.quill",
        "?label=none",
        "?label=%3F",
        "?where=judge.quill+>+0",
        "?where=not+judge.quill+>+900",
        "?where=has+meta.note",
        "?where=not+labeled",
        '?where=not+ruling+%3D+"D"',
    ):
        assert "the-one" not in signed_in(ana).get(address + query).content.decode(), query
        file = signed_in(ana).get(f"{address}export.csv{query}")
        body = b"".join(file.streaming_content) if file.streaming else file.content  # type: ignore[attr-defined]
        assert b"the-one" not in body, query
    assert "the-one" in signed_in(bo).get(address + "?ch.judge.quill=0..100").content.decode()
    assert "the-one" in signed_in(ana).get(address).content.decode()


def test_the_same_pages_show_it_to_who_may_see_it(project: Project, scene: dict[str, int]) -> None:
    """The canaries do sing: without this the test above could pass on empty pages."""
    olga = signed_in(User.objects.get(name="Olga"))
    transcript = reverse("browse:transcript", args=[project.slug, scene["transcript"]])
    assert MACHINE in olga.get(transcript).content.decode()
    for room in ("features/?at=1.text.0-4", "tokens/"):
        assert MACHINE in olga.get(transcript + room).content.decode(), room
    for name, row in (
        ("verdict", "verdict"),
        ("calls", "verdict"),
        ("run", "judging"),
        ("preflight", "preflight"),
    ):
        assert (
            MACHINE in olga.get(reverse(f"judging:{name}", args=[project.slug, scene[row]])).content.decode()
        ), name
    captured = reverse("interp:capture", args=[project.slug, scene["capture"]])
    assert MACHINE in olga.get(captured).content.decode()
    trained = reverse("interp:training", args=[project.slug, scene["training"]])
    assert PEOPLE in olga.get(trained).content.decode()
    measured = [project.slug, scene["channel"]]
    for room, query in (
        ("channel", {"contrast": SAID_OF}),
        ("channel_plot", {"of": "confusion", "question": SAID_OF}),
    ):
        assert MACHINE in olga.get(reverse(f"validity:{room}", args=measured), query).content.decode(), room
    case = reverse("adjudication:case", args=[project.slug, scene["case"]])
    assert PEOPLE in olga.get(case).content.decode()
    for page in ("discussion:thread", "discussion:transcript"):
        shown = reverse(page, args=[project.slug, scene[page.partition(":")[2]]])
        assert PEOPLE in olga.get(shown).content.decode()
    assert PEOPLE in olga.get(reverse("queues:gold_set", args=[project.slug, scene["gold"]])).content.decode()
    file = reverse("datasets:download", args=[project.slug, scene["release"], "labels.jsonl"])
    body = b"".join(olga.get(file).streaming_content)  # type: ignore[attr-defined]
    assert PEOPLE.encode() in body
    assert MACHINE.encode() in body
    assert Round.objects.count() == 2
