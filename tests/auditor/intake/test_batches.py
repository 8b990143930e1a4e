"""What an import stores, and that a second, a broken, a cancelled or a rival one adds nothing twice."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from auditor.accounts.models import Project, User
from auditor.corpus import chunks
from auditor.corpus.models import ImportBatch, Message, Reject, Transcript
from auditor.corpus.sources import open_source
from auditor.corpus.writer import write_chunks
from auditor.evidence.models import Channel, Reading, Rollup
from auditor.intake import actions
from auditor.intake.actions import CannotImport, import_file
from auditor.intake.importers.mapping import MappingError
from auditor.ledger.models import Event
from auditor.runs.actions import Cancelled, RunFailed, cancel_run
from auditor.runs.models import Run
from tests import make
from tests.auditor.intake.reading import real_file

pytestmark = pytest.mark.django_db
LIES = {
    "conversation": "messages",
    "id": ["task", "sample_id"],
    "scores": [
        {
            "path": "judges.*.score", "channel": "judge.*", "kind": "judge",
            "label_path": "judges.*.binary", "explanation_path": "judges.*.raw",
        }
    ],
}  # fmt: skip


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": f"re: {text}"}],
        **more,
    }


def lines(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return lines(tmp_path / "log.jsonl", [chat(f"question {n}", id=f"q{n}") for n in range(7)])


def bring(project: Project, path: Path, **more: Any) -> ImportBatch:
    return import_file(project=project, path=path, file_name=path.name, **{"format": "openai_chat", **more})


def test_a_second_import_of_the_same_file_writes_nothing(project: Project, mia: User, log: Path) -> None:
    first = bring(project, log, actor=mia)
    second = bring(project, log, actor=mia)
    assert (first.transcripts_written, first.messages_written, first.already_there) == (7, 14, 0)
    assert (second.transcripts_written, second.messages_written, second.already_there) == (0, 0, 7)
    assert first.files.get().source == second.files.get().source
    assert first.run is not None
    assert (first.run.status, first.run.note) == ("done", "7 new transcripts, 0 already there, 0 rejected")
    assert Event.objects.filter(verb="import.finished", project_id=project.pk).count() == 2


def test_two_projects_may_hold_one_log(project: Project, mia: User, log: Path) -> None:
    from auditor.accounts.actions import create_project

    bring(project, log)
    assert bring(create_project(name="Other", owner=mia), log).transcripts_written == 7


def test_equal_records_are_told_apart_by_their_ordinal(project: Project, tmp_path: Path) -> None:
    path = lines(tmp_path / "resamples.jsonl", [chat("same"), chat("other"), chat("same"), chat("same")])
    assert bring(project, path).transcripts_written == 4
    ordinals = Transcript.objects.of(project.pk).values_list("ordinal", flat=True).order_by("id")
    assert list(ordinals) == [0, 0, 1, 2]
    assert Transcript.objects.of(project.pk).values("fingerprint").distinct().count() == 2
    longer = lines(tmp_path / "more.jsonl", [chat("same")] * 5)
    second = bring(project, longer)
    assert (second.transcripts_written, second.already_there) == (2, 3)


def test_a_crash_between_chunks_is_finished_by_the_next_try(
    project: Project, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 3)
    calls = []

    def die(done: int, words: str) -> None:
        calls.append(done)
        if len(calls) == 1:
            raise OSError("the lights went out")

    with pytest.raises(RunFailed, match="the lights went out"):
        bring(project, log, beat=die)
    batch = ImportBatch.objects.get()
    run = Run.objects.get(kind="import")
    assert (batch.transcripts_written, run.status, run.attempts) == (3, "queued", 1)
    from auditor.intake.tasks import carry_import

    carry_import(run.pk)
    batch.refresh_from_db()
    run.refresh_from_db()
    assert (batch.transcripts_written, batch.messages_written, batch.already_there) == (7, 14, 0)
    assert (run.status, run.attempts) == ("done", 2)
    assert Transcript.objects.of(project.pk).count() == 7


def test_cancelling_leaves_whole_chunks(project: Project, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 3)

    def cancel(done: int, words: str) -> None:
        cancel_run(run=Run.objects.get(kind="import"), actor=None)
        raise Cancelled

    with pytest.raises(RunFailed):
        bring(project, log, beat=cancel)
    assert Run.objects.get(kind="import").status == "cancelled"
    assert Transcript.objects.of(project.pk).count() == 3
    assert Message.objects.count() == 6
    assert bring(project, log).transcripts_written == 4


@pytest.mark.django_db(transaction=True)
def test_two_importers_at_once_store_each_record_once(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 5)
    path = lines(tmp_path / "big.jsonl", [chat(f"question {n}") for n in range(120)])
    batches: list[ImportBatch] = []
    start = threading.Barrier(2)

    def one() -> None:
        try:
            start.wait()
            batches.append(bring(project, path))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Transcript.objects.of(project.pk).count() == 120
    assert Message.objects.count() == 240
    assert sum(batch.transcripts_written for batch in batches) == 120
    assert sum(batch.already_there for batch in batches) == 120


def test_rejects_name_line_and_reason(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "hi"}]}\n\n{"messages": 7}\nnot json\n')
    batch = bring(project, path)
    assert (batch.transcripts_written, batch.rejected) == (1, 2)
    assert [(r.record, r.place) for r in batch.rejects.all()] == [(2, "line 3"), (3, "line 4")]
    assert all(r.reason for r in batch.rejects.all())


def test_what_postgresql_refuses_is_made_storable_and_nothing_is_lost(
    project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.jsonl"
    raw = (
        b'{"id": "a/b c", "score": NaN, "far": -Infinity, "messages": [{"role": "user", "content": "zero \\u0000 here"},'
        b' {"role": "assistant", "content": "half \\ud800 pair"}]}\n'
    )
    path.write_bytes(raw)
    batch = bring(project, path)
    stored = Transcript.objects.get()
    assert (batch.rejected, stored.external_id) == (0, "a/b c")
    assert list(stored.messages.values_list("text", flat=True)) == ["zero \ufffd here", "half \ufffd pair"]
    assert stored.metadata["score"] is None
    source = batch.files.get().source
    assert source is not None
    with open_source(source) as file:
        assert file.read() == raw


def test_copy_keeps_tabs_backslashes_newlines_and_its_own_end_mark(project: Project) -> None:
    from auditor.corpus.records import ParsedMessage

    texts = [
        "tab\there",
        "back\\slash \\t \\n \\N",
        "line\nfeed\r\nand return\r",
        "\\.",
        "\\N",
        "",
        "“emoji” 🧑‍🚀",
    ]
    messages = [
        ParsedMessage(role="user", text=t, reasoning=t, parts=({"kind": "other", "text": t},), source_id=t)
        for t in texts
    ]
    stored = make.transcript(project, messages, external_id="\\.\t\n", metadata={"k\t": "\\.\n"})
    found = list(stored.messages.all())
    assert [m.text for m in found] == texts
    assert [m.reasoning for m in found] == texts
    assert [m.parts[0]["text"] for m in found] == texts
    assert (stored.external_id, stored.metadata) == ("\\.\t\n", {"k\t": "\\.\n"})


def test_a_path_with_a_star_makes_a_channel_for_each_judge(
    project: Project, mia: User, tmp_path: Path
) -> None:
    records = [
        chat(
            "a",
            task="t",
            sample_id=1,
            judges={"m1": {"score": 10, "binary": "lie", "raw": "because"}, "m2": {"score": 0.5}},
        ),
        chat("b", task="t", sample_id=2, judges={"m1": {"score": None, "binary": "honest"}}),
    ]
    batch = bring(
        project, lines(tmp_path / "judged.jsonl", records), format="mapped_jsonl", mapping=LIES, actor=mia
    )
    assert batch.rejected == 0
    assert set(Channel.objects.values_list("key", "kind")) == {("judge.m1", "judge"), ("judge.m2", "judge")}
    first, second = Transcript.objects.order_by("pk")
    assert (first.external_id, second.external_id) == ("t/1", "t/2")
    reading = Reading.objects.get(channel__key="judge.m1", transcript=first)
    assert (reading.value, reading.label, reading.explanation, reading.source) == (
        10,
        "lie",
        "because",
        f"batch:{batch.pk}",
    )
    assert Rollup.objects.get(channel__key="judge.m2", transcript=first).value == 0.5
    assert Rollup.objects.get(channel__key="judge.m1", transcript=second).label == "honest"
    bring(project, tmp_path / "judged.jsonl", format="mapped_jsonl", mapping=LIES, actor=mia)
    assert Reading.objects.count() == 3


def test_scores_on_a_key_that_is_taken_are_left_out_and_listed_once(project: Project, tmp_path: Path) -> None:
    make.channel(project, "judge.m1", kind="probe")
    records = [chat(text, judges={"m1": {"score": 1}}) for text in "abc"]
    batch = bring(
        project, lines(tmp_path / "clash.jsonl", records), format="mapped_jsonl",
        mapping={"conversation": "messages", "scores": LIES["scores"]},
    )  # fmt: skip
    assert (batch.transcripts_written, batch.rejected) == (3, 1)
    assert "judge.m1 exists as probe" in batch.rejects.get().reason
    assert not Reading.objects.exists()


def test_a_log_cannot_write_to_peoples_channels(project: Project, tmp_path: Path) -> None:
    mapping = {
        "conversation": "messages",
        "scores": [{"path": "s", "channel": "people.label", "kind": "judge"}],
    }
    batch = bring(
        project, lines(tmp_path / "x.jsonl", [chat("a", s=1)]), format="mapped_jsonl", mapping=mapping
    )
    assert "for what people decide" in batch.rejects.get().reason
    assert not Channel.objects.exists()


def test_a_record_without_messages_is_an_empty_transcript_with_a_warning(
    project: Project, tmp_path: Path
) -> None:
    batch = bring(
        project,
        lines(tmp_path / "e.jsonl", [{"messages": []}]),
        format="mapped_jsonl",
        mapping={"conversation": "messages"},
    )
    assert (batch.transcripts_written, batch.warned, batch.rejected) == (1, 1, 0)


def test_a_format_we_do_not_know_and_a_mapping_that_is_missing_are_refused_before_anything_is_stored(
    project: Project, log: Path
) -> None:
    with pytest.raises(CannotImport, match="no format we read"):
        bring(project, log, format="word_perfect")
    with pytest.raises(CannotImport, match="needs a mapping"):
        bring(project, log, format="mapped_jsonl")
    with pytest.raises(MappingError):
        bring(project, log, format="mapped_jsonl", mapping={"convrsation": "messages"})
    assert not ImportBatch.objects.exists()
    assert not Run.objects.exists()


def test_a_collision_with_another_writer_is_read_again(
    project: Project, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import IntegrityError

    real, calls = write_chunks, []

    def first_fails(*args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise IntegrityError("somebody was first")
        return real(*args, **more)

    monkeypatch.setattr(actions, "write_chunks", first_fails)
    assert bring(project, log).transcripts_written == 7


def test_a_truncated_zip_and_a_claim_of_two_gigabytes_are_one_reject_each(
    project: Project, tmp_path: Path
) -> None:
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", "{}")
        archive.writestr("samples/a_epoch_1.json", json.dumps({"id": "a", "messages": []}))
    whole = packed.getvalue()
    cut = tmp_path / "cut.eval"
    cut.write_bytes(whole[: len(whole) // 2])
    batch = bring(project, cut, format="inspect_eval")
    assert batch.rejected == 1
    claim = tmp_path / "claim.eval"
    name = whole.rindex(b"samples/a_epoch_1.json")
    central = whole.rindex(b"PK\x01\x02", 0, name)
    lying = bytearray(whole)
    lying[central + 24 : central + 28] = (2**31 - 1).to_bytes(4, "little")
    claim.write_bytes(bytes(lying))
    batch = bring(project, claim, format="inspect_eval")
    assert batch.rejects.filter(place__contains="a_epoch_1").exists()


def test_the_lie_detector_log_comes_in_with_its_five_judges(project: Project, mia: User) -> None:
    path = real_file("lie-detector/857_items_5_judges.jsonl")
    batch = bring(project, path, format="mapped_jsonl", mapping=LIES, actor=mia)
    assert (batch.transcripts_written, batch.rejected, batch.warned >= 1) == (857, 0, True)
    assert Channel.objects.filter(project=project, kind="judge").count() == 5
    assert Transcript.objects.filter(project=project, n_messages=0).count() == 1
    assert Transcript.objects.filter(project=project).values("external_id").distinct().count() == 857
    assert Reject.objects.count() == 0
