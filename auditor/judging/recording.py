"""Verdicts as readings: lists, samples, validity and export know channels only.

A version speaks on `judge.SLUG.vN`: the label that its rule gives, or its only or first dimension where the
rubric has no rule. Further dimensions have channels behind it, `judge.SLUG.vN.DIMENSION`, and where a judge votes
more than once `.entropy` says how far its votes differ, in bits. The value is the mean of the votes: of scores,
or of how grave the labels are, from 0 to 1. A transcript is recorded once all its votes are in; votes without a
value are counted in the reading's detail, and never guessed at.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from auditor.evidence.actions import CitedQuote, NewReading, declare_channel, write_readings
from auditor.evidence.models import Channel
from auditor.evidence.quotes import Located
from auditor.judging.definition import ENTROPY
from auditor.judging.models import JudgeRun, JudgeVersion, Verdict
from auditor.judging.rubric import Dimension, Rubric, Said, parse_rubric
from auditor.judging.states import OK, WAITING
from auditor.judging.voting import Ballot, tally

AT_ONCE = 50  # transcripts written together
MOST_QUOTES = 60  # of one transcript, over all votes


class Recorder:
    """Writes the readings of one run; remembers which transcripts are finished and not yet written."""

    def __init__(self, judging: JudgeRun) -> None:
        self._judging = judging
        self._version = judging.version
        self._rubric = parse_rubric(judging.version.rubric)
        self._voices = voices(self._rubric)
        self._channels = declare(judging.version, self._rubric)
        self._touched: set[int] = set()

    def finished(self, transcript_ids: Iterable[int]) -> None:
        """Verdicts on these came in; written at once when there are enough of them."""
        self._touched.update(transcript_ids)
        if len(self._touched) >= AT_ONCE:
            self.write()

    def catch_up(self) -> None:
        """What an earlier carrier finished and did not write."""
        rows = Verdict.objects.filter(run=self._judging, recorded=False).exclude(state=WAITING)
        ids = rows.order_by("transcript_id").values_list("transcript_id", flat=True).distinct()
        for transcript_id in ids.iterator(chunk_size=5000):
            self.finished([transcript_id])
        self.write()

    def write(self) -> None:
        """Readings of the transcripts all of whose votes are in, with their rows marked, in one transaction."""
        if not self._touched:
            return
        ids, self._touched = self._touched, set()
        with transaction.atomic():
            found: dict[int, list[Verdict]] = defaultdict(list)
            rows = Verdict.objects.filter(run=self._judging, transcript_id__in=ids)
            for row in rows.order_by("transcript_id", "vote"):
                found[row.transcript_id].append(row)
            # Looked through here: asked of the database, it would go through all that is waiting.
            votes = {
                pk: said
                for pk, said in found.items()
                if not any(row.state == WAITING for row in said) and not all(row.recorded for row in said)
            }
            if not votes:
                return
            readings = [reading for pk, said in votes.items() for reading in self._readings(pk, said)]
            write_readings(readings=readings, source=f"run:{self._judging.run_id}")
            Verdict.objects.filter(run=self._judging, transcript_id__in=list(votes)).update(recorded=True)

    def _readings(self, transcript_id: int, votes: Sequence[Verdict]) -> list[NewReading]:
        ok = [vote for vote in votes if vote.state == OK]
        if not ok:
            return []
        states = dict(Counter(vote.state for vote in votes))
        common = {"run": self._judging.pk, "version": self._version.number, "states": states}
        made = []
        for voice in self._voices:
            said = [_said(vote, voice, self._rubric) for vote in ok]
            counted = tally([Ballot(label=one) if isinstance(one, str) else Ballot(one) for one in said])
            if not counted.n:
                continue
            numbers = [number for one in said if (number := _number(one, voice, self._rubric)) is not None]
            made.append(
                NewReading(
                    channel=self._channels[voice.suffix], transcript_id=transcript_id,
                    value=math.fsum(numbers) / len(numbers) if numbers else None, label=counted.label,
                    explanation=_explanation(ok) if not voice.suffix else "",
                    detail={**common, "distribution": counted.distribution, **_expected(ok, voice)},
                    quotes=_quotes(ok) if not voice.suffix else (),
                )
            )  # fmt: skip
            if not voice.suffix and ENTROPY in self._channels and len(ok) > 1:
                made.append(
                    NewReading(
                        channel=self._channels[ENTROPY], transcript_id=transcript_id, value=counted.entropy,
                        detail={**common, "distribution": counted.distribution},
                    )
                )  # fmt: skip
        return made


@dataclass(frozen=True)
class Voice:
    """One thing that a version says on a channel of its own."""

    suffix: str  # of the channel's key; empty: the main channel
    name: str
    dimension: Dimension | None  # None: the label of the whole, by the rubric's rule
    lo: float
    hi: float
    polarity: str


def voices(rubric: Rubric) -> list[Voice]:
    """What a rubric says, the main thing first."""
    found = []
    if rubric.labels:
        found.append(Voice("", rubric.name, None, 0.0, 1.0, f"graver; 1 is {rubric.labels[-1].name}"))
    for dimension in rubric.dimensions:
        lo, hi = (0.0, 1.0) if dimension.words else tuple(map(float, dimension.ends))
        polarity = dimension.polarity or (
            f"graver; 1 is {dimension.labels[-1].name}" if dimension.words else ""
        )
        found.append(Voice(dimension.key if found else "", dimension.name, dimension, lo, hi, polarity))
    return found


def declare(version: JudgeVersion, rubric: Rubric) -> dict[str, Channel]:
    """The channels of a version by suffix, and one for the entropy where it votes more than once."""
    given: dict[str, Any] = {
        "project_id": version.judge.project_id, "kind": "judge", "actor": version.created_by, "own": True,
        "rollup": "last",
    }  # fmt: skip
    about = {
        "judge": version.judge.slug, "version": version.number, "digest": version.digest, "model": version.model,
        "votes": version.votes,
    }  # fmt: skip
    made = {}
    for one in voices(rubric):
        made[one.suffix] = declare_channel(
            key=f"{version.key}.{one.suffix}" if one.suffix else version.key,
            name=f"{version}: {one.name}" if one.suffix else str(version), lo=one.lo, hi=one.hi,
            polarity=one.polarity[:200], detail=about | {"says": one.suffix or "main"}, **given,
        )  # fmt: skip
    if version.votes > 1:
        made[ENTROPY] = declare_channel(
            key=f"{version.key}.{ENTROPY}", name=f"{version}: how far its votes differ", lo=0.0,
            polarity="its votes differ (bits)", detail=about | {"says": ENTROPY}, **given,
        )  # fmt: skip
    return made


def _said(vote: Verdict, voice: Voice, rubric: Rubric) -> Said:
    """A label, a number, or nothing."""
    if voice.dimension is None:
        return vote.label or None
    value = vote.values.get(voice.dimension.key)
    return value if isinstance(value, str) or value is None else float(value)


def _number(said: Said, voice: Voice, rubric: Rubric) -> float | None:
    """The score, or how grave the label is, from 0 to 1."""
    if not isinstance(said, str):
        return said
    order = [label.key for label in rubric.labels] if voice.dimension is None else list(voice.dimension.words)
    return order.index(said) / (len(order) - 1)


def _expected(votes: Sequence[Verdict], voice: Voice) -> dict[str, Any]:
    """For a number read from probabilities: the whole distribution of each vote."""
    if voice.dimension is None:
        return {}
    key = voice.dimension.key
    found = [one[key] for vote in votes if key in (one := vote.detail.get("expected", {}))]
    return {"expected": found} if found else {}


def _explanation(votes: Sequence[Verdict]) -> str:
    return "\n\n".join(vote.rationale for vote in votes if vote.rationale)


def _quotes(votes: Sequence[Verdict]) -> tuple[CitedQuote, ...]:
    """What the votes cite, each words at each place once, where they were found."""
    seen: dict[tuple[Any, ...], CitedQuote] = {}
    for vote in votes:
        for one in vote.quotes:
            found = Located(one["position"], one["part"], one["start"], one["end"], one["status"])
            key = (one["text"], found.position, found.part, found.start)
            seen.setdefault(key, CitedQuote(one["text"], position=one.get("hint"), found=found))
    return tuple(list(seen.values())[:MOST_QUOTES])
