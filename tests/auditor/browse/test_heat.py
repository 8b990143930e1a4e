"""Channels over the words: the panel, what fires on a token, and what the model read."""

import html

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from auditor.accounts.models import Project, User
from auditor.browse.asked import Anchor, Asked
from auditor.browse.features import firing
from auditor.corpus.models import Transcript
from auditor.evidence.actions import lay_veils
from auditor.evidence.blocks import NewBlock, write_blocks
from auditor.evidence.layers import blocks_on
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.interp.models import Dictionary, Explanation, Feature, Threshold
from tests import make
from tests.auditor.evidence.packets import on_page
from tests.auditor.evidence.test_layers import block
from tests.people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def channels(project: Project) -> list[Channel]:
    return [
        make.channel(project, "probe.dec.v1", kind="probe", unit="token", name="Deception probe", polarity="lies"),
        make.channel(project, "sae.gpt-l3.7", kind="sae", unit="token", name="Feature 7"),
    ]  # fmt: skip


@pytest.fixture
def row(project: Project, channels: list[Channel]) -> Transcript:
    made = make.transcript(project)
    values = block((channels[0].key, channels[1].key), [[4, 9, 1, 2, 3], [0, 0, 0, 8, 0]], top="gpt-l3")
    write_blocks(blocks=[NewBlock(made.pk, channels, values)], source="capture:1")
    for channel, value, at in ((channels[0], 3.0, (4, 7)), (channels[1], 8.0, (0, 4))):
        make.reading(channel, made, value, position=1, part="text", start=at[0], end=at[1])
    return made


def get(client: Client, row: Transcript, room: str = "", query: str = "") -> str:
    response = client.get(f"/p/{row.project.slug}/transcripts/{row.pk}/{room}?{query}")
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_two_channels_are_drawn_at_once_and_the_address_holds_them(row: Transcript, mia: User) -> None:
    seen = get(signed_in(mia), row, "", "heat=probe.dec.v1&heat2=sae.gpt-l3.7&threshold=2.5")
    assert [value for *_, value, _ in on_page(seen)[1, "text"]] == pytest.approx([2, 3], abs=1e-4)
    assert [value for *_, value, _ in on_page(seen, "heat2")[1, "text"]] == pytest.approx([8, 0], abs=1e-3)
    assert [counted for *_, counted in on_page(seen)[0, "text"]] == [False]
    assert 'data-warm="heat" data-name="Deception probe"' in seen
    assert 'data-warm="heat2" data-name="Feature 7"' in seen
    assert 'value="2.5"' in seen
    assert "High means: lies" in seen
    assert '[[1, "text", 4, 7, 3.0, ' in seen


def test_one_channel_is_not_drawn_twice(row: Transcript, mia: User) -> None:
    seen = get(signed_in(mia), row, "", "heat=probe.dec.v1&heat2=probe.dec.v1")
    assert 'data-warm="heat2"' not in seen


def test_a_threshold_names_its_controls_and_without_one_the_page_says_so(
    row: Transcript, channels: list[Channel], mia: User
) -> None:
    client = signed_in(mia)
    assert "No threshold is stored for this channel" in get(client, row)
    Threshold.objects.create(channel=channels[0], value=2.5, control="honest sarcasm", n=60, fired=3, wanted=0.05)  # fmt: skip
    seen = get(client, row)
    assert "Stored threshold 2.50: at or above it are 3 of 60 (5.0%) of honest sarcasm, 5.0% aimed at" in seen
    assert 'value="2.5"' in seen
    assert "not for single tokens" not in seen
    Channel.objects.filter(pk=channels[0].pk).update(detail={"aggregation": "mean"})
    assert "transcript's reading (mean of its tokens), not for single tokens" in get(client, row)


def test_the_panel_is_fetched_for_the_windows_that_are_there(row: Transcript, mia: User) -> None:
    seen = get(signed_in(mia), row, "heat/", "heat=sae.gpt-l3.7&after=1&before=2")
    assert set(on_page(seen)) == {(1, "text"), (1, "reasoning")}
    assert 'aria-current="true"' in seen
    assert "<html" not in seen
    assert on_page(get(signed_in(mia), row, "heat/", "heat=off")) == {}


def test_many_layers_are_looked_for_by_name(project: Project, row: Transcript, mia: User) -> None:
    assert "data-layer-search" not in get(signed_in(mia), row)
    many = [make.channel(project, f"sae.other.{i}", kind="sae", name=f"Number {i}") for i in range(64)]
    values = block(tuple(c.key for c in many), [[0.0, 0, 0, 1, 0]] * 64)
    write_blocks(blocks=[NewBlock(row.pk, many, values)], source="capture:2")
    seen = get(signed_in(mia), row)
    assert "Find a channel among 66" in seen
    assert "SAE features of other" in seen
    assert seen.count("data-layer-name") == 66


def test_what_is_usual_is_told_of_the_channel(row: Transcript, channels: list[Channel], mia: User) -> None:
    for value in range(10):
        make.reading(channels[0], make.transcript(row.project), float(value))
    address = f"/p/{row.project.slug}/channels/{channels[0].pk}/spread/"
    seen = signed_in(mia).get(address).content.decode()
    assert 'data-percentile="50" data-value="4.0"' in seen
    assert "not enough" in seen  # the 99th of eleven
    assert "Of 11\u00a0transcripts that you may see" in seen


