"""Probes as objects: brought in by number and digest, each with its channel, and put away."""

import hashlib
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.evidence.actions import ChannelClash, declare_channel
from auditor.evidence.kinds import kind_of
from auditor.evidence.models import Channel
from auditor.interp.actions.naming import CannotDo, named
from auditor.interp.adapters import BadAdapter, keep_adapter
from auditor.interp.card import Card, CardProblem
from auditor.interp.modelfiles import arriving, keep
from auditor.interp.models import Probe, SubjectModel, Threshold
from auditor.interp.probe_file import MOST_BYTES, BadProbeFile, ProbeFile, read_probe, write_probe
from auditor.interp.queries import newest_probe_number
from auditor.ledger.actions import record


class SameProbe(CannotDo):
    """Nothing that bears on a score would differ from a version that is there; `probe` is that one."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(
            f"This is {probe} as it stands: neither its numbers nor its card differ.", field="file"
        )
        self.probe = probe


def import_probe(
    *,
    project: Project,
    data: bytes,
    file_name: str,
    actor: User | None,
    card: Any = None,
    name: str = "",
    slug: str = "",
    subject: SubjectModel | None = None,
    adapter: Path | None = None,
) -> Probe:
    """A probe from a file's bytes, and its card from inside the file or beside it; everything is checked first.

    Args:
        card: a decoded JSON object, where the file holds none or should agree with it.
        name: what people call it; the card's name or the file's unless given.
        adapter: the folder of a LoRA that is applied while it is read.

    Raises:
        CannotDo: a file or card that cannot be used; names the file, and in it the tensor or field.
        SameProbe: a version that is there has the same numbers and card.
    """
    try:
        probe = read_probe(data, name=file_name, card=card)
    except BadProbeFile as problem:
        raise CannotDo(f"{problem}.".replace("..", "."), field="file") from problem
    except CardProblem as problem:
        raise CannotDo(f"The card: {problem}.", field=problem.field) from problem
    return keep_probe(
        project=project, probe=probe, name=name or probe.card.name or Path(file_name).stem, slug=slug, actor=actor,
        subject=subject, adapter=adapter,
    )  # fmt: skip


def keep_probe(
    *,
    project: Project,
    probe: ProbeFile,
    name: str,
    actor: User | None,
    slug: str = "",
    subject: SubjectModel | None = None,
    adapter: Path | None = None,
) -> Probe:
    """The next version of the project's probe of this short name, with a channel of its own.

    Raises:
        CannotDo: it does not fit the subject model, or the adapter is none.
        SameProbe: see `import_probe`.
    """
    name, slug = named(name, slug)
    card = probe.card
    if subject is not None:
        _check_fits(probe, subject)
    data = write_probe(probe)
    with transaction.atomic():
        try:
            beside, beside_digest = keep_adapter(adapter) if adapter is not None else ("", "")
        except BadAdapter as problem:
            raise CannotDo(f"The adapter: {problem}.", field="adapter") from problem
        digest = hashlib.sha256(data + beside_digest.encode()).hexdigest()
        Project.objects.select_for_update().get(pk=project.pk)  # versions are numbered one after another
        same = Probe.objects.filter(project=project, slug=slug, digest=digest).first()
        if same is not None:
            raise SameProbe(same)
        number = newest_probe_number(project.pk, slug) + 1
        with arriving([data], limit=MOST_BYTES) as arrived:
            weights = keep(arrived, folder="probes")
        try:
            made = Probe.objects.create(
                project=project, slug=slug, number=number, name=name, kind=card.kind, card=card.to_json(), weights=weights,
                digest=digest, size=len(data), adapter=beside, subject=subject, created_by=actor,
                channel=_channel(project, f"probe.{slug}.v{number}", f"{name} v{number}", card, digest, subject, actor),
            )  # fmt: skip
        except (ChannelClash, IntegrityError) as problem:
            raise CannotDo(
                f"There is a channel or probe of this name already: {problem}", field="name"
            ) from problem
        if card.thresholds:  # the first is the one that its makers use
            said = card.thresholds[0]
            Threshold.objects.create(
                channel=made.channel, value=said.value, control=said.control, n=said.n, fired=said.fired,
                wanted=said.wanted, source="as its card says", created_by=actor,
            )  # fmt: skip
        record(
            verb="probe.added", subject=made, actor=actor, project_id=project.pk, slug=slug, number=number,
            digest=digest, kind=card.kind,
        )  # fmt: skip
    return made


def _check_fits(probe: ProbeFile, subject: SubjectModel) -> None:
    if subject.d_model is not None and probe.head.width != subject.d_model:
        raise CannotDo(
            f"The direction has {probe.head.width:,} numbers, and {subject} has {subject.d_model:,} a token: it was made "
            "for another model.",
            field="subject",
        )
    if subject.n_layers is not None and (problem := probe.card.problem_with(subject.n_layers)):
        raise CannotDo(f"It does not fit {subject}: {problem}.", field="layer")


def _channel(
    project: Project,
    key: str,
    name: str,
    card: Card,
    digest: str,
    subject: SubjectModel | None,
    actor: User | None,
) -> Channel:
    bounded = card.output == "probability"
    return declare_channel(
        project_id=project.pk, key=key, kind="probe", actor=actor, own=True, name=name,
        unit="token" if card.anchored else "transcript", rollup="max", lo=0.0 if bounded else None,
        hi=1.0 if bounded else None, polarity=card.polarity, notice=kind_of("probe").warning,
        detail={
            "layer": card.layer, "hook": card.full_hook, "convention": card.convention, "polarity": card.polarity,
            "aggregation": card.aggregation_in_words, "token_rule": card.token_rule, "model": card.model,
            "digest": digest, "subject": subject.slug if subject else "",
        },
    )  # fmt: skip


def archive_probe(*, probe: Probe, actor: User, archived: bool = True) -> None:
    """Put a version away, or take it out again; its captures and readings stand."""
    with transaction.atomic():
        row = Probe.objects.select_for_update(of=("self",)).get(pk=probe.pk)
        if (row.archived_at is not None) == archived:
            return
        row.archived_at = timezone.now() if archived else None
        row.save(update_fields=["archived_at"])
        verb = "probe.archived" if archived else "probe.taken_out"
        record(verb=verb, subject=row, actor=actor, project_id=row.project_id)
