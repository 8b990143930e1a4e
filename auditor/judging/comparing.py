"""Several judges on the same transcripts, as far as one person may see them; nothing is asked of a model.

A judge here is a channel of kind `judge`: a version that was run, one of its dimensions, or one that came in
with a log. What it said is what its channel says; `panels` has the statistics.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from auditor.corpus.models import TranscriptQuerySet
from auditor.evidence.language import parse
from auditor.evidence.models import Channel
from auditor.evidence.nodes import And, Node, to_text
from auditor.evidence.queries import MACHINE, Sight, channels_of
from auditor.judging.boundaries import IS, Boundary, Score, different_labels, disagreement
from auditor.judging.definition import ENTROPY
from auditor.judging.expected import Expected
from auditor.judging.models import JudgeVersion
from auditor.judging.panels import (
    ARGMAX,
    EXPECTED,
    Flips,
    Pair,
    Panel,
    Rate,
    flips,
    panel,
    rate,
    sensitivity,
)
from auditor.judging.queries import judged_by
from auditor.judging.rubric import parse_rubric
from auditor.judging.voting import mixture
from auditor.sampling.choosing import Chosen, transcripts_of

MOST_JUDGES = 20
MOST_LABELS = 50  # of one channel, offered
MOST_SAID = 500_000  # verdicts that are compared at once: a hundred thousand transcripts, five judges


class TooMany(ValueError):
    """More than a page can compare; its message says what to do."""


@dataclass(frozen=True)
class Side:
    """One judge, with everything that it said."""

    channel: Channel
    version: JudgeVersion | None
    scores: Mapping[int, Score]  # by transcript
    labels: tuple[str, ...]  # that it has said, the rarest first

    @property
    def key(self) -> str:
        return self.channel.key

    @cached_property
    def has_scores(self) -> bool:
        """Whether it ever gave a number."""
        return any(one.value is not None for one in self.scores.values())

    @cached_property
    def has_distributions(self) -> bool:
        """Whether any of its numbers was read from probabilities."""
        return any(one.expected is not None for one in self.scores.values())


@dataclass(frozen=True)
class PairRow:
    """Two judges side by side, with what the second says otherwise."""

    pair: Pair
    first: Side
    second: Side
    flips: Flips | None  # None where labels are compared
    versions: bool  # both are versions of one judge


@dataclass(frozen=True)
class Sense:
    """One rate, under one way to read one judge."""

    side: Side
    words: str
    rate: Rate
    as_asked: bool  # with the boundary that the page has now


@dataclass(frozen=True)
class Split:
    """A transcript on which the judges differ."""

    transcript_id: int
    said: tuple[str, ...]  # in the order of the judges
    scores: tuple[Score, ...]
    evenness: float  # the share of pairs of judges that differ

    @property
    def cells(self) -> list[tuple[str, str]]:
        """What each said, with what it was read from: the label, else the number."""
        read = [score.label or ("" if score.value is None else f"{score.value:.4g}") for score in self.scores]
        return [
            (said, "" if said == beside else beside) for said, beside in zip(self.said, read, strict=True)
        ]


@dataclass(frozen=True)
class Comparison:
    """What several judges made of the same transcripts."""

    sides: tuple[Side, ...]
    boundaries: tuple[Boundary, ...]
    by_labels: bool
    universe: tuple[int, ...]  # transcripts that any of them was given, or that were chosen
    left_out: int  # veiled to the person

    @cached_property
    def said(self) -> dict[str, list[str | None]]:
        """What each says of each transcript of the universe."""
        return {
            side.key: [self._word(side, boundary, pk) for pk in self.universe]
            for side, boundary in zip(self.sides, self.boundaries, strict=True)
        }

    def _word(self, side: Side, boundary: Boundary, transcript_id: int) -> str | None:
        score = side.scores.get(transcript_id)
        if self.by_labels:
            return score.label or None if score is not None else None
        says = boundary.says(score)
        return None if says is None else "yes" if says else "no"

    @cached_property
    def answers(self) -> dict[str, list[bool | None]]:
        """Yes or no by the boundaries, whatever is compared."""
        return {
            side.key: [boundary.says(side.scores.get(pk)) for pk in self.universe]
            for side, boundary in zip(self.sides, self.boundaries, strict=True)
        }

    @cached_property
    def rates(self) -> list[tuple[Side, Boundary, Rate]]:
        """How often each says yes, with what it could be if the missing were known."""
        return [
            (side, boundary, rate(self.answers[side.key]))
            for side, boundary in zip(self.sides, self.boundaries, strict=True)
        ]

    @cached_property
    def panel(self) -> Panel:
        return panel(self.said)

    @cached_property
    def pairs(self) -> list[PairRow]:
        by_key = {side.key: side for side in self.sides}
        rows = []
        for one in self.panel.pairs:
            first, second = by_key[one.first], by_key[one.second]
            flipped = None if self.by_labels else flips(self.answers[one.first], self.answers[one.second])
            same = (
                first.version is not None
                and second.version is not None
                and first.version.judge_id == second.version.judge_id
            )
            rows.append(PairRow(one, first, second, flipped, same))
        return rows

    @property
    def extremes(self) -> tuple[PairRow, PairRow] | None:
        """The pairs with the least and the greatest kappa."""
        known = [row for row in self.pairs if row.pair.kappa is not None]
        if len(known) < 2:
            return None
        return min(known, key=_kappa), max(known, key=_kappa)

    @cached_property
    def senses(self) -> list[Sense]:
        """How the rate moves with the judge, the boundary and the way a distribution is read."""
        made: list[Sense] = []
        for side, boundary, found in self.rates:
            if not boundary.of_score:
                made.append(Sense(side, boundary.in_words(), found, True))
                others = [label for label in side.labels if label != boundary.label][:MOST_LABELS]
                for label in others:
                    other = Boundary(side.key, IS, label)
                    answers = [other.says(side.scores.get(pk)) for pk in self.universe]
                    made.append(Sense(side, other.in_words(), rate(answers), False))
                continue
            items = [
                {"": score.read if (score := side.scores.get(pk)) is not None else None}
                for pk in self.universe
            ]
            for reading in sensitivity(items, [("", boundary.wanted)]):
                if reading.of == ARGMAX and not side.has_distributions:
                    continue
                ((op, at),) = reading.conditions[0][1].bounds
                other = Boundary(side.key, op, at=at, reads=reading.of)
                asked = reading.as_given and reading.of == boundary.reads
                made.append(Sense(side, other.in_words(), reading.rate, asked))
        return made

    @property
    def spread(self) -> tuple[Sense, Sense] | None:
        """The lowest and the highest rate of a score under any of these readings, or of the judges' own."""
        senses = [
            one
            for one in self.senses
            if one.rate.value is not None and (one.as_asked or "score" in one.words)
        ]
        if len(senses) < 2:
            return None
        return min(senses, key=_value), max(senses, key=_value)

    @cached_property
    def splits(self) -> list[Split]:
        """Transcripts that every judge judged and on which they differ, the most divided first."""
        found = []
        columns = [self.said[side.key] for side in self.sides]
        for at, row in enumerate(zip(*columns, strict=True)):
            words = tuple(word for word in row if word is not None)
            if len(words) < len(row) or len(set(words)) < 2:
                continue
            pk, m = self.universe[at], len(words)
            alike = sum(n * (n - 1) for n in Counter(words).values())
            scores = tuple(side.scores[pk] for side in self.sides)
            found.append(Split(pk, words, scores, 1 - alike / (m * (m - 1))))
        return sorted(found, key=lambda one: (-one.evenness, one.transcript_id))

    @property
    def filter(self) -> str:
        """An expression that holds for these transcripts and no others of the project; empty if there is none."""
        node = self._node()
        return "" if node is None else to_text(node)

    def filter_within(self, where: str) -> str:
        """The same, among those for which another expression holds."""
        node = self._node()
        if node is None or not where:
            return self.filter
        return to_text(And((node, parse(where))))

    def _node(self) -> Node | None:
        labels = [sorted(side.labels) for side in self.sides]
        if self.by_labels:
            return different_labels([side.key for side in self.sides], labels)
        return disagreement(self.boundaries, labels)


