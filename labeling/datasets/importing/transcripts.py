"""Transcripts of a release, through the corpus's own writer, under the identity that they have for ever."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from auditor.accounts.models import Project, User
from auditor.corpus.chunks import Chunk
from auditor.corpus.models import ImportBatch, ImportFile, Transcript
from auditor.corpus.records import ParsedMessage, ParsedTranscript, Place
from auditor.corpus.rows import Prepared, prepare
from auditor.corpus.writer import write_chunks
from labeling.datasets.importing.attachments import carried_by
from labeling.datasets.importing.checking import identity_of
from labeling.datasets.importing.opening import CannotOpen
from labeling.datasets.importing.shape import RecordIn, TranscriptIn
from labeling.datasets.verifying import RECORDS

FORMAT = "release"


class Transcripts:
    """Writes the transcripts of one release and knows their ids."""

    def __init__(self, project: Project, name: str, actor: User, *, whole: bool) -> None:
        self.project, self.name, self.actor, self.whole = project, name, actor, whole
        self.ids: dict[str, int] = {}  # identity -> id
        self.fresh: set[int] = set()
        self.carried: dict[ImportBatch, set[str]] = defaultdict(set)  # sha256 of what their messages refer to
        self._batches: dict[str, ImportBatch] = {}
        self._files: dict[tuple[str, str, str], ImportFile] = {}

    @property
    def batches(self) -> list[ImportBatch]:
        """The imports that the transcripts belong to."""
        return list(self._batches.values())

    def write(self, records: Sequence[tuple[int, RecordIn]]) -> None:
        """Write some; those that the project has stay as they are.

        Raises:
            CannotOpen: a transcript is not what its fingerprint says, or the project has another under its identity.
        """
        groups: dict[tuple[int, int | None], list[Prepared]] = defaultdict(list)
        owners: dict[tuple[int, int | None], tuple[ImportBatch, ImportFile | None]] = {}
        said: dict[str, tuple[int, str]] = {}
        for line, record in records:
            transcript = record["transcript"]
            batch, file = self._owner(transcript)
            self.carried[batch].update(carried_by(transcript))
            one = prepare(_parsed(transcript), transcript["ordinal"])
            if self.whole and one.fingerprint != transcript["fingerprint"]:
                raise CannotOpen(
                    f"{RECORDS}, line {line}: the messages have another fingerprint than the record says"
                )
            key = (batch.pk, file.pk if file else None)
            owners[key] = (batch, file)
            groups[key].append(one)
            said[identity_of(record)] = (line, one.fingerprint)
        for key, prepared in groups.items():
            batch, file = owners[key]
            for written in write_chunks(batch, [Chunk(prepared, [])], file=file):
                self.ids |= {f"{one.digest}:{one.ordinal}": pk for one, pk in written.pairs}
                self.fresh |= written.new_ids
        self._compare(said)

    def _compare(self, said: dict[str, tuple[int, str]]) -> None:
        """What was there already must be the same conversation."""
        old = {
            self.ids[key]: (line, mark)
            for key, (line, mark) in said.items()
            if self.ids[key] not in self.fresh
        }
        for pk, mark in Transcript.objects.filter(pk__in=old).values_list("pk", "fingerprint"):
            if self.whole and mark != old[pk][1]:
                raise CannotOpen(
                    f"{RECORDS}, line {old[pk][0]}: the project has another transcript from this record"
                )

    def _owner(self, transcript: TranscriptIn) -> tuple[ImportBatch, ImportFile | None]:
        """The import and the file in it that the transcript came from; the file's bytes are not here."""
        source = transcript["source"]
        if source["file"] is None or source["sha256"] is None:
            return self._batch(source["format"] or FORMAT), None
        batch = self._batch(FORMAT)
        key = (source["file"], source["sha256"], source["format"])
        if key not in self._files:
            self._files[key] = ImportFile.objects.create(
                batch=batch, ordinal=len(self._files), name=source["file"], digest=source["sha256"], size=0,
                format=source["format"], done=True,
            )  # fmt: skip
        return batch, self._files[key]

    def _batch(self, format: str) -> ImportBatch:
        if format not in self._batches:
            self._batches[format] = ImportBatch.objects.create(
                project=self.project, file_name=self.name[:300], format=format[:40], created_by=self.actor
            )
        return self._batches[format]


def _parsed(transcript: TranscriptIn) -> ParsedTranscript:
    parent = transcript["parent"]
    return ParsedTranscript(
        digest=transcript["record_digest"],
        place=Place.from_json(transcript["source"]["place"]) if transcript["source"]["place"] else Place(0),
        messages=tuple(_messages(transcript)),
        external_id=transcript["external_id"],
        model=transcript["model"],
        conditions=transcript["conditions"],
        metadata=transcript["metadata"],
        warnings=tuple(transcript["warnings"]),
        parent=parent["record_digest"] if parent else "",
        shared=transcript["shared"] if parent else 0,
    )


def _messages(transcript: TranscriptIn) -> Iterable[ParsedMessage]:
    for one in transcript["messages"] or ():
        yield ParsedMessage(
            role=one["role"], text=one["text"] or "", reasoning=one["reasoning"] or "", parts=tuple(one["parts"]),
            source_id=one["source_id"], model=one["model"],
        )  # fmt: skip
