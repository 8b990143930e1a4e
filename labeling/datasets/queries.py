"""Questions about releases: which there are, who may have them, and what goes into one."""

from collections import Counter

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404

from auditor.accounts.models import Membership, User
from auditor.corpus.models import Transcript
from auditor.evidence.queries import SCOPES, visible_to
from auditor.judging.models import JudgeVersion
from auditor.judging.queries import versions_of
from labeling.datasets.models import Release, ReleaseFile, ReleaseImport
from labeling.datasets.probing import MODEL
from labeling.queues.models import Round

PLANNED = 1000  # rows read in one go


def releases_of(project_id: int) -> QuerySet[Release]:
    """The releases of a project, with what their rows show."""
    return Release.objects.filter(project_id=project_id).select_related("run", "check_run", "created_by")


def imports_of(project_id: int) -> QuerySet[ReleaseImport]:
    """The releases that were brought into a project, newest first."""
    rows = ReleaseImport.objects.filter(project_id=project_id).select_related("run", "created_by", "source")
    return rows.order_by("-pk")


def brought_by(found: ReleaseImport) -> list[tuple[str, int]]:
    """What an import brought, in words, with how many."""
    words = {
        "records": "Records", "transcripts": "New transcripts", "already_there": "Transcripts that were here",
        "labels": "Labels", "rulings": "Rulings", "readings": "Readings", "tracks": "Token tracks", "attachments": "Attachments", "channels": "Channels",
        "people": "People",
    }  # fmt: skip
    rows = [(name, said) for name, said in words.items() if name in found.counts]
    return [
        (said, found.counts[name])
        for name, said in rows
        if found.counts[name] or name not in ("tracks", "attachments")
    ]


def rounds_to_release(project_id: int) -> QuerySet[Round]:
    """The rounds that a release can be made from, newest first."""
    rows = Round.objects.filter(project_id=project_id).select_related("codebook_version__codebook")
    return rows.defer("codebook_version__definition").order_by("-pk")


def hidden_from(release: Release, person: User) -> int:
    """How many transcripts of the release this person may not see evidence on yet.

    While there are any the release, which holds that evidence, stays closed to them.
    """
    held = Transcript.objects.filter(Exists(release.items.filter(transcript=OuterRef("pk"))))
    return held.count() - visible_to(person).unveiled(held, SCOPES).count()


def others_to_compare(release: Release) -> list[Release]:
    """Other datasets of the project that are built, newest first."""
    rows = Release.objects.filter(project_id=release.project_id, built_at__isnull=False).exclude(
        pk=release.pk
    )
    return list(rows.only("name", "as_of").order_by("-pk")[:200])


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
    rows = release.items.order_by("order").values_list("transcript__model_name", "transcript__conditions")
    for model, conditions in rows.iterator(chunk_size=PLANNED):
        n += 1
        counts.update({(MODEL, model)} if model else set())
        counts.update((str(name), str(value)) for name, value in conditions.items() if value)
    some = [(name, value, k) for (name, value), k in counts.most_common() if k < n]
    return [(f"{name}={value}", f"{name}: {value} ({k:,})") for name, value, k in some[:most]]
