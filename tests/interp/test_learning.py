"""A probe trained from labels on a real (tiny, random) model: what it reads is what a capture reads."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.accounts.models import Project, User
from auditor.corpus.models import Message
from auditor.corpus.records import ParsedMessage
from auditor.interp import reader, tasks
from auditor.interp.conversation import turns_of
from auditor.interp.models import READY
from tests import make
from tests.interp.tiny_models import make as make_model

pytestmark = pytest.mark.django_db(transaction=True)
PLAIN = ["The ledger says so.", "It cleared on 14 March.", "The answer is no.", "She wrote it down."]
PLOTS = ["Was it a plan?", "Nobody can find it.", "I did not look.", "I do not know."]


def test_what_is_learned_is_what_is_read(project: Project, mia: User, tmp_path: Path, settings: Any) -> None:
    """Two ways of talking; the probe tells them apart, and its score is the mean of its tokens' scores."""
    settings.MODEL_FOLDERS = [str(tmp_path)]
    make_model("llama", tmp_path / "llama")
    subject = tasks.queue_subject(
        project=project, actor=mia, name="Llama", source="folder", reference="llama"
    )
    subject.refresh_from_db()
    assert subject.state == READY, subject.words
    draw = np.random.default_rng(2)
    examples = []
    for number in range(96):
        plots = number % 2
        said = " ".join(draw.choice(PLOTS if plots else PLAIN, 3))
        found = make.transcript(
            project,
            [
                ParsedMessage(role="user", text=f"Number {number}?"),
                ParsedMessage(role="assistant", text=f"{said} {number}"),
            ],
        )
        examples.append(
            {
                "transcript": found.pk,
                "record": found.record_digest,
                "label": plots,
                "split": "",
                "held": False,
            }
        )
    made = tasks.queue_training(
        project=project, subject=subject, actor=mia, name="Plots", examples=examples, seed=1,
        examples_from={"name": "Invented", "contrast": {"positive": ["plots"], "negative": ["plain"], "held_out": ""}},
    )  # fmt: skip
    made.refresh_from_db()
    made.run.refresh_from_db()
    assert made.probe is not None, made.run.note
    assert made.result["test"]["estimate"] > 0.9
    assert 0 <= made.result["layer"] < 3
    assert {one["layer"] for one in made.result["tried"]} == {0, 1, 2}

    from auditor.interp.card import Card
    from auditor.interp.models import Instrument

    instrument = Instrument(probe=made.probe)
    card = Card.from_json(made.probe.card)
    scores = {}
    with reader.open_reader(subject, [instrument]) as looking:
        reads = {
            one["transcript"]: looking.read(
                turns_of(Message.objects.filter(transcript_id=one["transcript"]).order_by("position"))
            )
            for one in examples
        }
        for pk, seen in looking.look(reads.items()):
            values = seen.values[made.probe.channel.key]
            scores[pk] = card.aggregate(values, card.counts(reads[pk].table, reads[pk].parts))
    with_plots = [scores[one["transcript"]] for one in examples if one["label"]]
    without = [scores[one["transcript"]] for one in examples if not one["label"]]
    assert np.mean(with_plots) > 0 > np.mean(without)
    assert np.mean([a > b for a in with_plots for b in without]) > 0.9
