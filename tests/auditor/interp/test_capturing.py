"""Captures: rows first, then blocks and readings; a kill repeats one chunk and loses nothing."""

from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from auditor.evidence.blocks import read_block
from auditor.evidence.models import Block, Channel, Reading, Rollup
from auditor.evidence.queries import visible_to
from auditor.interp import capturing, queries, reader, tasks
from auditor.interp.actions.captures import CannotDo, Wanted
from auditor.interp.models import Capture, CapturedTranscript, Feature, Instrument
from auditor.runs.actions import cancel_run, pause_run
from auditor.runs.models import Run
from auditor.runs.tasks import queue_again
from auditor.sampling.choosing import Chosen
from tests import make
from tests.auditor.interp import scene
from tests.auditor.interp.scripted import Script
from tests.people import signed_in


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    monkeypatch.setattr(reader, "open_reader", made.open_reader)
    return made


def chat(project: Project, said: str = "Yes, it cleared on time.", **more: str) -> Transcript:
    return make.transcript(
        project,
        (ParsedMessage(role="user", text="Did it clear?"), ParsedMessage(role="assistant", text=said)),
        **more,
    )


def carried(made: Capture) -> Capture:
    tasks.capture(made.run_id)
    return Capture.objects.select_related("run", "subject").get(pk=made.pk)


def opened(project: Project, owner: User, *wanted: Wanted) -> Capture:
    found = scene.SubjectModel.objects.filter(project=project).first() or scene.subject(project, owner)
    return tasks.queue_capture(project=project, subject=found, wanted=wanted, chosen=Chosen(), actor=owner)


def test_a_capture_makes_blocks_readings_and_rollups(
    project: Project, mia: User, script: Script, tmp_path: Path
) -> None:
    one = chat(project, "Yes, it cleared yesterday, all of it.")
    chat(project, "No.")
    probe = scene.probe(project, mia)
    sae = scene.dictionary(project, mia, tmp_path)
    made = carried(
        opened(project, mia, Wanted(probe=probe), Wanted(dictionary=sae, mode="full", features=[5, 9], top=4))
    )
    assert (made.run.status, made.n_transcripts, queries.tally_of(made).done) == ("done", 2, 2)
    assert made.n_tokens > 0
    assert made.n_bytes == sum(Block.objects.values_list("length", flat=True))
    (block,) = visible_to(mia).blocks([one.pk])
    kept = read_block(block)
    assert kept.keys == ("probe.lies.v1", "sae.res1.5", "sae.res1.9")
    assert kept.tops["res1"].index.shape == (len(kept.tokens), 4)
    assert kept.facts["digest"] == "1" * 64
    (reading,) = visible_to(mia).readings([one.pk]).filter(channel__key="probe.lies.v1")
    word = "yesterday,"
    start = "Yes, it cleared yesterday, all of it.".index(word)
    assert (reading.value, reading.position, reading.part) == (len(word), 1, "text")
    assert (reading.start, reading.end) == (start, start + len(word))
    assert reading.detail["peak"] == {
        "position": 1,
        "part": "text",
        "start": start,
        "end": start + len(word),
        "value": 10.0,
    }
    assert reading.detail["tokens"] == 7
    assert reading.detail["mean"] == pytest.approx(np.mean([4, 2, 7, 10, 3, 2, 3]), rel=1e-6)
    assert reading.detail["capture"] == made.pk
    mean = Rollup.objects.get(channel__key="probe.lies.v1.mean", transcript=one)
    assert mean.value == pytest.approx(31 / 7, rel=1e-6)
    assert not Channel.objects.filter(key="probe.lies.v1.max").exists()
    assert Channel.objects.get(key="sae.res1.5").own
    assert Rollup.objects.filter(channel__key="sae.res1.9.mean").count() == 2


def test_a_mean_probe_speaks_of_the_whole_and_has_its_maximum_beside(
    project: Project, mia: User, script: Script
) -> None:
    one = chat(project, "Yes, it did.")
    carried(opened(project, mia, Wanted(probe=scene.probe(project, mia, aggregation="mean"))))
    main = Reading.objects.get(channel__key="probe.lies.v1", transcript=one)
    assert (main.value, main.position) == (pytest.approx(10 / 3, rel=1e-6), None)
    most = Reading.objects.get(channel__key="probe.lies.v1.max", transcript=one)
    assert (most.value, most.position, most.start, most.end) == (4.0, 1, 0, 4)


def test_the_list_and_its_filters_see_what_was_captured(project: Project, mia: User, script: Script) -> None:
    chat(project, "Incontrovertible.", external_id="long-word")
    chat(project, "No.", external_id="short-word")
    carried(opened(project, mia, Wanted(probe=scene.probe(project, mia))))
    page = signed_in(mia).get(reverse("browse:list", args=[project.slug]) + "?where=probe.lies.v1+>=+10")
    assert "long-word" in page.content.decode()
    assert "short-word" not in page.content.decode()


