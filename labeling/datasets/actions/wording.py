"""What people say about a release: the card's prose until it is frozen, and whether it must be kept."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.corpus.sources import storage_lock
from auditor.ledger.actions import record
from labeling.datasets.actions.building import keep_file, stored_file, write_words
from labeling.datasets.actions.refusals import CannotRelease
from labeling.datasets.card import PROSE
from labeling.datasets.models import Release, ReleaseFile

LONGEST = 20_000  # characters of one section


def write_prose(*, release: Release, prose: Mapping[str, str], actor: User) -> Release:
    """The card with these words beside its figures; the card, the manifest and the sums are written anew.

    Raises:
        CannotRelease: it is not built or is frozen, or a section is none or too long.
    """
    kept = {key: str(words).strip() for key, words in prose.items() if str(words).strip()}
    if unknown := sorted(set(kept) - set(PROSE)):
        raise CannotRelease(f"The card has no section '{unknown[0]}'.")
    if any(len(words) > LONGEST for words in kept.values()):
        raise CannotRelease(f"A section has at most {LONGEST:,} characters.")
    with transaction.atomic(), TemporaryDirectory(prefix="auditor-card-") as scratch:
        locked = Release.objects.select_for_update().get(pk=release.pk)
        if locked.built_at is None or locked.frozen_at is not None:
            raise CannotRelease("The card can be written once the dataset is built, and until it is frozen.")
        if locked.prose == kept:
            return locked
        locked.prose = kept
        storage_lock()
        files = write_words(locked, locked.manifest, Path(scratch))
        rows = [stored_file(locked, one) for one in files if (Path(scratch) / one["name"]).exists()]
        for row in rows:
            keep_file(Path(scratch) / row.name, row)
        locked.save(update_fields=["prose", "manifest"])
        ReleaseFile.objects.filter(release=locked, name__in=[row.name for row in rows]).delete()
        ReleaseFile.objects.bulk_create(rows)
        record(
            verb="release.card_written", subject=locked, actor=actor, project_id=locked.project_id,
            sections=sorted(kept),
        )  # fmt: skip
    return locked


def freeze(*, release: Release, actor: User) -> Release:
    """From now on no file of it changes, the card's words included.

    Raises:
        CannotRelease: it is not built, or is frozen already.
    """
    with transaction.atomic():
        locked = Release.objects.select_for_update().get(pk=release.pk)
        if locked.built_at is None or locked.frozen_at is not None:
            raise CannotRelease("It is not built yet, or frozen already.")
        locked.frozen_at = timezone.now()
        locked.save(update_fields=["frozen_at"])
        record(
            verb="release.frozen", subject=locked, actor=actor, project_id=locked.project_id,
            files=dict(locked.files.values_list("name", "digest")),
        )  # fmt: skip
    return locked


def keep(*, release: Release, kept: bool, actor: User) -> Release:
    """It must be kept, or no longer must; while it must, its project cannot be deleted."""
    with transaction.atomic():
        locked = Release.objects.select_for_update().get(pk=release.pk)
        if (locked.kept_at is not None) == kept:
            return locked
        locked.kept_at = timezone.now() if kept else None
        locked.save(update_fields=["kept_at"])
        record(
            verb="release.kept" if kept else "release.let_go", subject=locked, actor=actor,
            project_id=locked.project_id,
        )  # fmt: skip
    return locked
