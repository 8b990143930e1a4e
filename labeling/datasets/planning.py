"""What goes into a release, and what stays out for which reason, fixed before the first byte is written.

Everything is asked as of one moment. Rows of labels, rulings and readings are never edited, so the same moment gives the
same plan however much has come since; only what is hidden from the release's maker today stays out besides.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from sys import intern
from typing import NamedTuple

from django.db.models import Max

from auditor.accounts.models import User
from auditor.corpus.alike import near_groups
from auditor.corpus.models import Transcript
from auditor.corpus.queries import array_of
from auditor.evidence.filters import PEOPLE, Filter, matching
from auditor.evidence.language import names_in, parse
from auditor.evidence.queries import SCOPES, visible_to
from auditor.ledger.models import Event
from auditor.sampling.models import Sample
from labeling.adjudication.models import Case, Ruling
from labeling.adjudication.queries import stages_of
from labeling.adjudication.standing import standing
from labeling.annotations.models import LabelRevision
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.datasets.definition import Definition
from labeling.datasets.sources import (
    ADJUDICATED,
    ALL,
    DAWID_SKENE,
    Said,
    Winner,
    exclusion_words,
    likeliest,
    majority,
)
from labeling.datasets.splits import Member, assigned, groups_of
from labeling.queues.models import WORK, Item, Round

PLANNED = 1000  # items looked at in one go
CHUNK_ITEMS, CHUNK_CHARS = 160, 4_000_000  # held in memory at once while writing
HIDDEN, FILTERED, AGAIN = "hidden", "filtered", "again"


class Given(NamedTuple):
    """A committed label, as far as a plan looks at it."""

    item_id: int
    reviewer_id: int
    stage: str
    number: int
    late: bool
    label: str
    group: str
    grade: str
    answers: object = None


class Chosen(NamedTuple):
    """One item of a release, with the label that it has there."""

    item_id: int
    transcript_id: int
    round_id: int
    drawn_id: int  # of the sample that the round had at the moment
    n_chars: int
    record: str  # digest of the transcript's record and its ordinal: what it is on every installation; for splits alone
    prompt: str  # digest; for splits alone
    ruling_id: int | None = None
    label: str = ""
    group: str = ""
    grade: str = ""
    how: str = ""
    share: float | None = None
    of: int = 0  # reviewers with a standing label
    split: str = ""
    cluster: str = ""


@dataclass
class Plan:
    """The items of a release in order, and the counts of those left out."""

    moment: datetime
    chosen: list[Chosen] = field(default_factory=list)
    items: int = 0
    exclusions: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)  # reason -> in words
    compared: int = 0  # items with two labels or more
    same_label: int = 0
    same_group: int = 0
    samples: dict[int, Sample] = field(default_factory=dict)  # round -> the sample it had at the moment
    hidden: set[int] = field(default_factory=set)  # transcripts whose evidence the maker may not see
    matched: set[int] | None = None  # the transcripts that the filter lets in; None: it says nothing

    def chunks(self) -> Iterator[list[Chosen]]:
        """The chosen items in order, in lists that are safe to hold in memory."""
        chunk: list[Chosen] = []
        chars = 0
        for one in self.chosen:
            if chunk and (len(chunk) >= CHUNK_ITEMS or chars + one.n_chars > CHUNK_CHARS):
                yield chunk
                chunk, chars = [], 0
            chunk.append(one)
            chars += one.n_chars
        if chunk:
            yield chunk

    def sizes(self) -> dict[str, int]:
        """How many records each split has, in the order of their names' first coming."""
        return dict(Counter(one.split for one in self.chosen if one.split))


def plan(
    rounds: Sequence[Round],
    definition: Definition,
    person: User,
    moment: datetime,
    *,
    near: bool = True,
    matched: Collection[int] | None = None,
    beat: Callable[[int], None] | None = None,
) -> Plan:
    """What a release of these rounds by this person holds as of a moment: round by round, in the sample's order.

    A transcript that several of the rounds have counts once, in the newest.

    Args:
        matched: what the filter let in when it was asked first, where it asks what changes.
        near: also keep near duplicates in one split; signatures that are missing are made and kept.
        beat: called with how many transcripts are signed so far.

    Raises:
        FilterError: the filter names what the project does not have.
    """
    found = Plan(moment, words=_words(definition))
    ids = [one.pk for one in rounds]
    of_rounds = Transcript.objects.filter(review_items__round__in=ids, review_items__role=WORK)
    sight = visible_to(person)
    shown = set(sight.unveiled(of_rounds, SCOPES, at=moment).values_list("pk", flat=True))
    if matched is not None:
        found.matched = set(matched)
    elif filter := Filter.from_json(definition.filter):
        rows = matching(filter, project_id=rounds[0].project_id, sight=sight).rows
        found.matched = set(rows.filter(review_items__round__in=ids).values_list("pk", flat=True))
    candidates: list[tuple[Chosen, list[Given]]] = []
    for round in sorted(rounds, key=lambda one: one.pk):
        found.samples[round.pk] = sample_at(round, moment)
        for items in _items(round, found.samples[round.pk], identified=bool(definition.splits)):
            found.items += len(items)
            inside = []
            for one in items:
                if one.transcript_id not in shown:
                    found.exclusions[HIDDEN] += 1
                    found.hidden.add(one.transcript_id)
                elif found.matched is not None and one.transcript_id not in found.matched:
                    found.exclusions[FILTERED] += 1
                else:
                    inside.append(one)
            candidates += _labelled(found, round, inside, definition, moment)
    _choose(found, candidates, rounds, definition)
    if definition.splits and found.chosen:
        _split(found, definition, near=near, beat=beat)
    return found