def test_a_later_capture_supersedes_at_whatever_place(project: Project, mia: User, script: Script) -> None:
    one = chat(project, "First comes this, finally that.")
    probe = scene.probe(project, mia)
    carried(opened(project, mia, Wanted(probe=probe)))
    script.value = lambda key, word: 50.0 if word == "that." else 1.0
    carried(opened(project, mia, Wanted(probe=probe)))
    current = Reading.objects.filter(channel__key="probe.lies.v1", transcript=one, superseded_at=None)
    assert [row.value for row in current] == [50.0]
    assert Rollup.objects.get(channel__key="probe.lies.v1", transcript=one).value == 50.0
    assert visible_to(mia).blocks([one.pk]).count() == 1  # the newer one holds all that the older did


def test_what_does_not_fit_is_a_state_with_words(project: Project, mia: User, script: Script) -> None:
    bad, long, good = chat(project, "a ☃ here"), chat(project, "word " * 30), chat(project)
    script.unfit, script.longest = "☃", 20
    made = carried(opened(project, mia, Wanted(probe=scene.probe(project, mia))))
    rows = {row.transcript_id: row for row in CapturedTranscript.objects.filter(capture=made)}
    assert made.run.status == "done"
    assert (rows[bad.pk].state, rows[bad.pk].words) == ("not_fit", "Message 2: the token “☃” does not fit.")
    assert rows[long.pk].state == "not_fit"
    assert "tokens long; the model reads 20" in rows[long.pk].words
    assert rows[good.pk].state == "done"
    assert "2 do not fit" in made.run.note


def test_one_text_that_breaks_the_device_fails_alone_and_can_be_tried_again(
    project: Project, mia: User, script: Script
) -> None:
    for number in range(6):
        chat(project, f"Answer {number}.")
    bad = chat(project, "This one is heavy.")
    script.breaks = "heavy"
    made = carried(opened(project, mia, Wanted(probe=scene.probe(project, mia))))
    row = CapturedTranscript.objects.get(capture=made, transcript=bad)
    assert (made.run.status, row.state) == ("done", "failed")
    assert "no memory left" in row.words
    assert queries.tally_of(made).done == 6
    script.breaks = ""
    assert tasks.queue_retry(capture=made, actor=mia) == 1
    again = carried(made)
    assert queries.tally_of(again).plain() == {"waiting": 0, "done": 7, "not_fit": 0, "failed": 0}
    assert tasks.queue_retry(capture=again, actor=mia) == 0


def test_many_failures_in_a_row_pause_it(project: Project, mia: User, script: Script) -> None:
    for number in range(8):
        chat(project, f"Answer {number}.")
    script.breaks = "Answer"
    made = carried(opened(project, mia, Wanted(probe=scene.probe(project, mia))))
    assert made.run.status == "paused"
    assert "5 transcripts in a row failed" in made.run.note
    assert queries.tally_of(made).failed == 4  # the fifth waits with the others
    script.breaks = ""
    queue_again(run=made.run, actor=mia)
    assert queries.tally_of(carried(made)).plain() == {"waiting": 0, "done": 4, "not_fit": 0, "failed": 4}


def test_values_that_are_no_numbers_fail_the_transcript(project: Project, mia: User, script: Script) -> None:
    chat(project, "Yes, nan.")
    chat(project, "Yes.")
    script.value = lambda key, word: float("nan") if word == "nan." else 1.0
    made = carried(opened(project, mia, Wanted(probe=scene.probe(project, mia))))
    assert (queries.tally_of(made).done, queries.tally_of(made).failed) == (1, 1)


def test_a_transcript_without_words_of_the_assistant_has_a_block_and_no_reading(
    project: Project, mia: User, script: Script
) -> None:
    one = make.transcript(project, (ParsedMessage(role="user", text="Hello?"),))
    made = carried(opened(project, mia, Wanted(probe=scene.probe(project, mia))))
    row = CapturedTranscript.objects.get(capture=made)
    assert row.state == "done"
    assert "No words of the assistant" in row.words
    assert visible_to(mia).blocks([one.pk]).count() == 1
    assert not Reading.objects.exists()


def test_a_model_that_cannot_be_opened_says_why(project: Project, mia: User, script: Script) -> None:
    chat(project)
    script.refuses = "This worker has no torch."
    made = carried(opened(project, mia, Wanted(probe=scene.probe(project, mia))))
    assert (made.run.status, made.run.note) == ("failed", "This worker has no torch.")
    script.refuses = ""
    queue_again(run=made.run, actor=mia)
    assert carried(made).run.status == "done"


class Died(BaseException):
    """The process is gone."""


