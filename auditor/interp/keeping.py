"""What a capture saw, kept chunk by chunk: shard, blocks, readings, rows done and counts in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from auditor.evidence.actions import NewReading
from auditor.evidence.blockformat import BlockValues
from auditor.evidence.blocks import NewBlock, size_of, write_blocks
from auditor.evidence.peaks import write_only_readings
from auditor.interp.channels import Voice
from auditor.interp.models import DONE, FAILED, WAITING, Capture, CapturedTranscript, Instrument
from auditor.interp.reader import Reading, Seen
from auditor.interp.saying import readings_of


@dataclass(frozen=True)
class Outcome:
    """What became of one row."""

    row: CapturedTranscript
    state: str
    words: str = ""
    block: BlockValues | None = None
    readings: Sequence[NewReading] = ()
    left_out: int = 0  # code points that the model is not shown
    seconds: float = 0.0  # in the model
    active: Mapping[tuple[int, int], int] = field(
        default_factory=dict
    )  # instrument, feature -> counted tokens

    @property
    def n_tokens(self) -> int:
        return 0 if self.block is None else len(self.block.tokens)


class Keeper:
    """Makes outcomes of what was seen, and stores them."""

    def __init__(self, capture: Capture, voices: Mapping[str, Voice]) -> None:
        self._capture = capture
        self._subject = capture.subject
        self._voices = voices
        self.source = f"capture:{capture.pk}"

    def outcome(self, row: CapturedTranscript, read: Reading, seen: Seen) -> Outcome:
        """What was seen of a transcript as it is kept; a failure where it is no number."""
        n = len(read.table)
        values = [np.asarray(seen.values[key], dtype=np.float32) for key in self._voices]
        some = np.stack(values) if values else np.zeros((0, n), dtype=np.float32)
        if some.shape != (len(self._voices), n):
            return Outcome(row, FAILED, f"The model gave {some.shape[-1]:,} values for {n:,} tokens.")
        if not np.isfinite(some).all() or not all(np.isfinite(top.value).all() for top in seen.tops.values()):
            return Outcome(
                row, FAILED, "The model gave what is no number; with float16 that may be its range."
            )
        readings: list[NewReading] = []
        active: dict[tuple[int, int], int] = {}
        for voice, track in zip(self._voices.values(), some, strict=True):
            readings += readings_of(
                voice, track, read, transcript_id=row.transcript_id, capture=self._capture.pk
            )
            if voice.feature is not None:
                active[voice.feature] = int((track[read.table.counted.astype(bool)] > 0).sum())
        block = BlockValues(
            tokens=read.table, parts=read.parts, keys=tuple(self._voices), values=some, tops=seen.tops,
            rendered=read.rendered, facts=self._facts(),
        )  # fmt: skip
        words = "" if read.table.counted.any() else "No words of the assistant: nothing to read a value from."
        return Outcome(row, DONE, words, block, readings, read.left_out, seen.seconds, active)

    def _facts(self) -> dict[str, object]:
        return {
            "capture": self._capture.pk, "subject": self._subject.slug, "model": self._subject.reference,
            "digest": self._subject.digest, "tokenizer": self._subject.tokenizer_digest,
        }  # fmt: skip

    def store(self, outcomes: Sequence[Outcome], *, seconds_left: float | None) -> int:
        """Store what is still wanted of these, in one transaction; returns how many rows that are.

        Rows that somebody else has finished meanwhile are left alone.
        """
        with transaction.atomic():
            locked = Capture.objects.select_for_update().get(pk=self._capture.pk)
            rows = CapturedTranscript.objects.filter(pk__in=[one.row.pk for one in outcomes], state=WAITING)
            waiting = set(rows.values_list("pk", flat=True))
            fresh = [one for one in outcomes if one.row.pk in waiting]
            if not fresh:
                return 0
            blocks = self._write(fresh)
            now = timezone.now()
            for one in fresh:
                one.row.state, one.row.words = one.state, one.words[:500]
                one.row.n_tokens, one.row.left_out, one.row.finished_at = one.n_tokens, one.left_out, now
            CapturedTranscript.objects.bulk_update(
                [one.row for one in fresh],
                ["state", "words", "n_tokens", "left_out", "finished_at"],
                batch_size=500,
            )
            self._count(locked, fresh, blocks, seconds_left)
        return len(fresh)

    def _write(self, fresh: Sequence[Outcome]) -> int:
        """Blocks and readings; bytes of the frames."""
        channels = [voice.main for voice in self._voices.values()]
        done = [
            NewBlock(one.row.transcript_id, channels, one.block) for one in fresh if one.block is not None
        ]
        if done:
            write_blocks(blocks=done, source=self.source)
        readings = [reading for one in fresh for reading in one.readings]
        if readings:
            write_only_readings(readings=readings, source=self.source)
        ids = [new.transcript_id for new in done]
        return size_of(transcript_ids=ids, source=self.source) if ids else 0

    def _count(
        self, locked: Capture, fresh: Sequence[Outcome], size: int, seconds_left: float | None
    ) -> None:
        counted = sum(int(one.block.tokens.counted.sum()) for one in fresh if one.block is not None)
        Capture.objects.filter(pk=locked.pk).update(
            n_tokens=F("n_tokens") + sum(one.n_tokens for one in fresh),
            n_counted=F("n_counted") + counted,
            n_bytes=F("n_bytes") + size,
            seconds=F("seconds") + sum(one.seconds for one in fresh),
            seconds_left=seconds_left,
        )
        active: Counter[tuple[int, int]] = Counter()
        for one in fresh:
            active.update(one.active)
        for instrument in Instrument.objects.filter(pk__in={pk for pk, _ in active}):
            kept = Counter({int(index): n for index, n in instrument.active.items()})
            kept.update({index: n for (pk, index), n in active.items() if pk == instrument.pk})
            instrument.active = {str(index): n for index, n in sorted(kept.items())}
            instrument.save(update_fields=["active"])