def judge_channels(project_id: int) -> list[Channel]:
    """The channels that can be compared: of judges, without how far one's own votes differ."""
    rows = channels_of(project_id).filter(kind="judge")
    return [channel for channel in rows if not (channel.own and channel.detail.get("says") == ENTROPY)]


def sides_of(channels: Sequence[Channel], *, sight: Sight, chosen: Chosen | None = None) -> tuple[Side, ...]:
    """Each channel with all that the person may see of it, or what it says of the transcripts chosen.

    Raises:
        FilterError: the filter names what the project has not.
        TooMany: more than can be compared while somebody waits.
    """
    found: dict[int, dict[int, Score]] = {channel.pk: {} for channel in channels}
    rows, within = sight.rollups_on(channels), None
    if chosen is not None:
        within, _ = transcripts_of(chosen, project_id=channels[0].project_id, sight=sight)
        rows = rows.filter(transcript__in=within.order_by().values("pk"))
    n = rows.count()
    if n > MOST_SAID:
        raise TooMany(
            f"{n:,} verdicts are more than can be compared while you wait. Choose a sample, or filter the list."
        )
    distributions = _distributions(channels, sight, within)
    listed = rows.values_list("channel_id", "transcript_id", "value", "label")
    for channel_id, transcript_id, value, label in listed.iterator(chunk_size=10_000):
        expected = distributions.get((channel_id, transcript_id))
        found[channel_id][transcript_id] = Score(value, label, expected)
    versions = _versions(channels)
    return tuple(
        Side(channel, versions.get(channel.pk), found[channel.pk], _labels(found[channel.pk].values()))
        for channel in channels
    )


