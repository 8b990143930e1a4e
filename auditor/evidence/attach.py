"""Attaching an evidence file: its lines become channels, readings and token tracks.

A thousand lines a transaction: what they say and the batch's counts commit together or not at
all. A line equal to what stands is left alone, so a second run writes only what the first did not.
A line that names an unknown or ambiguous transcript, or a place that its text does not have, is
listed with its place and reason, and the others go in.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F
from psycopg.errors import DeadlockDetected

from auditor.accounts.models import Project, User
from auditor.corpus.models import SourceFile, Transcript
from auditor.corpus.queries import (
    ids_by_external_id,
    ids_by_fingerprint,
    ids_by_uuid,
    messages_between,
    messages_of,
    texts_of,
)
from auditor.corpus.records import Rejection
from auditor.corpus.sources import keep_source, open_source
from auditor.evidence.actions import (
    OWN,
    ChannelClash,
    CitedQuote,
    NewReading,
    declare_channel,
    write_readings,
)
from auditor.evidence.formats import parse
from auditor.evidence.lengths import lengths_of, problem_with
from auditor.evidence.models import HUMAN, Channel, EvidenceBatch, EvidenceReject
from auditor.evidence.records import (
    ChannelLine,
    EvidenceLine,
    ReadingLine,
    TokenLine,
    TrackLine,
    TranscriptName,
)
from auditor.evidence.tokenstrings import DoesNotFit, align
from auditor.evidence.tracks import BadTrack, NewTrack, pack, write_tracks
from auditor.ledger.actions import record
from auditor.runs.actions import carry_here, open_run
from auditor.runs.models import Run

TASK = "evidence.attach"
CHUNK = 1000  # lines a transaction, at most
CHUNK_TOKENS = 300_000  # tokens a transaction, about
ID_LIMIT = 300  # characters of an external id that the corpus keeps
MESSAGE_ID_LIMIT = 200  # characters of a message's own id that the corpus keeps
AT_ONCE = 50  # transcripts whose messages are held to find them by id
TRIES = 5  # of a chunk, when another writer comes first
KIND_BY_PREFIX = {"judge.": "judge", "probe.": "probe", "sae.": "sae", "score.": "score"}
TAKEN = "channel {} holds what people decide here, and no file may write to it"
Beat = Callable[[int, str], None]  # bytes read, words


def attach_file(*, project: Project, path: Path, file_name: str, actor: User | None) -> EvidenceBatch:
    """Attach the evidence file at `path` now, in this process.

    Raises:
        RunFailed: it could not be finished; what was attached stays, and a second run finishes it.
    """
    batch = open_attachment(project=project, source=keep_source(path), file_name=file_name, actor=actor)
    assert batch.run is not None
    with carry_here(batch.run) as beat:
        attach_batch(batch, beat=beat)
    batch.refresh_from_db()
    return batch


def open_attachment(
    *, project: Project, source: SourceFile, file_name: str, actor: User | None
) -> EvidenceBatch:
    """A batch for this file with its queued run; ring for it with `runs.tasks.ring_run(batch.run)`."""
    with transaction.atomic():
        run = open_run(
            project_id=project.pk, kind="evidence", title=f"Attach {file_name}", task=TASK, actor=actor,
            total=source.size, unit="bytes",
        )  # fmt: skip
        batch = EvidenceBatch.objects.create(
            project=project, source=source, file_name=file_name[:300], run=run, created_by=actor
        )
        record(
            verb="evidence.opened", subject=batch, actor=actor, project_id=project.pk, file=batch.file_name,
            sha256=source.digest,
        )  # fmt: skip
    return batch


def batch_of(run: Run) -> EvidenceBatch:
    """The batch that a run carries."""
    return EvidenceBatch.objects.select_related("source", "project", "created_by").get(run=run)


def attach_batch(batch: EvidenceBatch, *, beat: Beat) -> None:
    """Attach every line of the batch's file, chunk by chunk; safe to run again.

    Args:
        beat: called after each chunk's commit; may raise to stop there.
    """
    attacher = _Attacher(batch)
    with open_source(batch.source) as file:
        read = 0
        for chunk in _chunks(parse(file, name=batch.file_name)):
            attacher.attach(chunk)
            read = max(read, _tell(file))
            beat(read, f"{attacher.lines:,} lines")
    with transaction.atomic():
        batch.refresh_from_db()
        batch.unchanged = max(0, attacher.accepted - batch.readings_written - batch.tracks_written)
        batch.save(update_fields=["unchanged"])
        record(
            verb="evidence.attached", subject=batch, actor=batch.created_by, project_id=batch.project_id,
            readings=batch.readings_written, tracks=batch.tracks_written, unchanged=batch.unchanged,
            rejected=batch.rejected,
        )  # fmt: skip
    words = f"{batch.readings_written:,} new readings, {batch.tracks_written:,} new token tracks"
    beat(batch.source.size, f"{words}, {batch.unchanged:,} already there, {batch.rejected:,} rejected")


class _Attacher:
    """One pass over one file: the channels met so far, and the counts."""

    def __init__(self, batch: EvidenceBatch) -> None:
        self.batch = batch
        self.lines = 0
        self.accepted = 0  # readings and tracks that stand now, old or new
        self._channels: dict[str, Channel] = {}
        self._texts: dict[tuple[int, int, str], str | None] = {}
        self._aligned: tuple[tuple[tuple[str, ...], str], list[tuple[int, int]]] = (((), ""), [])

    def attach(self, chunk: list[EvidenceLine | Rejection]) -> None:
        """One transaction, tried again when another writer wrote to the same places first."""
        for attempt in range(1, TRIES + 1):
            known = dict(self._channels)
            try:
                with transaction.atomic():
                    accepted = self._attach(chunk)
                break
            except (IntegrityError, OperationalError) as problem:
                self._channels = known
                came_first = isinstance(problem, IntegrityError) or isinstance(
                    problem.__cause__, DeadlockDetected
                )
                if attempt == TRIES or not came_first:
                    raise
        self.lines += len(chunk)
        self.accepted += accepted

    def _attach(self, chunk: list[EvidenceLine | Rejection]) -> int:
        rejects = [item for item in chunk if isinstance(item, Rejection)]
        lines = [item for item in chunk if not isinstance(item, Rejection)]
        spoken = [line for line in lines if not isinstance(line, ChannelLine)]
        names = _Names(self.batch.project_id, {line.transcript for line in spoken})
        lengths = lengths_of(names.ids())
        messages = _Messages(
            names.found(line.transcript)
            for line in spoken
            if isinstance(line, ReadingLine) and line.message_id and line.position is None
        )
        readings: list[NewReading] = []
        tracks: list[NewTrack] = []
        for line in lines:
            try:
                if isinstance(line, ChannelLine):
                    self._declare(line)
                    continue
                transcript_id = names.id_of(line.transcript)
                if isinstance(line, TokenLine):
                    line = self._tied(line, transcript_id)
                end = line.end if isinstance(line, ReadingLine) else max(line.ends)
                if isinstance(line, ReadingLine) and line.message_id and line.position is None:
                    line = replace(line, position=messages.position(transcript_id, line.message_id))
                if problem := problem_with(lengths, transcript_id, line.position, line.part, end):
                    raise _CannotAttach(problem)
                channel = self._channel(line)
                if isinstance(line, TrackLine):
                    tracks.append(_new_track(line, channel, transcript_id))
                else:
                    readings.append(_new_reading(line, channel, transcript_id))
            except (_CannotAttach, ChannelClash, BadTrack) as problem:
                rejects.append(Rejection(line.place, str(problem)))
        source = f"evidence:{self.batch.pk}"
        EvidenceBatch.objects.filter(pk=self.batch.pk).update(
            readings_written=F("readings_written") + write_readings(readings=readings, source=source),
            tracks_written=F("tracks_written") + write_tracks(tracks=tracks, source=source),
            rejected=F("rejected") + self._list(rejects),
        )
        return len(readings) + len(tracks)

    def _tied(self, line: TokenLine, transcript_id: int) -> TrackLine:
        """The track with each token's place in the text; or `_CannotAttach`, naming the first that does not fit."""
        key = transcript_id, line.position, line.part
        if key not in self._texts:
            self._texts.clear()  # features of one text come one after another
            self._texts[key] = _text_at(transcript_id, line.position, line.part)
        text = self._texts[key]
        if text is None:
            raise _CannotAttach(f"the transcript has no {line.part} in message {line.position}")
        if (line.tokens, text) != self._aligned[0]:
            try:
                self._aligned = (line.tokens, text), align(line.tokens, text)
            except DoesNotFit as problem:
                number = line.numbers[problem.index] if problem.index < len(line.numbers) else None
                words = str(problem)
                if number is not None and number != problem.index:
                    words = words.replace(f"token {problem.index} ", f"token {number} ", 1)
                raise _CannotAttach(f"message {line.position}, {line.part}: {words}") from problem
        spans = self._aligned[1]
        return TrackLine(
            line.place, line.transcript, line.channel, line.position, line.part, tuple(start for start, _ in spans),
            tuple(end for _, end in spans), line.values, line.detail,
        )  # fmt: skip

    def _list(self, rejects: list[Rejection]) -> int:
        """List the rejects not yet listed by an earlier run of the batch; how many there were."""
        if not rejects:
            return 0
        before = self.batch.rejects.count()
        EvidenceReject.objects.bulk_create(
            [
                EvidenceReject(
                    batch=self.batch, record=item.place.record, place=item.place.as_text()[:300],
                    reason=item.reason[:1000],
                )
                for item in rejects
            ],
            ignore_conflicts=True,
        )  # fmt: skip
        return self.batch.rejects.count() - before

    def _declare(self, line: ChannelLine) -> None:
        known = self._known(line.key)
        if known is not None and known.kind == HUMAN:
            raise _CannotAttach(TAKEN.format(line.key))
        kind = line.kind or (known.kind if known else kind_of_key(line.key))
        self._channels[line.key] = declare_channel(
            project_id=self.batch.project_id, key=line.key, kind=kind, actor=self.batch.created_by, name=line.name,
            unit=line.unit, rollup=line.rollup, lo=line.lo, hi=line.hi, polarity=line.polarity, notice=line.notice,
            detail=dict(line.detail),
        )  # fmt: skip

    def _known(self, key: str) -> Channel | None:
        if key in self._channels:
            return self._channels[key]
        return Channel.objects.filter(project_id=self.batch.project_id, key=key).first()

    def _channel(self, line: ReadingLine | TrackLine) -> Channel:
        """The channel a line names, made if the project has none of that key."""
        key = line.channel
        if key not in self._channels:
            self._channels[key] = self._known(key) or declare_channel(
                project_id=self.batch.project_id, key=key, kind=kind_of_key(key), actor=self.batch.created_by,
                unit=_unit_of(line),
            )  # fmt: skip
        if self._channels[key].kind == HUMAN:
            raise _CannotAttach(TAKEN.format(key))
        if self._channels[key].own:
            raise _CannotAttach(OWN.format(key))
        return self._channels[key]