def asks_evidence(definition: Definition) -> bool:
    """Whether the filter asks about channels or people's labels, which are known as they stand now only."""
    filter = Filter.from_json(definition.filter)
    if filter.channels or filter.labels:
        return True
    named = names_in(parse(filter.where)) if filter.where else ()
    return any(name.sort == "channel" or name.path[0] in PEOPLE for name in named)


def sample_at(round: Round, moment: datetime) -> Sample:
    """The sample that the round had: a round that grew later speaks for a larger one now."""
    rows = Event.objects.filter(
        subject="queues.round", subject_id=str(round.pk), verb__in=["round.opened", "round.items_added"]
    )
    last = rows.filter(at__lte=moment).order_by("-pk").values_list("detail", flat=True).first()
    known = (last or {}).get("sample", round.sample_id)
    return Sample.objects.defer("frame_ids").get(pk=known)


def _items(round: Round, sample: Sample, *, identified: bool) -> Iterator[list[Chosen]]:
    """The items of work in the sample's order, a thousand at a time.

    Args:
        identified: with what their records and prompts are, a fourth of what an item takes in memory.
    """
    rows = (
        Item.objects.filter(round=round, role=WORK, transcript__sample_items__sample=sample)
        .order_by("transcript__sample_items__order")
        .values_list(
            "pk", "transcript_id", "transcript__sample_items__pk", "transcript__n_chars",
            "transcript__record_digest", "transcript__ordinal", "transcript__prompt_digest",
        )
    )  # fmt: skip
    group: list[Chosen] = []
    for pk, transcript, drawn, chars, digest, ordinal, prompt in rows.iterator(chunk_size=PLANNED):
        known = (f"{digest}:{ordinal}", prompt) if identified else ("", "")
        group.append(Chosen(pk, transcript, round.pk, drawn, chars, *known))
        if len(group) == PLANNED:
            yield group
            group = []
    if group:
        yield group


def _labelled(
    found: Plan, round: Round, items: Sequence[Chosen], definition: Definition, moment: datetime
) -> Iterator[tuple[Chosen, list[Given]]]:
    """The items with their ruling and standing labels as of the moment; adjudicated ones need a ruling."""
    ids = [one.item_id for one in items]
    rulings = _rulings(ids, moment)
    disputed = _disputed(ids, moment)
    labels = _standing(round, ids, moment)
    for one in items:
        given = labels.get(one.item_id, [])
        if len(given) > 1:
            found.compared += 1
            found.same_label += len({each.label for each in given}) == 1
            found.same_group += len({each.group for each in given}) == 1
        ruling = rulings.get(one.item_id)
        opened = disputed.get(one.item_id)
        is_open = opened is not None and (ruling is None or ruling[1] < opened)
        standing_ruling = None if is_open else ruling
        if definition.source == ADJUDICATED:
            if standing_ruling is None:
                found.exclusions["open_case" if is_open else "below_overlap"] += 1
                continue
            pk, _, label, group, grade, rule = standing_ruling
            one = one._replace(ruling_id=pk, label=label, group=group, grade=grade, how=rule, of=len(given))
            given = []  # nobody votes; what is not needed is not held
        elif len(given) < definition.least_labels:
            found.exclusions["few_labels"] += 1
            continue
        elif standing_ruling is not None:
            one = one._replace(ruling_id=standing_ruling[0])
        yield one, given


