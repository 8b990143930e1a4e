"""The pages of channels."""

import pytest
from pytest_django import DjangoAssertNumQueries

from auditor.accounts.models import Project, User
from auditor.evidence.actions import lay_veils
from auditor.evidence.models import Channel
from tests import make
from tests.people import signed_in


@pytest.fixture
def judge(project: Project) -> Channel:
    found = make.channel(project, "judges/quill.v1", name="Quill", polarity="deceptive", lo=0.0, hi=1.0)
    for value in (0.1, 0.5, 0.9):
        make.reading(found, make.transcript(project, external_id=f"at-{value}"), value)
    return found


def test_a_stranger_gets_404(project: Project, judge: Channel, cy: User) -> None:
    for path in ("", f"{judge.pk}/"):
        assert signed_in(cy).get(f"/p/{project.slug}/channels/{path}").status_code == 404


def test_a_channel_of_another_project_is_404(project: Project, mia: User) -> None:
    assert signed_in(mia).get(f"/p/{project.slug}/channels/999999/").status_code == 404


def test_an_empty_project_says_where_channels_come_from(project: Project, vic: User) -> None:
    assert "No channels yet" in signed_in(vic).get(f"/p/{project.slug}/channels/").content.decode()


def test_channels_stand_by_kind_with_their_spread(project: Project, judge: Channel, vic: User) -> None:
    make.channel(project, "people.label", kind="human")
    make.reading(make.channel(project, "said"), make.transcript(project), None, label="odd & <b>")
    seen = signed_in(vic).get(f"/p/{project.slug}/channels/").content.decode()
    for words in (
        "Quill",
        "judges/quill.v1",
        "deceptive",
        "0 to 1",
        "not yet measured",
        "People",
        "odd &amp; &lt;b&gt;",
    ):
        assert words in seen
    assert 'class="h-31"' in seen
    assert "Quill" not in signed_in(vic).get(f"/p/{project.slug}/channels/?q=people").content.decode()


def test_a_channel_shows_its_declaration_and_its_ends(project: Project, judge: Channel, vic: User) -> None:
    seen = signed_in(vic).get(f"/p/{project.slug}/channels/{judge.pk}/").content.decode()
    high, low = seen.split("Highest")[1].split("Lowest")
    assert high.index("at-0.9") < high.index("at-0.5") < high.index("at-0.1")
    assert low.index("at-0.1") < low.index("at-0.5") < low.index("at-0.9")
    assert "?sort=-ch.judges%2Fquill.v1" in seen
    assert "max of a transcript" in seen


def test_veiled_transcripts_are_left_out_and_said(project: Project, judge: Channel, ana: User) -> None:
    hidden = judge.rollups.get(value=0.9).transcript_id
    lay_veils(person_ids=[ana.pk], transcript_ids=[hidden], round_key="r", scopes=["machine"])
    for path in ("", f"{judge.pk}/"):
        seen = signed_in(ana).get(f"/p/{project.slug}/channels/{path}").content.decode()
        assert "at-0.9" not in seen
        assert "1\u00a0transcript whose evidence is hidden" in seen


def test_more_channels_cost_no_more_queries(
    project: Project, judge: Channel, vic: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(vic)
    client.get(f"/p/{project.slug}/channels/")
    for _ in range(2):
        with django_assert_num_queries(9):
            client.get(f"/p/{project.slug}/channels/")
        for number in range(5):
            make.reading(make.channel(project, f"more.{number}"), make.transcript(project), 0.5)
