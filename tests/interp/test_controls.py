"""Control packs read by a model that runs: each conversation has the value that a capture gives the same words."""

from pathlib import Path

import pytest

from auditor.accounts.models import Project, User
from auditor.corpus.records import ParsedMessage
from auditor.evidence.queries import visible_to
from auditor.interp import tasks
from auditor.interp.actions.captures import Wanted
from auditor.interp.actions.controls import choose_threshold, open_scoring
from auditor.interp.actions.features import pin_features
from auditor.interp.controls import false_alarms_of
from auditor.interp.models import ControlScore, Dictionary, Feature, Probe, SubjectModel
from auditor.interp.packs import PACKS
from auditor.runs.models import Run
from auditor.sampling.choosing import Chosen
from tests import make
from tests.interp.test_capturing import dictionary, models, probe, subject

__all__ = ["dictionary", "models", "probe", "subject"]


def test_packs_have_the_values_of_a_capture(
    project: Project, mia: User, subject: SubjectModel, probe: Probe, dictionary: Dictionary
) -> None:
    pin_features(dictionary=dictionary, indices=[3], actor=mia)
    feature = Feature.objects.select_related("channel").get(dictionary=dictionary, index=3)
    assert feature.channel is not None
    run = open_scoring(channels=[probe.channel, feature.channel], subject=subject, actor=mia)
    tasks.score_controls(run.pk)
    assert Run.objects.get(pk=run.pk).status == "done"
    for key in ("translation", "plain"):  # many scripts, and code
        pack = PACKS[key]
        stored = [
            make.transcript(project, [ParsedMessage(role=m.role, text=m.text) for m in one.messages], external_id=f"{key}/{one.id}")
            for one in pack.conversations
        ]  # fmt: skip
        wanted = [Wanted(probe=probe), Wanted(dictionary=dictionary, features=[3])]
        made = tasks.queue_capture(
            project=project, subject=subject, wanted=wanted, chosen=Chosen(), actor=mia
        )
        tasks.capture(made.run_id)
        for channel in (probe.channel, feature.channel):
            row = ControlScore.objects.get(channel=channel, pack=key, superseded_at=None)
            values = dict(visible_to(mia).rollups_of(channel).values_list("transcript_id", "value"))
            assert [one["value"] for one in row.scores] == pytest.approx(
                [values[transcript.pk] for transcript in stored], rel=1e-4, abs=1e-5
            ), (key, channel.key)
    choose_threshold(channel=probe.channel, subject=subject, actor=mia, wanted=0.05)
    known = false_alarms_of([probe.channel_id])[probe.channel_id]
    assert {one.pack.key for one in known.packs} == set(PACKS)
    assert all(one.rate.n == len(one.pack.conversations) for one in known.packs)


def test_nothing_is_left_of_the_packs(
    project: Project, mia: User, subject: SubjectModel, probe: Probe, models: Path
) -> None:
    run = open_scoring(channels=[probe.channel], subject=subject, actor=mia, packs=["recital"])
    tasks.score_controls(run.pk)
    assert not project.transcripts.exists()
    assert not visible_to(mia).rollups_of(probe.channel).exists()
