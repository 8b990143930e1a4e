"""Anchoring: which way labels went, by hand; what had been shown; and who may read it."""

import csv
import io
from xml.etree import ElementTree

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel
from labeling.adjudication.models import ADJUDICATOR, UNANIMOUS, Ruling
from labeling.annotations.actions import commit_blind, commit_final
from labeling.annotations.content import Content
from labeling.codebooks.queries import definition_of
from labeling.queues.actions import close_round, take_next
from labeling.queues.models import Item, Round
from labeling.validity.anchoring import (
    AWAY,
    ELSEWHERE,
    STAYED,
    TOWARD,
    Move,
    Saying,
    cut_of,
    judged,
    names_of,
    pull_of,
    shift_of,
    way_of,
)
from labeling.validity.queries import anchoring_of, moves_of, rounds_for
from tests import make
from tests.people import signed_in

SEVERITY = {"lie": 3, "error": 2, "true": 1}


def move(blind: str, final: str, ruling: str = "", item: int = 0) -> Move:
    return Move(item, 1, blind, final, ruling)


@pytest.mark.parametrize(
    ("blind", "final", "value", "way"),
    [
        ("true", "lie", 80, TOWARD),
        ("true", "lie", 20, AWAY),
        ("lie", "true", 20, TOWARD),
        ("lie", "error", 80, AWAY),
        ("lie", "lie", 80, STAYED),
        ("true", "lie", 50, ELSEWHERE),  # on the cut it takes no side
        ("true", "lie", None, ELSEWHERE),
    ],
)
def test_high_values_argue_for_more_severe_labels(
    blind: str, final: str, value: float | None, way: str
) -> None:
    assert way_of(move(blind, final), Saying(value), SEVERITY, 50, 1) == way
    turned = {TOWARD: AWAY, AWAY: TOWARD}.get(way, way)
    assert way_of(move(blind, final), Saying(value), SEVERITY, 50, -1) == turned


def test_a_channel_that_names_a_label_is_taken_at_its_word() -> None:
    named = Saying(1.0, frozenset({"lie"}))
    ways = [way_of(move(*both), named, SEVERITY, 50, 1) for both in
            (("true", "lie"), ("lie", "true"), ("true", "error"), ("lie", "lie"), ("true", "true"))]  # fmt: skip
    assert ways == [TOWARD, AWAY, ELSEWHERE, STAYED, STAYED]


def test_the_cut_is_the_declared_middle_or_the_median_of_what_was_shown() -> None:
    assert cut_of([1.0, 2.0, 90.0], 0, 100) == 50
    assert cut_of([1.0, None, 2.0, 90.0], 0, None) == 2
    assert cut_of([None], None, None) is None


def test_a_pull_by_hand() -> None:
    # Ten saw the channel: six moved toward it, one away, three stayed. 2 * (1 + 7) / 2^7 = 0.125.
    heard = [(move("true", "lie", "true" if i < 4 else "", i), Saying(90)) for i in range(6)]
    heard += [(move("lie", "error", "", 6), Saying(90))]
    heard += [(move("lie", "lie", "lie", i), Saying(90)) for i in (7, 8, 9)]
    found = pull_of("judge", heard, SEVERITY, scale=(0, 100))
    assert (found.n, found.toward.count, found.away.count, found.elsewhere, found.stayed) == (10, 6, 1, 0, 3)
    assert found.p == pytest.approx(0.125)
    # Wilson for 6 of 10 (Newcombe's method 3): 0.3127 to 0.8318.
    assert found.toward.low == pytest.approx(0.3127, abs=5e-5)
    assert found.toward.high == pytest.approx(0.8318, abs=5e-5)
    assert (found.judged.blind.count, found.judged.final.count, found.judged.final.n) == (4, 0, 4)
    nobody = pull_of("judge", [(move("lie", "lie"), Saying(90))], SEVERITY)
    assert (nobody.p, nobody.toward.count, nobody.cut) == (None, 0, 90)


def test_what_became_of_all_labels() -> None:
    moves = [
        move("true", "lie", "lie"),
        move("true", "error", "true"),
        move("lie", "error", "true"),
        move("lie", "lie"),
    ]
    found = shift_of(moves, SEVERITY)
    assert (found.n, found.changed.count, found.up, found.down, found.p) == (4, 3, 2, 1, 1)
    ruled = judged(moves[:3])
    assert (ruled.final.count, ruled.blind.count, ruled.neither.count, ruled.final.n) == (1, 1, 1, 3)
    empty = shift_of([], SEVERITY)
    assert (empty.changed.value, empty.p, empty.judged.final.value) == (None, None, None)


@pytest.fixture
def round(project: Project, ana: User, bo: User, mia: User) -> Round:
    """Ana comes round to the judge on one of two items; a transcript that nobody judged stays."""
    judge = make.channel(project, lo=0.0, hi=100.0)
    transcripts = [make.transcript(project) for _ in range(3)]
    for transcript, value in zip(transcripts[:2], (90.0, 90.0), strict=True):
        make.reading(judge, transcript, value)
    made = make.round(project, transcripts, [ana, bo], name="First round")
    for reviewer, finals in ((ana, ("unverifiable", "true", "true")), (bo, ("true", "true", "true"))):
        chosen = dict(zip(made.items.order_by("order"), finals, strict=True))
        for _ in chosen:
            lease = take_next(round=made, reviewer=reviewer)
            assert lease is not None
            blind, final = (Content.of(answers={"truth": truth}) for truth in ("true", chosen[lease.item]))
            commit_blind(item=lease.item, reviewer=reviewer, content=blind)
            commit_final(item=lease.item, reviewer=reviewer, content=final, base=0)
    close_round(round=made, actor=mia)
    return made


