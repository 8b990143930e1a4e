"""Questions about prevalence: what is asked, of which frame, who may see it, and what is kept.

What a frame holds is read in columns: a channel's roll-ups, the models and the conditions of every member, each as
one array of the frame's size.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Max, QuerySet
from django.http import Http404

from auditor.accounts.models import Membership, User
from auditor.corpus.models import Transcript
from auditor.evidence.filters import Filter
from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import MACHINE, SCOPES, Sight, channels_of, visible_to
from auditor.evidence.withdrawal import withdrawn_of
from auditor.sampling.designs.arrays import Whole
from auditor.sampling.models import Sample
from auditor.sampling.queries import frame_of, item_ids
from labeling.adjudication.models import Case
from labeling.adjudication.queries import rulings_of
from labeling.agreement.queries import withheld_rounds
from labeling.codebooks.parts import Codebook
from labeling.codebooks.queries import definition_of
from labeling.queues.models import WORK, Item, Round
from labeling.queues.queries import rounds_of
from labeling.validity.anchoring import names_of
from labeling.validity.prevalence.figures import EDITION
from labeling.validity.prevalence.models import PrevalenceReport
from labeling.validity.prevalence.report import Report, read

LISTED = 200  # rounds to choose from, and reports shown at once
LABEL, GROUP = "label", "group"
MOST_LABELS = 200  # different ones of a channel that are looked at


class CannotAsk(ValueError):
    """The question makes no sense here; the message says why."""


@dataclass(frozen=True)
class Asked:
    """What prevalence is asked of."""

    round: Round
    target: str  # "label:D", "group:intent"
    channel: Channel | None = None
    cut: float | None = None
    below: bool = False
    yes: tuple[str, ...] = ()
    together: bool = False

    @property
    def codes(self) -> frozenset[str]:
        """The labels that count as yes."""
        return codes_of(self.target, definition_of(self.round.codebook_version))

    @property
    def in_words(self) -> str:
        """The code or group for people."""
        return target_words(self.target, definition_of(self.round.codebook_version))

    @property
    def rule(self) -> str:
        """When the judge says yes, in words."""
        if self.channel is None:
            return ""
        if self.yes:
            return " or ".join(self.yes)
        return f"{'at or below' if self.below else 'at or above'} {self.cut:.6g}"


@dataclass(frozen=True)
class FrameWords:
    """The frame that rates are carried back to, for people."""

    words: str  # its filter
    sample: Sample
    size: int
    left_out: int
    without: tuple[str, ...]  # earlier samples whose items were taken out
    with_: tuple[str, ...]  # earlier samples that speak for it together with this one


@dataclass(frozen=True)
class Kept:
    """A report that is computed, and what has become of it."""

    row: PrevalenceReport
    report: Report
    outdated: bool


def rounds_for(membership: Membership) -> tuple[list[Round], set[int]]:
    """The project's rounds, and the ids of those of which the member may know nothing yet."""
    rounds = list(rounds_of(membership.project.pk)[:LISTED])
    return rounds, withheld_rounds(rounds, membership.user, SCOPES)


def access_round(membership: Membership, pk: int) -> Round:
    """A round of the member's project.

    Raises:
        Http404: not in this project.
    """
    rows = Round.objects.filter(project=membership.project, pk=pk)
    found = rows.select_related("sample", "codebook_version__codebook").defer("sample__frame_ids").first()
    if found is None:
        raise Http404("no such round")
    return found


def access_report(membership: Membership, pk: int) -> PrevalenceReport:
    """A report of the member's project.

    Raises:
        Http404: not in this project.
    """
    rows = PrevalenceReport.objects.filter(project=membership.project, pk=pk)
    found = rows.select_related(
        "round__sample", "round__codebook_version__codebook", "channel", "run", "asked_by"
    ).first()
    if found is None:
        raise Http404("no such report")
    return found


def asked_by(row: PrevalenceReport) -> Asked:
    """What a stored report is of."""
    return Asked(row.round, row.target, row.channel, row.cut, row.below, tuple(row.yes), row.together)


def targets_of(codebook: Codebook) -> list[tuple[str, str]]:
    """What can be counted: the groups, then the labels, each with its words."""
    groups = [(f"{GROUP}:{one.key}", one.words) for one in codebook.groups]
    return groups + [(f"{LABEL}:{one.code}", f"{one.code} {one.words}") for one in codebook.labels]


