"""Asking for probes to be trained; carrying a training is `learning`'s."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from auditor.accounts.models import Project, User
from auditor.interp.actions.naming import CannotDo, named
from auditor.interp.models import READY, ProbeTraining, SubjectModel
from auditor.ledger.actions import record
from auditor.runs.actions import open_run

TRAIN_TASK = "interp.train_probe"
KINDS = {
    "mean_difference": "the difference of the two means",
    "lat": "the main axis of differences between pairs (LAT)",
    "logistic": "logistic regression",
}
TOKENS = {"mean": "the mean over the assistant's words", "last": "the assistant's last token"}
MOST_EXAMPLES = 20_000


def open_training(
    *,
    project: Project,
    subject: SubjectModel,
    name: str,
    examples: Sequence[Mapping[str, Any]],
    examples_from: Mapping[str, Any],
    actor: User,
    slug: str = "",
    kinds: Sequence[str] = (),
    layers: Sequence[int] = (),
    tokens: str = "mean",
    seed: int = 0,
) -> ProbeTraining:
    """Ask for a probe; ring for its run. The caller answers for the labels: who may see them, and that they are frozen.

    Args:
        examples: of each its transcript, record, label (0 or 1), split and whether it is held out.
        examples_from: the release and the contrast: {"release", "name", "contrast": {"positive", "negative"}, ...}.
        kinds: of probes that are tried; all of `KINDS` unless given.
        layers: blocks that are swept; some of all, evenly spaced, unless given.

    Raises:
        CannotDo: the model cannot be read, or a setting cannot be.
    """
    if subject.project_id != project.pk or subject.state != READY or subject.archived_at is not None:
        raise CannotDo("Choose a subject model that is checked.", field="subject")
    name, short = named(name, slug)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise CannotDo(f"There is no kind {unknown[0]}; there are {', '.join(KINDS)}.", field="kinds")
    if tokens not in TOKENS:
        raise CannotDo(f"What is read is one of {', '.join(TOKENS)}.", field="tokens")
    n_layers = subject.n_layers or 0
    if bad := [layer for layer in layers if not 0 <= layer < n_layers]:
        raise CannotDo(f"{subject} has blocks 0 to {n_layers - 1}, and no {bad[0]}.", field="layers")
    if len(examples) > MOST_EXAMPLES:
        raise CannotDo(f"At most {MOST_EXAMPLES:,} examples; these are {len(examples):,}.", field="examples")
    with transaction.atomic():
        run = open_run(
            project_id=project.pk, kind="training", title=f"Train {name} on {subject.name}", task=TRAIN_TASK,
            actor=actor, total=len(examples), unit="transcripts",
        )  # fmt: skip
        made = ProbeTraining.objects.create(
            project=project, subject=subject, run=run, name=name, slug=short, created_by=actor,
            examples=[dict(one) for one in examples], examples_from=dict(examples_from),
            settings={
                "kinds": list(kinds) or list(KINDS), "layers": sorted(set(layers)), "tokens": tokens, "seed": seed,
            },
        )  # fmt: skip
        record(
            verb="training.opened", subject=made, actor=actor, project_id=project.pk, model=subject.slug,
            examples=len(examples), source=made.examples_from.get("name", ""), settings=made.settings,
        )  # fmt: skip
    return made
