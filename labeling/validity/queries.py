"""Questions about anchoring: who moved in a round, and what they had been shown."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from auditor.accounts.models import Membership, User
from auditor.corpus.models import Transcript
from auditor.evidence.actions import ROLL
from auditor.evidence.facets import hue_of
from auditor.evidence.models import HUMAN, Channel, Reading
from auditor.evidence.queries import SCOPES, Sight, visible_to
from labeling.adjudication.models import ADJUDICATOR
from labeling.adjudication.queries import rulings_of
from labeling.agreement.queries import withheld_rounds
from labeling.annotations.models import BLIND, FINAL, LabelRevision, Reveal
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.queues.models import REVEAL, WORK, Item, Round
from labeling.queues.queries import rounds_of
from labeling.validity.anchoring import Move, Pull, Saying, Shift, names_of, pull_of, shift_of
from labeling.validity.flows import Flows, flows_of

LISTED = 200  # rounds to choose from, and items shown at once


@dataclass(frozen=True)
class Anchoring:
    """What the evidence of one round did to its labels."""

    round: Round
    shift: Shift
    pulls: tuple[tuple[Channel, Pull], ...]  # the strongest first
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Moved:
    """One label that moved, or did not, as a list shows it."""

    item: Item
    reviewer: str
    blind: str
    final: str
    ruling: str


def rounds_for(membership: Membership) -> tuple[list[Round], set[int]]:
    """The project's rounds in which evidence is revealed, and the ids of those withheld from the member."""
    rounds = list(rounds_of(membership.project.pk).filter(policy=REVEAL)[:LISTED])
    return rounds, withheld_rounds(rounds, membership.user, SCOPES)


def anchoring_of(round: Round, person: User, reversed: Collection[str] = ()) -> Anchoring:
    """Where the labels of a round went, beside what each channel had said.

    Args:
        reversed: keys of channels whose high values argue for the less severe label.
    """
    codebook = definition_of(round.codebook_version)
    severity = {label.code: label.severity for label in codebook.labels}
    moves = moves_of(round)
    heard = _heard(round, moves, visible_to(person), codebook)
    pulls = []
    for channel, some in heard.items():
        found = pull_of(
            channel.key, some, severity, scale=(channel.lo, channel.hi), reversed=channel.key in reversed
        )
        pulls.append((channel, found))
    pulls.sort(key=lambda one: (-one[1].toward.count, one[0].key))
    return Anchoring(round, shift_of(moves, severity), tuple(pulls), tuple(moves))


def flows_in(found: Anchoring) -> Flows | None:
    """How the labels of the round went from blind to final to the ruling, by rule or person, the most severe on top."""
    labels = sorted(definition_of(found.round.codebook_version).labels, key=lambda one: -one.severity)
    ruled = dict(rulings_of({one.item for one in found.moves}).values_list("item_id", "label"))
    moves = [replace(one, ruling=ruled.get(one.item, "")) for one in found.moves]
    return flows_of(moves, [(one.code, one.words, hue_of(one.group)) for one in labels])


def moves_of(round: Round) -> list[Move]:
    """The standing blind and final label of each reviewer who saw the evidence, and the ruling of a person."""
    rows = LabelRevision.objects.filter(item__round=round, item__role=WORK, late=False)
    newest: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    for item, reviewer, stage, label in rows.order_by("number").values_list(
        "item_id", "reviewer_id", "stage", "label"
    ):
        newest[item, reviewer][stage] = label
    rulings = rulings_of({item for item, _ in newest}).filter(rule=ADJUDICATOR)
    ruled = dict(rulings.values_list("item_id", "label"))
    return [
        Move(item, reviewer, said[BLIND], said[FINAL], ruled.get(item, ""))
        for (item, reviewer), said in sorted(newest.items())
        if BLIND in said and FINAL in said
    ]


def moved(
    anchoring: Anchoring, person: User, channel: str, way: str, names: Mapping[int, str]
) -> tuple[list[Moved], int]:
    """The labels that went one way beside a channel (any that changed, without one), and how many there are."""
    pull = next((found for one, found in anchoring.pulls if one.key == channel), None)
    chosen = [
        move
        for move in anchoring.moves
        if (pull.ways.get((move.item, move.reviewer)) == way if pull else move.blind != move.final)
    ]
    seen = visible_to(person).unveiled(Transcript.objects.all(), SCOPES)
    items = Item.objects.filter(pk__in={move.item for move in chosen}, transcript__in=seen)
    found = {item.pk: item for item in items.select_related("transcript")}
    codebook = definition_of(anchoring.round.codebook_version)
    words = {label.code: label.words for label in codebook.labels}
    rows = [
        Moved(
            found[move.item], names.get(move.reviewer, ""), words.get(move.blind, move.blind),
            words.get(move.final, move.final), words.get(move.ruling, move.ruling),
        )
        for move in chosen
        if move.item in found
    ]  # fmt: skip
    return rows[:LISTED], len(rows)


def _heard(
    round: Round, moves: Iterable[Move], sight: Sight, codebook: Codebook
) -> dict[Channel, list[tuple[Move, Saying]]]:
    """By channel, each label made after it was shown, with what it had said then."""
    shown = {
        (item, reviewer): readings
        for item, reviewer, readings in Reveal.objects.filter(item__round=round).values_list(
            "item_id", "reviewer_id", "readings"
        )
    }
    ids = {reading for readings in shown.values() for reading in readings}
    readings = {one.pk: one for one in sight.readings_named(ids).exclude(channel__kind=HUMAN)}
    heard: dict[Channel, list[tuple[Move, Saying]]] = defaultdict(list)
    for move in moves:
        by_channel: dict[Channel, list[Reading]] = defaultdict(list)
        for pk in shown.get((move.item, move.reviewer), ()):
            if pk in readings:
                by_channel[readings[pk].channel].append(readings[pk])
        for channel, said in by_channel.items():
            heard[channel].append((move, _saying(channel, said, codebook)))
    return heard


def _saying(channel: Channel, readings: list[Reading], codebook: Codebook) -> Saying:
    """The readings rolled up as the channel does; the label is that of the reading whose value counts."""
    values = [one.value for one in readings if one.value is not None]
    value = ROLL[channel.rollup](values) if values else None
    labels = [one.label for one in readings if one.label and one.value == value]
    labels = labels or [one.label for one in readings if one.label]
    return Saying(value, names_of(labels[-1], codebook) if labels else frozenset())
