"""Questions about releases: which there are, who may have them, and what goes into one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db.models import Exists, Max, OuterRef, QuerySet
from django.http import Http404

from auditor.accounts.models import Membership, User
from auditor.corpus.models import Transcript
from auditor.evidence.queries import SCOPES, visible_to
from auditor.judging.models import JudgeVersion
from auditor.judging.queries import versions_of
from labeling.adjudication.models import Case
from labeling.adjudication.queries import rulings_of, standing_labels
from labeling.annotations.models import LabelRevision
from labeling.datasets.models import Release, ReleaseFile
from labeling.datasets.probing import MODEL
from labeling.queues.models import WORK, Item, Round

PLANNED = 1000  # items looked at in one go
CHUNK_ITEMS, CHUNK_CHARS = 100, 4_000_000  # held in memory at once while writing

REASONS = {
    "hidden": "hidden from whoever made the release: their own label was still to come, or their round still open",
    "open_case": "reviewers disagree and nobody has ruled yet",
    "below_overlap": "not all labels are there yet",
}


@dataclass(frozen=True)
class Chosen:
    """One item of a release, with the ruling that held when it was planned."""

    item_id: int
    ruling_id: int
    n_chars: int


@dataclass
class Plan:
    """What goes into a release and what stays out, fixed before the first byte is written."""

    last_label: int = 0  # id of the newest label there was; later ones stay out
    chosen: list[Chosen] = field(default_factory=list)
    items: int = 0
    exclusions: Counter[str] = field(default_factory=Counter)
    compared: int = 0  # items with two labels or more
    same_label: int = 0
    same_group: int = 0

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


def releases_of(project_id: int) -> QuerySet[Release]:
    """The releases of a project, with what their rows show."""
    return Release.objects.filter(project_id=project_id).select_related("round", "run", "created_by")


def rounds_to_release(project_id: int) -> QuerySet[Round]:
    """The rounds that a release can be made from, newest first."""
    return Round.objects.filter(project_id=project_id).order_by("-pk")


def plan(round: Round, person: User) -> Plan:
    """What a release of the round by this person would hold now, in the sample's order."""
    newest = LabelRevision.objects.filter(item__round=round).aggregate(newest=Max("pk"))["newest"]
    found = Plan(last_label=newest or 0)
    of_round = Transcript.objects.filter(review_items__round=round, review_items__role=WORK)
    shown = set(visible_to(person).unveiled(of_round, SCOPES).values_list("pk", flat=True))
    rows = (
        Item.objects.filter(round=round, role=WORK)
        .select_related("round", "transcript")
        .order_by("sample_item__order", "pk")
    )
    items = rows.only("round", "finished_at", "transcript__n_chars").iterator(chunk_size=PLANNED)
    while group := list(islice(items, PLANNED)):
        _plan_group(found, group, shown)
    return found


def _plan_group(found: Plan, items: Sequence[Item], shown: set[int]) -> None:
    rulings = {row.item_id: row.pk for row in rulings_of([item.pk for item in items]).only("item_id")}
    cases = Case.objects.filter(item__in=items, settled_at__isnull=True)
    disputed = set(cases.values_list("item_id", flat=True))
    labels = standing_labels([item for item in items if item.finished_at and item.transcript_id in shown])
    for item in items:
        found.items += 1
        if item.transcript_id not in shown:
            found.exclusions["hidden"] += 1
            continue
        given = labels.get(item.pk, [])
        if len(given) > 1:
            found.compared += 1
            found.same_label += len({one.label for one in given}) == 1
            found.same_group += len({one.group for one in given}) == 1
        if item.pk in rulings:
            found.chosen.append(Chosen(item.pk, rulings[item.pk], item.transcript.n_chars))
        else:
            found.exclusions["open_case" if item.pk in disputed else "below_overlap"] += 1


def hidden_from(release: Release, person: User) -> int:
    """How many transcripts of the release this person may not see evidence on yet.

    While there are any the release, which holds that evidence, stays closed to them.
    """
    held = Transcript.objects.filter(Exists(release.items.filter(item__transcript=OuterRef("pk"))))
    return held.count() - visible_to(person).unveiled(held, SCOPES).count()


def access_release(membership: Membership, pk: int) -> Release:
    """A release of the member's project.

    Raises:
        Http404: not in this project.
    """
    found = releases_of(membership.project.pk).filter(pk=pk).first()
    if found is None:
        raise Http404("no such release")
    return found


def access_file(membership: Membership, pk: int, name: str) -> ReleaseFile:
    """A file of a release that this member may have.

    Raises:
        Http404: not in this project, no such file, or it holds what the member may not see yet.
    """
    release = access_release(membership, pk)
    found = next((file for file in release.files.all() if file.name == name), None)
    if found is None or hidden_from(release, membership.user):
        raise Http404("no such file for you")
    return found


def judges_to_teach(project_id: int) -> list[JudgeVersion]:
    """The newest version of each judge that is asked here, by name."""
    newest: dict[int, JudgeVersion] = {}
    for version in versions_of(project_id).filter(imported=False, judge__archived_at__isnull=True):
        newest.setdefault(version.judge_id, version)  # newest first within a judge
    return list(newest.values())


def labels_in(release: Release) -> list[tuple[str, str, int]]:
    """(code, words, how many) of each label that the release has."""
    return [(one["label"], one["words"], one["n"]) for one in release.manifest.get("labels", []) if one["n"]]


def apart_in(release: Release, *, most: int = 40) -> list[tuple[str, str]]:
    """(name=value, words) of each model and condition that some items of the release have and others have not."""
    counts: Counter[tuple[str, str]] = Counter()
    n = 0
    rows = release.items.order_by("order").values_list(
        "item__transcript__model_name", "item__transcript__conditions"
    )
    for model, conditions in rows.iterator(chunk_size=PLANNED):
        n += 1
        counts.update({(MODEL, model)} if model else set())
        counts.update((str(name), str(value)) for name, value in conditions.items() if value)
    some = [(name, value, k) for (name, value), k in counts.most_common() if k < n]
    return [(f"{name}={value}", f"{name}: {value} ({k:,})") for name, value, k in some[:most]]