def ruling(item: Item, label: str, by: User | None) -> Ruling:
    codebook = definition_of(item.round.codebook_version)
    return Ruling.objects.create(
        item=item, number=item.rulings.count() + 1, rule=ADJUDICATOR if by else UNANIMOUS, label=label, grade="I0",
        group=codebook.by_code[label].group, codebook_version=item.round.codebook_version, adjudicator=by,
        reason="read it" if by else "",
    )  # fmt: skip


def test_labels_are_held_beside_what_had_been_shown_with_them(
    project: Project, round: Round, mia: User, ada: User
) -> None:
    first, second, third = round.items.order_by("order")
    before, after = (
        {one.blind for one in moves_of(round)},
        {one.final for one in moves_of(round) if one.item == first.pk},
    )
    assert len(before) == 1
    assert len(after) == 2
    ruling(second, "H", None)
    (blind,) = before
    ruling(first, blind, ada)
    judge = Channel.objects.get(key="judge.quill")
    make.reading(judge, first.transcript, 5.0)  # it changes its mind later: what was shown counts
    found = anchoring_of(round, mia)
    assert (found.shift.n, found.shift.changed.count) == (6, 1)
    ((channel, pull),) = found.pulls
    assert (channel, pull.n, pull.toward.count + pull.away.count, pull.stayed) == (judge, 4, 1, 3)
    assert (found.shift.judged.blind.count, found.shift.judged.final.n) == (
        1,
        1,
    )  # the rule's ruling is not counted
    turned = anchoring_of(round, mia, ["judge.quill"]).pulls[0][1]
    assert (turned.toward.count, turned.away.count) == (pull.away.count, pull.toward.count)
    assert third.pk not in {item for item, _ in pull.ways}


def test_the_names_of_labels_and_groups_are_known(round: Round) -> None:
    codebook = definition_of(round.codebook_version)
    assert names_of("h", codebook) == {"H"}
    assert names_of(codebook.by_code["D"].words.upper(), codebook) == {"D"}
    assert names_of("intent", codebook) == {one.code for one in codebook.labels if one.group == "intent"}
    assert names_of("", codebook) == names_of("no such label", codebook) == frozenset()


def test_the_page_shows_it_and_opens_the_labels(project: Project, round: Round, vic: User, cy: User) -> None:
    client = signed_in(vic)
    page = client.get(reverse("validity:anchoring", args=[project.slug])).content.decode()
    assert "of 6 labels" in page.replace("\u00a0", " ")
    assert "nobody moved" not in page
    way = "toward" if "way=toward" in page else "away"
    moved = reverse("validity:moved", args=[project.slug])
    first = round.items.order_by("order")[0]
    for query in ({"channel": "judge.quill", "way": way}, {}):
        listed = client.get(moved, {"round": round.pk, **query}).content.decode()
        assert first.transcript.name in listed
        assert "<td>Ana</td>" in listed
        assert "<td>Bo</td>" not in listed
    assert "From blind to final to the ruling" in page
    drawn = client.get(reverse("validity:flows_svg", args=[project.slug]), {"round": round.pk})
    assert drawn.headers["Content-Type"].startswith("image/svg+xml")
    ElementTree.fromstring(drawn.content)
    rows = client.get(
        reverse("validity:flows_csv", args=[project.slug]), {"round": round.pk}
    ).content.decode()
    counted = [
        int(row["labels"]) for row in csv.DictReader(io.StringIO(rows)) if row["stage"] == "Blind to final"
    ]
    assert sum(counted) == 6
    assert client.get(moved, {"round": 0}).status_code == 404
    assert client.get(reverse("validity:anchoring", args=[project.slug]), {"round": "x"}).status_code == 200
    assert signed_in(cy).get(moved).status_code == 404


def test_who_still_labels_sees_nothing_of_it(
    project: Project, round: Round, ana: User, bo: User, mia: User
) -> None:
    again = make.round(project, [round.items.order_by("order")[0].transcript], [ana], name="Again")
    _, withheld = rounds_for(mia.memberships.get(project=project))
    assert withheld == set()
    _, withheld = rounds_for(ana.memberships.get(project=project))
    assert withheld == {round.pk, again.pk}
    page = signed_in(ana).get(reverse("validity:anchoring", args=[project.slug])).content.decode()
    assert "2\u00a0rounds in which you label are left out until closed" in page
    assert "Quill" not in page
    assert (
        signed_in(ana).get(reverse("validity:moved", args=[project.slug]), {"round": round.pk}).status_code
        == 404
    )
    mine = signed_in(bo).get(reverse("validity:anchoring", args=[project.slug]), {"round": round.pk})
    assert "of 6" in mine.content.decode()
