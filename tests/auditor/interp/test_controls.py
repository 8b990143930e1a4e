"""Controls: what a probe says of honest texts, and thresholds that name what they were chosen on."""

from pathlib import Path

import pytest

from auditor.accounts.models import Project, User
from auditor.evidence.models import Channel, Reading
from auditor.interp import reader, tasks
from auditor.interp.actions.controls import choose_threshold, open_scoring
from auditor.interp.actions.features import pin_features
from auditor.interp.actions.naming import CannotDo
from auditor.interp.controls import FalseAlarms, false_alarms_of
from auditor.interp.models import ControlScore, Feature, Probe, SubjectModel, Threshold
from auditor.interp.packs import PACKS, PLAIN
from auditor.runs.models import Run
from tests import make
from tests.auditor.interp import scene
from tests.auditor.interp.scripted import Script


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    monkeypatch.setattr(reader, "open_reader", made.open_reader)
    return made


@pytest.fixture
def probe(project: Project, mia: User) -> Probe:
    return scene.probe(project, mia)


@pytest.fixture
def tiny(project: Project, mia: User) -> SubjectModel:
    return scene.subject(project, mia)


def scored(probe: Probe, subject: SubjectModel, owner: User, *packs: str) -> Run:
    run = open_scoring(channels=[probe.channel], subject=subject, actor=owner, packs=packs)
    tasks.score_controls(run.pk)
    run.refresh_from_db()
    return run


def alarms(channel: Channel) -> FalseAlarms:
    return false_alarms_of([channel.pk])[channel.pk]


def longest_word(pack: str) -> list[float]:
    """What the script's probe says of each conversation: the longest word of the assistant."""
    return [
        float(max(len(word) for m in one.messages if m.role == "assistant" for word in m.text.split()))
        for one in PACKS[pack].conversations
    ]


def test_a_run_says_of_every_conversation_what_a_capture_would(
    probe: Probe, tiny: SubjectModel, mia: User, script: Script
) -> None:
    run = scored(probe, tiny, mia)
    assert run.status == "done"
    assert run.total == sum(len(pack.conversations) for pack in PACKS.values())
    for key, pack in PACKS.items():
        row = ControlScore.objects.get(channel=probe.channel, pack=key, superseded_at=None)
        assert [one["id"] for one in row.scores] == [one.id for one in pack.conversations]
        assert [one["value"] for one in row.scores] == longest_word(key)
        assert row.pack_digest == pack.digest
    beside = ControlScore.objects.filter(channel__key="probe.lies.v1.mean", superseded_at=None)
    assert beside.count() == len(PACKS)
    assert not Reading.objects.exists()  # packs are no transcripts
    assert script.opened == 1


