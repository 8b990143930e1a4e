"""Scores that come with a log: each becomes a reading on the channel it names."""

from auditor.accounts.models import User
from auditor.corpus.models import ImportBatch, ImportFile, Reject
from auditor.corpus.records import ParsedScore
from auditor.corpus.rows import Prepared
from auditor.corpus.writer import Written
from auditor.evidence.actions import ChannelClash, CitedQuote, NewReading, declare_channel, write_readings
from auditor.evidence.models import Channel


class ScoreWriter:
    """Writes the scores of each chunk inside its transaction; remembers the channels it has declared."""

    def __init__(self, batch: ImportBatch, actor: User | None, file: ImportFile | None = None) -> None:
        self._batch = batch
        self._actor = actor
        self._file = file
        self._channels: dict[tuple[str, str, str], Channel | None] = {}  # None: the key is taken otherwise

    def write(self, written: Written) -> None:
        """The scores of new and old records alike: a better mapping may bring channels to what is there."""
        readings = [
            _reading(channel, score, transcript_id)
            for item, transcript_id in written.pairs
            for score, problem in item.scores
            if self._stands(score, problem, item) and (channel := self._channel(score, item)) is not None
        ]
        if readings:
            write_readings(readings=readings, source=f"batch:{self._batch.pk}", unseen=written.new_ids)

    def _stands(self, score: ParsedScore, problem: str, item: Prepared) -> bool:
        """Whether the place that a score names is there; where it is not, the score is listed."""
        if problem:
            self._list(f"{problem}; this score was left out", score, item)
        return not problem

    def _channel(self, score: ParsedScore, item: Prepared) -> Channel | None:
        key = score.channel, score.kind, score.unit
        if key not in self._channels:
            try:
                self._channels[key] = declare_channel(
                    project_id=self._batch.project_id, key=score.channel, kind=score.kind, actor=self._actor,
                    name=score.name, unit=score.unit, lo=score.lo, hi=score.hi, polarity=score.polarity[:200],
                )  # fmt: skip
            except ChannelClash as problem:
                self._channels[key] = None
                self._list(f"{problem}; the file's scores on it were left out", score, item)
        return self._channels[key]

    def _list(self, reason: str, score: ParsedScore, item: Prepared) -> None:
        """Say why a score is missing; of a whole channel once, at the first record."""
        at = "" if score.position is None else f", message {score.position}"
        Reject.objects.bulk_create(
            [
                Reject(
                    batch=self._batch, file=self._file, record=item.record, reason=reason[:1000],
                    place=f"{item.place[:150]}, score {score.channel[:100]}{at}"[:300],
                )
            ],
            ignore_conflicts=True,
        )  # fmt: skip


def _reading(channel: Channel, score: ParsedScore, transcript_id: int) -> NewReading:
    quotes = tuple(
        CitedQuote(quote.text, position=quote.position, source_id=quote.source_id, part=quote.part)
        for quote in score.quotes
    )
    return NewReading(
        channel=channel, transcript_id=transcript_id, value=score.value, label=score.label,
        position=score.position, part=score.part, start=score.start, end=score.end,
        identifier=score.identifier[:100], explanation=score.explanation, detail=dict(score.detail), quotes=quotes,
    )  # fmt: skip