def codes_of(target: str, codebook: Codebook) -> frozenset[str]:
    """The labels that a target stands for.

    Raises:
        CannotAsk: the codebook has no such label or group.
    """
    kind, _, key = target.partition(":")
    if kind == GROUP:
        found = frozenset(one.code for one in codebook.labels if one.group == key)
    else:
        found = frozenset(one.code for one in codebook.labels if kind == LABEL and one.code == key)
    if not found:
        raise CannotAsk("Choose a label or a group of the round's codebook.")
    return found


def target_words(target: str, codebook: Codebook) -> str:
    """A label or group for people."""
    return dict(targets_of(codebook)).get(target, target)


def judges_of(project_id: int) -> list[Channel]:
    """The channels that may help to count: all but people's."""
    return list(channels_of(project_id).exclude(kind=HUMAN))


def asked_of(
    round: Round, target: str, person: User, *, channel: str = "", cut: str = "", below: bool = False,
    yes: Sequence[str] = (), together: bool = False,
) -> Asked:  # fmt: skip
    """The question as put on a page or by a program.

    Without a cut or labels the channel's labels that name what is counted say yes, or else values from the middle
    of its scale on.

    Raises:
        CannotAsk: no such code or channel, no number, or nothing by which the channel could say yes.
    """
    codebook = definition_of(round.codebook_version)
    codes = codes_of(target, codebook)
    if together and round.sample.overall_note:
        raise CannotAsk(f"The earlier draws cannot speak with this one: {round.sample.overall_note}.")
    if together and not round.sample.excludes.exists():
        raise CannotAsk("This round's sample excluded no earlier draw.")
    if not channel:
        return Asked(round, target, together=together)
    found = channels_of(round.project_id).exclude(kind=HUMAN).filter(key=channel).first()
    if found is None:
        raise CannotAsk("Choose a channel of this project that is not people's.")
    if chosen := tuple(dict.fromkeys(one.strip() for one in yes if one.strip())):
        return Asked(round, target, found, None, False, chosen[:MOST_LABELS], together)
    if cut.strip():
        try:
            at = float(cut)
        except ValueError as problem:
            raise CannotAsk("The cut must be a number.") from problem
        if not np.isfinite(at):
            raise CannotAsk("The cut must be a finite number.")
        return Asked(round, target, found, at, below, (), together)
    rows = visible_to(person).rollups_of(found).exclude(label="").order_by()
    labels = sorted(rows.values_list("label", flat=True).distinct()[:MOST_LABELS])
    if naming := tuple(one for one in labels if names_of(one, codebook) & codes):
        return Asked(round, target, found, None, False, naming, together)
    if found.lo is None or found.hi is None:
        raise CannotAsk(f"{found.name} has no scale with two ends and no label that names this: give a cut.")
    return Asked(round, target, found, (found.lo + found.hi) / 2, below, (), together)


def is_withheld(asked: Asked, person: User) -> bool:
    """Whether the person must not know this yet.

    While people's labels on any transcript of the round are hidden from them, or machines' opinions on any of the
    whole frame: a rate over many, and the same without one, tell of that one.
    """
    scopes = SCOPES if asked.channel is not None else (HUMAN,)
    if withheld_rounds(rounds_together(asked), person, scopes):
        return True
    sight = visible_to(person)
    if asked.channel is None or not sight.is_veiled_anywhere(asked.round.project_id, [MACHINE]):
        return False
    veiled = Transcript.objects.of(asked.round.project_id).filter(sight.veil_over("pk", MACHINE))
    return bool(np.isin(ids_of(veiled.values_list("pk", flat=True)), frame_ids(asked)).any())


def rounds_together(asked: Asked) -> list[Round]:
    """The round, and those by the same codebook over the draws that its sample excluded, where they are asked too."""
    if not asked.together:
        return [asked.round]
    earlier = Round.objects.filter(
        project_id=asked.round.project_id, sample__in=asked.round.sample.excludes.all(),
        codebook_version__codebook=asked.round.codebook_version.codebook_id,
    )  # fmt: skip
    rows = earlier.select_related("sample", "codebook_version__codebook").defer("sample__frame_ids")
    return [asked.round, *rows.order_by("pk")]


def rulings_for(asked: Asked) -> QuerySet[Item]:
    """The items whose rulings count: work of these rounds."""
    return Item.objects.filter(round__in=rounds_together(asked), role=WORK)


def held_labels(asked: Asked) -> dict[int, str]:
    """The label that holds, by transcript; of two rounds the newer ruling."""
    items = dict(rulings_for(asked).values_list("pk", "transcript_id"))
    rows = rulings_of(items).order_by("pk").values_list("item_id", "label")
    return {items[item]: label for item, label in rows}