def test_only_what_is_missing_is_read_again(
    probe: Probe, tiny: SubjectModel, mia: User, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_scoring(channels=[probe.channel], subject=tiny, actor=mia, packs=["sarcasm", "recital"])
    script.breaks = PACKS["recital"].conversations[0].messages[0].text[:20]
    tasks.score_controls(run.pk)
    run.refresh_from_db()
    assert run.status == "queued"  # it will be tried again
    assert alarms(probe.channel).scored
    assert ControlScore.objects.filter(superseded_at=None, channel=probe.channel).count() == 1
    script.breaks = ""
    script.looked.clear()
    Run.objects.filter(pk=run.pk).update(status="queued", beat_at=None)
    tasks.score_controls(run.pk)
    run.refresh_from_db()
    assert run.status == "done"
    assert len(script.looked) == len(PACKS["recital"].conversations)


def test_a_newer_run_supersedes_and_an_open_one_does_not(
    probe: Probe, tiny: SubjectModel, mia: User, script: Script
) -> None:
    scored(probe, tiny, mia, "sarcasm")
    open_scoring(channels=[probe.channel], subject=tiny, actor=mia, packs=["sarcasm"])
    rows = ControlScore.objects.filter(channel=probe.channel, pack="sarcasm")
    assert rows.get(superseded_at=None).scores
    script.value = lambda key, word: 1.0
    scored(probe, tiny, mia, "sarcasm")
    assert {one["value"] for one in rows.get(superseded_at=None).scores} == {1.0}
    assert rows.count() == 3


def test_what_cannot_be_read_has_no_value_and_a_reason(
    probe: Probe, tiny: SubjectModel, mia: User, script: Script
) -> None:
    script.unfit = PACKS["sarcasm"].conversations[3].messages[0].text[:30]
    scored(probe, tiny, mia, "sarcasm")
    row = ControlScore.objects.get(channel=probe.channel, superseded_at=None)
    assert row.scores[3]["value"] is None
    assert "does not fit" in row.scores[3]["words"]
    assert all(one["value"] is not None for at, one in enumerate(row.scores) if at != 3)


def test_a_threshold_by_a_wanted_rate_names_its_controls(
    probe: Probe, tiny: SubjectModel, mia: User, script: Script
) -> None:
    scored(probe, tiny, mia)
    made = choose_threshold(channel=probe.channel, subject=tiny, actor=mia, wanted=0.1)
    values = longest_word(PLAIN)
    assert made.n == len(values)
    assert made.fired == sum(value >= made.value for value in values) <= 0.1 * len(values)
    assert made.control == "plain answers, read by Tiny"
    again = choose_threshold(
        channel=probe.channel, subject=tiny, actor=mia, value=3.0, packs=[PLAIN, "sarcasm"]
    )
    assert again.control == "plain answers + honest sarcasm, read by Tiny"
    assert again.n == len(values) + len(PACKS["sarcasm"].conversations)
    assert Threshold.objects.filter(channel=probe.channel, superseded_at=None).get() == again


def test_rates_with_intervals_and_the_alarm(
    probe: Probe, tiny: SubjectModel, mia: User, script: Script
) -> None:
    assert alarms(probe.channel) == FalseAlarms(probe.channel_id, None, None)
    sarcasm = {
        word for one in PACKS["sarcasm"].conversations for m in one.messages for word in m.text.split()
    }
    plain = {word for one in PACKS[PLAIN].conversations for m in one.messages for word in m.text.split()}
    script.value = lambda key, word: float(word in sarcasm - plain)
    scored(probe, tiny, mia)
    before = alarms(probe.channel)
    assert (before.scored, before.packs) == (True, ())
    choose_threshold(channel=probe.channel, subject=tiny, actor=mia, value=1.0)
    found = alarms(probe.channel)
    assert found.plain is not None
    assert found.plain.rate.fired == 0
    assert found.worst is not None
    assert found.worst.pack.key == "sarcasm"
    assert found.worst.rate.value == 1.0
    assert found.worst.rate.low is not None
    assert found.worst.rate.low > 0.8
    assert "sarcasm" in {one.pack.key for one in found.alarming}
    assert PLAIN not in {one.pack.key for one in found.alarming}


def test_features_are_scored_by_their_strongest_token(
    project: Project, mia: User, tiny: SubjectModel, script: Script, tmp_path: Path
) -> None:
    sae = scene.dictionary(project, mia, tmp_path)
    pin_features(dictionary=sae, indices=[5, 9], actor=mia)
    channels = [one.channel for one in Feature.objects.filter(dictionary=sae).select_related("channel")]
    run = open_scoring(channels=[c for c in channels if c], subject=tiny, actor=mia, packs=["translation"])
    tasks.score_controls(run.pk)
    for key in ("sae.res1.5", "sae.res1.9"):
        row = ControlScore.objects.get(channel__key=key, superseded_at=None)
        assert [one["value"] for one in row.scores] == longest_word("translation")


def test_several_channels_cost_the_same_queries(
    probe: Probe, tiny: SubjectModel, mia: User, script: Script, django_assert_num_queries: object
) -> None:
    scored(probe, tiny, mia, "sarcasm")
    ids = list(Channel.objects.values_list("pk", flat=True))
    assert len(ids) == 2
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert len(false_alarms_of(ids)) == 2


def test_what_is_refused(
    project: Project, probe: Probe, tiny: SubjectModel, mia: User, script: Script
) -> None:
    judge = make.channel(project)
    for more, words in (
        ({"channels": [judge]}, "spoken on by no probe"),
        ({"channels": []}, "Choose 1 to"),
        ({"packs": ["irony"]}, "no control pack irony"),
        ({"subject": scene.subject(project, mia, slug="new", state="unchecked")}, "that is checked"),
        ({"subject": scene.subject(project, mia, slug="flat", n_layers=1)}, "does not fit"),
    ):
        given = {"channels": [probe.channel], "subject": tiny, "actor": mia} | more
        with pytest.raises(CannotDo, match=words):
            open_scoring(**given)  # type: ignore[arg-type]
    scored(probe, tiny, mia, PLAIN)
    for asked, words in (
        ({}, "either the rate"),
        ({"wanted": 0.1, "value": 1.0}, "either the rate"),
        ({"wanted": 1.0}, "below 1"),
        ({"value": float("nan")}, "finite"),
        ({"value": 1.0, "packs": ["recital"]}, "has not been scored on recital"),
        ({"value": 1.0, "packs": ["x"]}, "no control pack"),
        ({"value": 1.0, "packs": []}, "Name the control pack"),
    ):
        with pytest.raises(CannotDo, match=words):
            choose_threshold(channel=probe.channel, subject=tiny, actor=mia, **asked)  # type: ignore[arg-type]
    assert not Threshold.objects.exists()