def test_features_of_a_token_and_of_a_span(project: Project, row: Transcript, mia: User) -> None:
    dictionary = Dictionary.objects.create(
        project=project, slug="gpt-l3", name="Tiny, layer 3", kind="jumprelu", hook="blocks.3.hook_resid_post", layer=3,
        d_in=8, d_sae=16, normalization="none", weights="none", digest="0" * 64, size=1,
    )  # fmt: skip
    known = Feature.objects.create(dictionary=dictionary, index=9, density=0.031)
    Explanation.objects.create(feature=known, text="<b>deception</b>", source="a file")
    address = f"/p/{project.slug}/transcripts/{row.pk}/features/?at=1.text.4-7"
    seen = signed_in(mia).get(address).content.decode()
    assert "&lt;b&gt;deception&lt;/b&gt;" in seen
    assert "3.1%" in seen
    assert "hypothesis" in seen
    assert "not explained" in seen
    found = firing(row, Anchor(1, "text", 0, 7), blocks_on(visible_to(mia), row.pk))
    assert found.n_tokens == 2
    (fires,) = found.fires
    assert [(one.index, one.value, one.n_tokens) for one in fires.rows] == [(7, 0.5, 2), (9, 0.25, 2)]
    assert [(c.key, value) for c, value in found.channels] == [("sae.gpt-l3.7", 8.0), ("probe.dec.v1", 3.0)]
    elsewhere = firing(row, Anchor(1, "part:0", 0, 7), blocks_on(visible_to(mia), row.pk))
    assert (elsewhere.n_tokens, elsewhere.fires, elsewhere.channels) == (0, [], [])
    assert signed_in(mia).get(address.replace("1.text.4-7", "1")).status_code == 404


def test_what_the_model_read_is_shown_token_by_token(row: Transcript, mia: User) -> None:
    seen = get(signed_in(mia), row, "tokens/", "heat=sae.gpt-l3.7")
    assert "abcde" in seen
    assert "message 2, text 4–7" in seen
    assert "tiny" in seen
    assert "of which 3 count" in seen
    assert '<td class="num sae">8</td>' in seen
    assert "No model has read this transcript" in get(signed_in(mia), make.transcript(row.project), "tokens/")
    (held,) = visible_to(mia).blocks([row.pk])
    default_storage.delete(held.shard.path)
    assert "could not be read" in get(signed_in(mia), row, "tokens/")
    assert "could not be read" in get(signed_in(mia), row)


def test_the_overview_knows_blocks(row: Transcript, mia: User) -> None:
    seen = get(signed_in(mia), row, "overview/", "heat=probe.dec.v1")
    assert seen.count("signal h-") == 1  # of the assistant's message: the user's token does not count
    assert "highest 3" in seen


def test_the_veiled_see_no_layer_no_features_and_no_rendered_text(row: Transcript, ana: User) -> None:
    lay_veils(person_ids=[ana.pk], transcript_ids=[row.pk], round_key="round:1", scopes=["machine"])
    client = signed_in(ana)
    for room in ("", "heat/", "features/", "tokens/", "overview/"):
        seen = get(client, row, room, "heat=probe.dec.v1&heat2=sae.gpt-l3.7&at=1.text.4-7")
        for told in (
            "Deception",
            "Feature 7",
            "abcde",
            "tokens-",
            "data-warm",
            "gpt-l3",
            "tiny",
            "signal h-",
        ):
            assert told not in seen.replace("sae.gpt-l3.7", ""), (
                room,
                told,
            )  # a page repeats what was asked for


@pytest.mark.parametrize(
    ("given", "read"), [("0.4", 0.4), ("-1e-3", -0.001), ("", None), ("nan", None), ("1e999", None), ("x", None)]
)  # fmt: skip
def test_a_threshold_in_the_address_is_a_finite_number(given: str, read: float | None) -> None:
    assert Asked.from_query({"threshold": given}).threshold == read


def test_side_by_side_one_channel_is_on_the_words_of_each(
    row: Transcript, channels: list[Channel], mia: User, ana: User
) -> None:
    other = make.transcript(row.project)
    values = block((channels[0].key,), [[0, 0, 0, 0.5, 0]])
    write_blocks(blocks=[NewBlock(other.pk, channels[:1], values)], source="capture:1")
    address = f"/p/{row.project.slug}/transcripts/compare/?ids={row.pk},{other.pk}&at=0-0&heat=probe.dec.v1"
    seen = signed_in(mia).get(address).content.decode()
    assert seen.count('type="application/json"') == 2
    assert 'data-heat-lo="0.0" data-heat-hi="3.0"' in seen
    assert on_page(seen) == {}  # a packet here has no slots: it is one channel's
    assert "<b>Deception probe</b> on the words" in seen
    lay_veils(person_ids=[ana.pk], transcript_ids=[row.pk], round_key="round:1", scopes=["machine"])
    hidden = signed_in(ana).get(address).content.decode()
    assert '<script id="tokens-0" type="application/json">{"parts": []' in hidden
    assert '<script id="tokens-1" type="application/json">{"parts": [[' in hidden
    for odd in ("nothing", "%00", ""):
        assert "tokens-0" not in signed_in(mia).get(address.replace("probe.dec.v1", odd)).content.decode()