class _CannotAttach(ValueError):
    """A line that cannot be attached; the message says why."""


class _Names:
    """Which transcripts the lines of a chunk name, looked up at once."""

    def __init__(self, project_id: int, names: set[TranscriptName]) -> None:
        wanted = {n.external_id[:ID_LIMIT] for n in names if n.external_id}
        by_id = ids_by_external_id(project_id, wanted)
        # a log's reader may know its samples by uuid alone, as Inspect Scout does
        by_id |= ids_by_uuid(project_id, wanted - by_id.keys())
        by_fingerprint = ids_by_fingerprint(project_id, [n.fingerprint for n in names if n.fingerprint])
        self._found = {
            name: by_id.get(name.external_id[:ID_LIMIT], [])
            if name.external_id
            else by_fingerprint.get(name.fingerprint, [])
            for name in names
        }

    def ids(self) -> Iterator[int]:
        """The ids of the transcripts that are named without doubt."""
        return (ids[0] for ids in self._found.values() if len(ids) == 1)

    def found(self, name: TranscriptName) -> int | None:
        """The one transcript of this name, if it is one."""
        ids = self._found[name]
        return ids[0] if len(ids) == 1 else None

    def id_of(self, name: TranscriptName) -> int:
        """The one transcript of this name, or `_CannotAttach`."""
        found = self._found[name]
        if not found:
            raise _CannotAttach(f"no transcript is known as {name.as_text()[:ID_LIMIT]}")
        if len(found) > 1:
            raise _CannotAttach(f"{len(found)} transcripts are known as {name.as_text()[:ID_LIMIT]}")
        return found[0]