def compare(
    sides: tuple[Side, ...],
    boundaries: Mapping[str, Boundary],
    *,
    chosen: Chosen | None,
    by_labels: bool,
    project_id: int,
    sight: Sight,
) -> Comparison:
    """The judges on the transcripts chosen; without a choice, on all that any of them was given.

    Args:
        boundaries: by channel key, one for each judge.

    Raises:
        FilterError: the filter names what the project has not.
    """
    left_out = sight.n_veiled(project_id, [MACHINE])
    if chosen is not None:
        rows, _ = transcripts_of(chosen, project_id=project_id, sight=sight)
        universe = set(sight.unveiled(rows, [MACHINE]).order_by().values_list("pk", flat=True))
    else:
        versions = [side.version for side in sides if side.version is not None]
        universe = {pk for side in sides for pk in side.scores}
        universe |= judged_by(sight, [version for version in versions if not version.imported])
    return Comparison(
        sides, tuple(boundaries[side.key] for side in sides), by_labels, tuple(sorted(universe)), left_out
    )


def offered(side: Side, among: Iterable[Side]) -> Boundary:
    """The boundary to begin with: the gravest label by the rubric, else the rarest of what all these say;
    without labels, the middle of the scale."""
    if side.labels:
        grave = next((label for label in reversed(_severity(side)) if label in side.labels), "")
        if not grave:
            counts = Counter(score.label for one in among for score in one.scores.values() if score.label)
            grave = min(side.labels, key=lambda label: (counts[label], label))
        return Boundary(side.key, IS, grave)
    channel = side.channel
    values = [one.value for one in side.scores.values() if one.value is not None]
    lo = channel.lo if channel.lo is not None else min(values, default=0.0)
    hi = channel.hi if channel.hi is not None else max(values, default=1.0)
    return Boundary(side.key, "below", at=round((lo + hi) / 2, 6), reads=EXPECTED)


def _severity(side: Side) -> list[str]:
    """The labels of a channel of our own in rising severity, by its version's rubric."""
    if side.version is None or not side.channel.own:
        return []
    rubric = parse_rubric(side.version.rubric)
    says = side.channel.detail.get("says", "main")
    if says == "main" and rubric.labels:
        return [label.key for label in rubric.labels]
    dimension = rubric.by_key.get(says, rubric.main)
    return list(dimension.words if dimension.worse == "high" else reversed(dimension.words))


def _labels(scores: Iterable[Score]) -> tuple[str, ...]:
    counted = Counter(score.label for score in scores if score.label)
    return tuple(sorted(counted, key=lambda label: (counted[label], label)))


def _distributions(
    channels: Sequence[Channel], sight: Sight, within: TranscriptQuerySet | None
) -> dict[tuple[int, int], Expected]:
    """By channel and transcript what the numbers were read from, all votes together."""
    rows = sight.readings_on(channels).filter(detail__has_key="expected", position__isnull=True)
    if within is not None:
        rows = rows.filter(transcript__in=within.order_by().values("pk"))
    made = {}
    for channel_id, transcript_id, kept in rows.values_list(
        "channel_id", "transcript_id", "detail__expected"
    ):
        found = [Expected.from_json(one) for one in kept] if isinstance(kept, list) else []
        read = [one for one in found if one.from_logprobs and one.score is not None]
        if read:
            made[channel_id, transcript_id] = read[0] if len(found) == 1 else _together(read)
    return made


def _together(found: Sequence[Expected]) -> Expected:
    """Several votes as one distribution, whose score is the mean of theirs."""
    numbers = mixture(found)
    best = max(numbers.values())
    top = [number for number, p in numbers.items() if p == best]
    score = sum(one.score or 0.0 for one in found) / len(found)
    return Expected(score, 1.0, numbers, top[0] if len(top) == 1 else None)


def _versions(channels: Sequence[Channel]) -> dict[int, JudgeVersion]:
    """The version behind each channel, where one is known."""
    if not channels:
        return {}
    rows = JudgeVersion.objects.filter(judge__project=channels[0].project_id).select_related(
        "judge", "channel"
    )
    known: dict[Any, JudgeVersion] = {}
    for version in rows:
        known[version.channel_id if version.imported else version.digest] = version
    return {
        channel.pk: found
        for channel in channels
        if (found := known.get(channel.pk) or known.get(channel.detail.get("digest"))) is not None
    }


def _kappa(row: PairRow) -> float:
    return row.pair.kappa if row.pair.kappa is not None else 0.0


def _value(sense: Sense) -> float:
    return sense.rate.value if sense.rate.value is not None else 0.0