def _choose(
    found: Plan,
    candidates: Sequence[tuple[Chosen, list[Given]]],
    rounds: Sequence[Round],
    definition: Definition,
) -> None:
    """Give each candidate the label of the release's source; a transcript stays once, in its newest round."""
    codebooks = {one.pk: definition_of(one.codebook_version) for one in rounds}
    winners: dict[int, Winner] = {}
    if definition.source == DAWID_SKENE:
        newest = max(rounds, key=lambda one: one.codebook_version.number)
        codes = [label.code for label in definition_of(newest.codebook_version).labels]
        said = [
            Said(one.item_id, each.reviewer_id, each.label) for one, given in candidates for each in given
        ]
        winners = likeliest(said, codes)
    kept: list[Chosen] = []
    for one, given in candidates:
        if definition.source == ALL:
            one = one._replace(of=len(given))
        elif definition.source != ADJUDICATED:
            held = (
                majority([each.label for each in given])
                if definition.source != DAWID_SKENE
                else winners.get(one.item_id)
            )
            if held is None:
                found.exclusions["undecided" if definition.source == DAWID_SKENE else "no_majority"] += 1
                continue
            one = _won(one, held, given, codebooks[one.round_id])
        kept.append(one)
    last = {one.transcript_id: one.item_id for one in kept}
    found.chosen = [one for one in kept if last[one.transcript_id] == one.item_id]
    if again := len(kept) - len(found.chosen):
        found.exclusions[AGAIN] = again


def _won(one: Chosen, held: Winner, given: Sequence[Given], codebook: Codebook) -> Chosen:
    """With its label, and the lowest grade among those who gave it."""
    entry = codebook.by_code.get(held.label)
    grades = [each.grade for each in given if each.label == held.label]
    grade = min(grades, key=lambda grade: codebook.ladder.get(grade, 0)) if grades else ""
    group = entry.group if entry else next((each.group for each in given if each.label == held.label), "")
    return one._replace(
        label=held.label, group=group, grade=grade, how=held.how, share=held.share, of=held.of
    )


def _split(
    found: Plan, definition: Definition, *, near: bool, beat: Callable[[int], None] | None = None
) -> None:
    alike = near_groups([one.transcript_id for one in found.chosen], beat=beat) if near else {}
    ties: dict[str, list[tuple[str, object]]] = {}
    for one in found.chosen:
        ties[one.record] = [("near", alike[one.transcript_id])] if near else []
        if one.prompt:
            ties[one.record].append(("prompt", one.prompt))
    clusters = groups_of(ties)
    members = [Member(one.record, clusters[one.record], one.label) for one in found.chosen]
    parts = assigned(members, definition.splits, definition.split_seed)
    found.chosen = [
        one._replace(split=parts[one.record], cluster=clusters[one.record]) for one in found.chosen
    ]


def _rulings(ids: Collection[int], moment: datetime) -> dict[int, tuple[int, datetime, str, str, str, str]]:
    rows = Ruling.objects.filter(item_id__in=array_of(ids), created_at__lte=moment)
    rows = rows.order_by("item_id", "-number").distinct("item_id")
    return {
        item: (
            pk,
            at,
            intern(label),
            intern(group),
            intern(grade),
            intern(rule),
        )  # few words, kept for each item
        for item, pk, at, label, group, grade, rule in rows.values_list(
            "item_id", "pk", "created_at", "label", "group", "grade", "rule"
        )
    }


def _disputed(ids: Collection[int], moment: datetime) -> dict[int, datetime]:
    """When the case of each item was opened last, up to the moment; the trail knows of every time."""
    cases = dict(
        Case.objects.filter(item_id__in=array_of(ids), opened_at__lte=moment).values_list("pk", "item_id")
    )
    if not cases:
        return {}
    rows = Event.objects.filter(
        subject="adjudication.case", subject_id__in=[str(pk) for pk in cases], verb="case.opened",
        at__lte=moment,
    )  # fmt: skip
    opened = {
        cases[int(pk)]: at for pk, at in rows.order_by().values_list("subject_id").annotate(last=Max("at"))
    }
    return dict(Case.objects.filter(pk__in=cases).values_list("item_id", "opened_at")) | opened


def _standing(round: Round, ids: Collection[int], moment: datetime) -> dict[int, list[Given]]:
    stages = stages_of(round)
    rows = LabelRevision.objects.filter(
        item_id__in=array_of(ids), committed_at__lte=moment, late=False, stage__in=stages
    )
    labels: dict[int, list[Given]] = {}
    fields = ("item_id", "reviewer_id", "stage", "number", "late", "label", "group", "grade")
    for row in rows.order_by("item_id", "number").values_list(*fields):
        labels.setdefault(row[0], []).append(Given(*row))
    return {item: standing(given, stages) for item, given in labels.items()}


def _words(definition: Definition) -> dict[str, str]:
    return {
        HIDDEN: "hidden from whoever made the release: their own label was still to come, or their round still open",
        FILTERED: "outside the filter",
        **exclusion_words(definition.source, definition.least_labels),
        AGAIN: "labelled again in a newer round of the dataset",
    }