class _Messages:
    """Where the messages stand that lines name by the source's own id; `AT_ONCE` transcripts are read at a time."""

    def __init__(self, transcript_ids: Iterable[int | None]) -> None:
        wanted = sorted({pk for pk in transcript_ids if pk is not None})
        self._together = {
            pk: wanted[i : i + AT_ONCE]
            for i in range(0, len(wanted), AT_ONCE)
            for pk in wanted[i : i + AT_ONCE]
        }
        self._known: dict[int, dict[str, int]] = {}

    def position(self, transcript_id: int, message_id: str) -> int:
        """The first message of this id, those a branch shares with its parents too, or `_CannotAttach`."""
        if transcript_id not in self._known:
            for pk, found in messages_of(self._together[transcript_id]).items():
                self._known[pk] = {m.source_id: m.position for m in reversed(found) if m.source_id}
        position = self._known[transcript_id].get(message_id[:MESSAGE_ID_LIMIT])
        if position is None:
            raise _CannotAttach(f"no message of the transcript is known as {message_id[:MESSAGE_ID_LIMIT]}")
        return position


def _text_at(transcript_id: int, position: int, part: str) -> str | None:
    transcript = Transcript.objects.get(pk=transcript_id)
    for message in messages_between(transcript, position, position + 1):
        return texts_of(message).get(part)
    return None


