"""Scores that come with a log: each becomes a reading on the channel it names."""

from auditor.accounts.models import User
from auditor.corpus.models import ImportBatch, Reject
from auditor.corpus.records import ParsedScore, ParsedTranscript
from auditor.corpus.writer import Written
from auditor.evidence.actions import ChannelClash, CitedQuote, NewReading, declare_channel, write_readings
from auditor.evidence.models import Channel


class ScoreWriter:
    """Writes the scores of each chunk inside its transaction; remembers the channels it has declared."""

    def __init__(self, batch: ImportBatch, actor: User | None) -> None:
        self._batch = batch
        self._actor = actor
        self._channels: dict[tuple[str, str], Channel | None] = {}  # None: the key is taken otherwise

    def write(self, written: Written) -> None:
        """The scores of new and old records alike: a better mapping may bring channels to what is there."""
        readings = [
            self._reading(channel, score, transcript_id)
            for item, transcript_id in written.pairs
            for score in item.scores
            if (channel := self._channel(score, item)) is not None
        ]
        if readings:
            write_readings(readings=readings, source=f"batch:{self._batch.pk}")

    def _channel(self, score: ParsedScore, item: ParsedTranscript) -> Channel | None:
        key = score.channel, score.kind
        if key not in self._channels:
            try:
                self._channels[key] = declare_channel(
                    project_id=self._batch.project_id, key=score.channel, kind=score.kind, actor=self._actor,
                )  # fmt: skip
            except ChannelClash as problem:
                self._channels[key] = None
                self._list(f"{problem}; the file's scores on it were left out", score, item)
        return self._channels[key]

    def _list(self, reason: str, score: ParsedScore, item: ParsedTranscript) -> None:
        """Say once, at the first record, why the scores of a channel are missing."""
        Reject.objects.bulk_create(
            [
                Reject(
                    batch=self._batch, record=item.place.record, reason=reason[:1000],
                    place=f"{item.place.as_text()}, score {score.channel}"[:300],
                )
            ],
            ignore_conflicts=True,
        )  # fmt: skip

    @staticmethod
    def _reading(channel: Channel, score: ParsedScore, transcript_id: int) -> NewReading:
        quotes = tuple(CitedQuote(q.text, position=q.position, source_id=q.source_id) for q in score.quotes)
        return NewReading(
            channel=channel, transcript_id=transcript_id, value=score.value, label=score.label,
            explanation=score.explanation, detail=dict(score.detail), quotes=quotes,
        )  # fmt: skip
