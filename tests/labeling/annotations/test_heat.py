"""Channels over the words at the desk: only what was revealed, and a token of it as evidence."""

import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.evidence.blocks import NewBlock, write_blocks
from auditor.evidence.models import Channel, Reading
from labeling.annotations.actions import commit_blind, commit_final
from labeling.annotations.content import BadContent, Content, Place, Relied
from labeling.annotations.models import LabelRevision, Reveal
from labeling.queues.models import Item
from tests import make
from tests.auditor.evidence.packets import on_page
from tests.auditor.evidence.test_layers import block
from tests.labeling.annotations.at_desk import on_desk
from tests.people import signed_in

pytestmark = pytest.mark.django_db

HONEST = {"truth": "true"}


@pytest.fixture
def probe(project: Project) -> Channel:
    return make.channel(project, "probe.dec.v1", kind="probe", unit="token", name="Deception probe")


@pytest.fixture
def item(project: Project, probe: Channel, ana: User) -> Item:
    transcript = make.transcript(project)
    captured(transcript, probe, [4, 9, 1, 2, 3], source="capture:1")
    make.reading(probe, transcript, 3.0, position=1, part="text", start=4, end=7)
    return on_desk(make.round(project, [transcript], [ana]), ana)


def captured(transcript: Transcript, channel: Channel, values: list[float], *, source: str) -> None:
    new = NewBlock(transcript.pk, [channel], block((channel.key,), [values], top="gpt-l3"))
    write_blocks(blocks=[new], source=source)


def heat(item: Item, who: User, room: str = "heat", query: str = "?heat=probe.dec.v1") -> str:
    address = reverse(f"annotations:{room}", args=[item.round.project.slug, item.pk])
    return signed_in(who).get(address + query).content.decode()


def test_nothing_before_the_reveal_and_blocks_after_it(item: Item, ana: User) -> None:
    fires = "?at=1.text.0-4"
    assert heat(item, ana).strip() == ""
    assert "gpt-l3" not in heat(item, ana, "features", fires)
    commit_blind(item=item, reviewer=ana, content=Content.of(answers=HONEST))
    (kept,) = Reveal.objects.get().blocks
    assert [value for *_, value, _ in on_page(heat(item, ana))[1, "text"]] == pytest.approx([2, 3], abs=1e-4)
    assert "gpt-l3" in heat(item, ana, "features", fires)
    page = (
        signed_in(ana)
        .get(reverse("annotations:item", args=[item.round.project.slug, item.pk]))
        .content.decode()
    )
    assert "Deception probe" in page
    assert on_page(page) == {}  # none is drawn until it is chosen
    assert kept


def test_what_came_after_the_reveal_is_not_drawn(item: Item, probe: Channel, ana: User) -> None:
    commit_blind(item=item, reviewer=ana, content=Content.of(answers=HONEST))
    captured(item.transcript, probe, [7, 7, 7, 7, 7], source="capture:1")  # supersedes what was shown
    assert on_page(heat(item, ana)) == {}


def test_a_token_is_evidence_with_its_place_and_value(item: Item, ana: User) -> None:
    reading = Reading.objects.get()
    commit_blind(item=item, reviewer=ana, content=Content.of(answers=HONEST))
    shown = heat(item, ana)
    assert f'"1/text": {reading.pk}' in shown
    place = Place(1, "text", 0, 4)
    commit_final(
        item=item, reviewer=ana, base=0, content=Content.of(answers=HONEST, relied_on=(Relied(reading.pk, place),))
    )  # fmt: skip
    (kept,) = LabelRevision.objects.get(stage="final").relied_on
    assert (kept["reading"], kept["channel"], kept["value"]) == (reading.pk, "probe.dec.v1", 2.0)
    assert (kept["place"]["start"], kept["place"]["end"]) == (0, 4)


def test_words_without_a_token_have_no_value_of_their_own(item: Item, ana: User) -> None:
    reading = Reading.objects.get()
    commit_blind(item=item, reviewer=ana, content=Content.of(answers=HONEST))
    beyond = Content.of(answers=HONEST, relied_on=(Relied(reading.pk, Place(1, "text", 8, 12)),))
    commit_final(item=item, reviewer=ana, base=0, content=beyond)
    assert "value" not in LabelRevision.objects.get(stage="final").relied_on[0]
    nowhere = Content.of(answers=HONEST, relied_on=(Relied(reading.pk, Place(1, "text", 900, 904)),))
    with pytest.raises(BadContent):
        commit_final(item=item, reviewer=ana, base=1, content=nowhere)