def kind_of_key(key: str) -> str:
    """The kind of a channel that nobody declared, by how its key begins."""
    return next((kind for prefix, kind in KIND_BY_PREFIX.items() if key.startswith(prefix)), "other")


def _unit_of(line: ReadingLine | TrackLine) -> str:
    if isinstance(line, TrackLine):
        return "token"
    if line.position is None and not line.message_id:
        return "transcript"
    return "message" if line.start is None else "span"


def _new_reading(line: ReadingLine, channel: Channel, transcript_id: int) -> NewReading:
    quotes = tuple(CitedQuote(q.text, position=q.position, source_id=q.source_id) for q in line.quotes)
    return NewReading(
        channel=channel, transcript_id=transcript_id, value=line.value, label=line.label, position=line.position,
        part=line.part, start=line.start, end=line.end, explanation=line.explanation, detail=line.detail,
        quotes=quotes, identifier=line.identifier,
    )  # fmt: skip


def _new_track(line: TrackLine, channel: Channel, transcript_id: int) -> NewTrack:
    pack(line.starts, line.ends, line.values)  # raises for what cannot be stored, before anything is
    return NewTrack(channel, transcript_id, line.position, line.part, line.starts, line.ends, line.values)


def _chunks(lines: Iterable[EvidenceLine | Rejection]) -> Iterator[list[EvidenceLine | Rejection]]:
    chunk: list[EvidenceLine | Rejection] = []
    tokens = 0
    for line in lines:
        chunk.append(line)
        tokens += len(line.values) if isinstance(line, TrackLine | TokenLine) else 0
        if len(chunk) >= CHUNK or tokens >= CHUNK_TOKENS:
            yield chunk
            chunk, tokens = [], 0
    if chunk:
        yield chunk


def _tell(file: BinaryIO) -> int:
    return 0 if file.closed else file.tell()
