"""Registering subject models, having them checked, putting them away."""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.interp.actions.naming import CannotDo, named
from auditor.interp.modelfolders import OutsideFolders, folder_of
from auditor.interp.models import READY, REFUSED, UNCHECKED, SubjectModel
from auditor.ledger.actions import record
from auditor.runs.actions import open_run, reopen_run

CHECK_TASK = "interp.check_subject"
HUB, FOLDER = "hub", "folder"
DTYPES = ("float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda")
MAX_TEMPLATE = 100_000  # characters
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
REVISION = re.compile(r"[\w./-]{0,100}")
NO_HUB = "This deployment loads no models from the hub: AUDITOR_ALLOW_HUB=True allows it."
FACTS = (
    "revision", "chat_template", "template_from", "digest", "tokenizer_digest", "architecture", "n_layers", "d_model",
    "context", "detail",
)  # fmt: skip


def register_subject(
    *,
    project: Project,
    name: str,
    source: str,
    reference: str,
    actor: User,
    slug: str = "",
    revision: str = "",
    adapter: str = "",
    dtype: str = "float32",
    device: str = "auto",
    chat_template: str = "",
) -> SubjectModel:
    """A subject model that is not yet checked, with the run that checks it; ring for `subject.run`.

    Raises:
        CannotDo: a part that cannot be; the message says which and why.
    """
    name, slug = named(name, slug)
    reference, revision, adapter = reference.strip(), revision.strip(), adapter.strip()
    _check_choices(dtype=dtype, device=device)
    check_reference(source, reference, field="reference")
    if adapter:
        check_reference(source, adapter, field="adapter")
    if REVISION.fullmatch(revision) is None or ".." in revision:
        raise CannotDo("A revision is a commit, a tag or a branch.", field="revision")
    if len(chat_template) > MAX_TEMPLATE or "\0" in chat_template:
        raise CannotDo(f"A chat template has at most {MAX_TEMPLATE:,} characters.", field="chat_template")
    try:
        with transaction.atomic():
            run = open_run(
                project_id=project.pk, kind="subject", title=f"Check {name}", task=CHECK_TASK, actor=actor, unit="steps"
            )  # fmt: skip
            made = SubjectModel.objects.create(
                project=project, slug=slug, name=name, source=source, reference=reference[:300], revision=revision,
                adapter=adapter[:300], dtype=dtype, device=device, chat_template=chat_template, run=run,
                created_by=actor,
            )  # fmt: skip
            record(
                verb="subject.registered", subject=made, actor=actor, project_id=project.pk, source=source,
                reference=reference, revision=revision, adapter=adapter,
            )  # fmt: skip
    except IntegrityError as problem:
        raise CannotDo(f"There is a model {slug} already.", field="name") from problem
    return made


def _check_choices(*, dtype: str, device: str) -> None:
    if dtype not in DTYPES:
        raise CannotDo(f"The numbers are one of {', '.join(DTYPES)}.", field="dtype")
    if device not in DEVICES:
        raise CannotDo(f"The device is one of {', '.join(DEVICES)}.", field="device")


def check_reference(source: str, reference: str, *, field: str) -> None:
    """Refuse what this deployment does not allow, as far as it can be told before anything is loaded.

    Raises:
        CannotDo: no id of the hub, a hub that is not allowed, or a folder outside those that are.
    """
    if source == HUB:
        if not settings.ALLOW_HUB:
            raise CannotDo(NO_HUB, field=field)
        if HUB_ID.fullmatch(reference) is None or ".." in reference:
            raise CannotDo("A model on the hub is called OWNER/NAME.", field=field)
        return
    if source != FOLDER:
        raise CannotDo("A model comes from the hub or from a folder.", field="source")
    try:
        folder_of(reference, settings.MODEL_FOLDERS)
    except OutsideFolders as problem:
        raise CannotDo(str(problem), field=field) from problem


def check_again(*, subject: SubjectModel, actor: User) -> SubjectModel:
    """Have a model checked once more that was refused, or whose check did not come to its end; ring for its run.

    Raises:
        CannotDo: it is checked, and stays as it is.
    """
    with transaction.atomic():
        row = SubjectModel.objects.select_for_update(of=("self",)).select_related("run").get(pk=subject.pk)
        if row.state == READY:
            raise CannotDo("It is checked; a checked model never changes. Register it under another name.")
        if row.run is None:
            raise CannotDo("Its run is gone. Register it once more.")
        row.state, row.words = UNCHECKED, ""
        row.save(update_fields=["state", "words"])
        reopen_run(run=row.run, actor=actor, when_done=True)
        row.run.refresh_from_db()
        record(verb="subject.check_asked", subject=row, actor=actor, project_id=row.project_id)
    return row


def mark_ready(*, subject: SubjectModel, facts: Mapping[str, Any]) -> None:
    """Keep what the check found; from now on nothing of the model changes.

    Args:
        facts: of `FACTS`, those that were found.
    """
    with transaction.atomic():
        row = SubjectModel.objects.select_for_update().get(pk=subject.pk)
        if row.state == READY:
            return
        for name in FACTS:
            if name in facts:
                setattr(row, name, facts[name])
        row.state, row.words = READY, ""
        row.save(update_fields=[*FACTS, "state", "words"])
        record(
            verb="subject.checked", subject=row, actor=row.created_by, project_id=row.project_id, digest=row.digest,
            tokenizer=row.tokenizer_digest,
        )  # fmt: skip


def mark_refused(*, subject: SubjectModel, words: str) -> None:
    """Say why a model cannot be read."""
    with transaction.atomic():
        row = SubjectModel.objects.select_for_update().get(pk=subject.pk)
        if row.state == READY:
            return
        row.state, row.words = REFUSED, words[:1000]
        row.save(update_fields=["state", "words"])
        record(verb="subject.refused", subject=row, project_id=row.project_id, reason=row.words[:300])


def archive_subject(*, subject: SubjectModel, actor: User, archived: bool = True) -> None:
    """Put a model away, or take it out again; its captures and readings stand."""
    with transaction.atomic():
        row = SubjectModel.objects.select_for_update().get(pk=subject.pk)
        if (row.archived_at is not None) == archived:
            return
        row.archived_at = timezone.now() if archived else None
        row.save(update_fields=["archived_at"])
        verb = "subject.archived" if archived else "subject.taken_out"
        record(verb=verb, subject=row, actor=actor, project_id=row.project_id)