def test_a_death_repeats_at_most_the_chunk_in_flight(
    project: Project, mia: User, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [chat(project, f"Answer {number}.") for number in range(10)]
    monkeypatch.setattr(capturing, "CHUNK_ROWS", 3)
    made = opened(project, mia, Wanted(probe=scene.probe(project, mia)))
    looked = script.looked

    class Dying(list[int]):
        def append(self, pk: int) -> None:
            super().append(pk)
            if len(self) == 8:
                raise Died

    script.looked = Dying()
    with pytest.raises(Died):
        tasks.capture(made.run_id)
    assert queries.tally_of(made).done == 6  # two chunks of three
    assert Rollup.objects.count() == 2 * 6
    script.looked = looked
    Run.objects.filter(pk=made.run_id).update(beat_at=None)
    done = carried(made)
    assert done.run.status == "done"
    assert len(looked) == 4
    assert Block.objects.filter(superseded_at=None).count() == Block.objects.count() == len(some)
    assert Reading.objects.filter(channel__key="probe.lies.v1").count() == len(some)
    assert done.n_tokens == sum(CapturedTranscript.objects.values_list("n_tokens", flat=True))


def test_it_pauses_stops_and_goes_on_and_what_was_seen_is_stored(
    project: Project, mia: User, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        chat(project, f"Answer {number}.")
    monkeypatch.setattr("auditor.runs.actions.BEAT_EVERY", 0.0)
    made = opened(project, mia, Wanted(probe=scene.probe(project, mia)))

    class Asking(list[int]):
        def __init__(self, ask) -> None:  # type: ignore[no-untyped-def]
            super().__init__()
            self.ask = ask

        def append(self, pk: int) -> None:
            super().append(pk)
            if len(self) == 3:
                self.ask(run=Run.objects.get(pk=made.run_id), actor=mia)

    script.looked = Asking(pause_run)
    assert carried(made).run.status == "paused"
    assert queries.tally_of(made).done == 3
    queue_again(run=made.run, actor=mia)
    script.looked = Asking(cancel_run)
    assert carried(made).run.status == "cancelled"
    assert queries.tally_of(made).done == 6


def test_a_worker_that_is_asked_to_end_puts_the_capture_down(
    project: Project, mia: User, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        chat(project, f"Answer {number}.")
    made = opened(project, mia, Wanted(probe=scene.probe(project, mia)))
    monkeypatch.setattr(tasks, "_stopping", lambda: len(script.looked) >= 2)
    monkeypatch.setattr(tasks, "ring_run", lambda run: None)
    tasks.capture(made.run_id)
    run = Run.objects.get(pk=made.run_id)
    assert (run.status, queries.tally_of(made).done) == ("queued", 2)
    monkeypatch.setattr(tasks, "_stopping", lambda: False)
    assert queries.tally_of(carried(made)).done == 4


def test_rows_are_laid_shortest_first_and_veiled_transcripts_are_left_out(
    project: Project, mia: User, ana: User, script: Script
) -> None:
    long, short = chat(project, "word " * 50), chat(project, "No.")
    made = carried(opened(project, mia, Wanted(probe=scene.probe(project, mia))))
    assert list(made.rows.order_by("pk").values_list("transcript_id", flat=True)) == [short.pk, long.pk]
    make.round(project, [short], [ana])
    assert [row.transcript_id for row in queries.rows_of(visible_to(ana), made)] == [long.pk]


def test_densities_are_counted_over_the_assistants_words(
    project: Project, mia: User, script: Script, tmp_path: Path
) -> None:
    chat(project, "Yes yes no no.")
    script.value = lambda key, word: 1.0 if word.lower() == "yes" else 0.0
    sae = scene.dictionary(project, mia, tmp_path)
    made = carried(opened(project, mia, Wanted(dictionary=sae, features=[3])))
    feature = Feature.objects.get(dictionary=sae, index=3)
    assert feature.density == 0.5
    assert feature.density_from.startswith(f"capture {made.pk}: 4 tokens")
    assert Instrument.objects.get(capture=made).active == {"3": 2}


def test_what_cannot_be_is_refused_before_anything_runs(project: Project, mia: User, tmp_path: Path) -> None:
    found = scene.subject(project, mia)
    topk = scene.dictionary(project, mia, tmp_path / "a", slug="topk", kind="topk")
    deep = scene.dictionary(project, mia, tmp_path / "b", slug="deep", layer=7)
    fits = scene.dictionary(project, mia, tmp_path / "c", slug="fits")
    probe = scene.probe(project, mia, layer=9)
    other = scene.subject(project, mia, slug="wide", name="Wide", d_model=16)
    for subject, wanted, words in (
        (found, [], "at least one"),
        (found, [Wanted(dictionary=topk, features=[1])], "compete for a place"),
        (found, [Wanted(dictionary=deep, features=[1])], "has 2 blocks"),
        (found, [Wanted(dictionary=fits)], "watch-list of none"),
        (found, [Wanted(dictionary=fits, features=[64])], "features 0 to 63"),
        (found, [Wanted(dictionary=fits, mode="full", top=65)], "Between 1 and 64"),
        (found, [Wanted(dictionary=fits, features=[1]), Wanted(dictionary=fits, features=[2])], "once"),
        (found, [Wanted(probe=probe)], "has 2 blocks"),
        (other, [Wanted(dictionary=fits, features=[1])], "made for another model"),
    ):
        with pytest.raises(CannotDo, match=words):
            tasks.queue_capture(project=project, subject=subject, wanted=wanted, chosen=Chosen(), actor=mia)
    assert not Capture.objects.exists()
    assert not Run.objects.exists()