def n_in_case(asked: Asked) -> int:
    """How many of the items wait for an adjudicator."""
    return Case.objects.filter(item__in=rulings_for(asked), settled_at__isnull=True).count()


def why_not_random(asked: Asked, drawn: int, labelled: int) -> str:
    """Why those with a ruling are no random part of the drawn; empty where they may be taken for one.

    The order in which items are handed out has nothing to do with who was drawn. But as long as a round in the
    order of a channel is not finished, who has been labelled follows that channel.
    """
    for one in rounds_together(asked):
        drawn_ids = one.sample.items.values("transcript_id")
        n_items, n_drawn = one.items.filter(transcript_id__in=drawn_ids).count(), drawn_ids.count()
        if n_items < n_drawn:
            return f"{one.name} takes only {n_items:,} of the {n_drawn:,} that were drawn"
        if labelled < drawn and one.order_channel_id is not None:
            return (
                f"{one.name} hands out items in the order of a channel and is not finished: until all are labelled, "
                "those that are follow the channel and not chance"
            )
    return ""


def latest_reading(asked: Asked, sight: Sight) -> int:
    """The id of the newest reading of the channel that is asked, 0 without one."""
    if asked.channel is None:
        return 0
    return sight.readings_on([asked.channel]).order_by().aggregate(newest=Max("pk"))["newest"] or 0


def digest_of(asked: Asked) -> str:
    """Names what a report would be made from: the question, the draws, the rulings that hold, and what was taken back."""
    items = rulings_for(asked).values_list("pk", flat=True)
    rulings = rulings_of(items).order_by("pk").values_list("pk", flat=True)
    cases = Case.objects.filter(item__in=items, settled_at__isnull=True).order_by("pk")
    sample = asked.round.sample
    named = [
        EDITION, sample.pk, sample.frame_digest, asked.target, asked.channel.key if asked.channel else "", asked.cut,
        asked.below, asked.yes, asked.together, len(items), list(rulings), list(cases.values_list("pk", flat=True)),
    ]  # fmt: skip
    if asked.channel is not None and (withdrawn := withdrawn_of(asked.channel.pk)):
        named.append(withdrawn)
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def kept(row: PrevalenceReport) -> Kept | None:
    """A report as it stands; None until it is computed."""
    if row.computed_at is None:
        return None
    asked = asked_by(row)
    return Kept(row, read(row.figures["report"]), row.digest != digest_of(asked) or _has_newer(row))


def reports_of(rounds: Iterable[Round]) -> QuerySet[PrevalenceReport]:
    """The reports of these rounds, the newest first."""
    rows = PrevalenceReport.objects.filter(round__in=[one.pk for one in rounds])
    return rows.select_related("round__codebook_version__codebook", "channel", "run").order_by("-pk")


def in_work(asked: Asked) -> PrevalenceReport | None:
    """The same question, being computed now."""
    rows = reports_of([asked.round]).filter(
        target=asked.target, channel=asked.channel, cut=asked.cut, below=asked.below, yes=list(asked.yes),
        together=asked.together, computed_at__isnull=True, run__status__in=["queued", "running"],
    )  # fmt: skip
    return rows.first()


def frame_words(asked: Asked) -> FrameWords:
    """The frame by its filter, with what was taken out of it."""
    sample = asked.round.sample
    names = dict(channels_of(sample.project_id).values_list("key", "name"))
    earlier = tuple(one.name for one in sample.excludes.order_by("pk"))
    size = len(frame_ids(asked)) if asked.together else sample.frame_size
    return FrameWords(
        Filter.from_json(sample.filter).in_words(names), sample, size, sample.left_out,
        () if asked.together else earlier, earlier if asked.together else (),
    )  # fmt: skip


def frame_ids(asked: Asked) -> Whole:
    """The transcripts that the rates speak of, rising; shape (N,)."""
    sample = asked.round.sample
    if not asked.together:
        return frame_of(sample)
    return np.union1d(frame_of(sample), item_ids(sample.excludes.all()))


def ids_of(rows: Iterable[int]) -> Whole:
    """Ids as an array."""
    return np.fromiter(rows, dtype=np.int64)


def _has_newer(row: PrevalenceReport) -> bool:
    """Whether the channel has said something since."""
    if row.channel is None:
        return False
    newer = visible_to(row.asked_by).readings_on([row.channel]).filter(pk__gt=row.newest_reading)
    return newer.order_by().exists()
