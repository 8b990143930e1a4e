"""Released labels put to use: as a judge's examples, and to train a probe."""

from collections.abc import Collection, Mapping
from typing import Any

from auditor.accounts.models import User
from auditor.corpus.queries import messages_of
from auditor.interp.models import ProbeTraining, SubjectModel
from auditor.interp.tasks import queue_training
from auditor.judging.actions import write_version
from auditor.judging.examples import excerpt
from auditor.judging.models import JudgeVersion
from auditor.judging.rubric import parse_rubric
from labeling.datasets.models import Release
from labeling.datasets.probing import CannotProbe, Contrast, Released, examples
from labeling.datasets.queries import hidden_from
from labeling.datasets.teaching import Candidate, CannotTeach, checked_answers, chosen, split_of


def teach_judge(
    *,
    release: Release,
    version: JudgeVersion,
    answers: Mapping[str, Mapping[str, Any]],
    each: int,
    seed: int,
    actor: User,
    with_reasons: bool = False,
) -> JudgeVersion:
    """The judge's next version, with examples from a frozen release; which they are is kept with it.

    Args:
        answers: for each label that teaches, what the judge should answer on each dimension.
        each: examples of each label, at most.
        with_reasons: also send what adjudicators wrote, which may name people.

    Raises:
        CannotTeach: the release is not built or hidden from the actor, an answer is none, or nothing is left.
        DefinitionProblem, SameVersion: see `judging.actions.write_version`.
    """
    if release.built_at is None or hidden_from(release, actor):
        raise CannotTeach(
            "A dataset teaches once it is built, and nothing in it is hidden from you any more."
        )
    if version.imported or version.endpoint is None:
        raise CannotTeach("A judge that came in with a log cannot be taught.")
    if not 1 <= each <= 10:
        raise CannotTeach("Between 1 and 10 examples of each label.")
    said = checked_answers(parse_rubric(version.rubric), answers)
    rows = release.items.exclude(label="").select_related("transcript", "ruling").order_by("order")
    reasons = {row.transcript_id: row.ruling.reason if row.ruling else "" for row in rows}
    everything = [
        Candidate(one.pk, f"{one.record_digest}:{one.ordinal}", one.fingerprint, one.prompt_digest, row.label)
        for row in rows
        for one in [row.transcript]
    ]
    taken = chosen(everything, labels=said, each=each, seed=seed)
    if not taken:
        raise CannotTeach("No item of the dataset has one of these labels.")
    messages = messages_of([one.transcript_id for one in taken])
    examples = [
        {
            "transcript": one.transcript_id, "fingerprint": one.fingerprint, "label": one.label,
            "text": excerpt(messages[one.transcript_id]), "answer": said[one.label],
            "why": reasons[one.transcript_id] if with_reasons else "",
        }
        for one in taken
    ]  # fmt: skip
    source = {
        "release": release.pk, "name": release.name, "each": each, "seed": seed, "answers": said,
        "files": {file.name: file.digest for file in release.files.all()}, "split": split_of(taken, everything),
    }  # fmt: skip
    return write_version(
        judge=version.judge, endpoint=version.endpoint, model=version.model, rubric=version.rubric,
        template=version.template, parameters=version.parameters, renderer=version.renderer, votes=version.votes,
        examples=examples, examples_from=source, note=f"{len(examples)} examples from {release.name}", actor=actor,
    )  # fmt: skip


def train_probe(
    *,
    release: Release,
    subject: SubjectModel,
    name: str,
    positive: Collection[str],
    negative: Collection[str],
    actor: User,
    held_out: str = "",
    **settings: Any,
) -> ProbeTraining:
    """Train a probe on the labels of a frozen release, in the background.

    Args:
        positive, negative: labels that count as the behaviour, and as its absence; others teach nothing.
        held_out: "name=value" of a condition, or "model=value": what has no part in training.
        settings: see `interp.actions.trainings.open_training`.

    Raises:
        CannotProbe: the release is not built or hidden from the actor, or its labels are not enough.
        CannotDo: the model cannot be read, or a setting cannot be.
    """
    if release.built_at is None or hidden_from(release, actor):
        raise CannotProbe("A dataset trains once it is built, and nothing in it is hidden from you any more.")
    rows = list(release.items.exclude(label="").select_related("transcript").order_by("order"))
    contrast = Contrast.of(positive, negative, known={row.label for row in rows}, held_out=held_out)
    found = examples(
        (
            Released(one.pk, f"{one.record_digest}:{one.ordinal}", row.label, one.model_name, one.conditions)
            for row in rows
            for one in [row.transcript]
        ),
        contrast,
    )
    source = {
        "release": release.pk, "name": release.name, "contrast": contrast.to_json(),
        "files": {file.name: file.digest for file in release.files.all()},
    }  # fmt: skip
    return queue_training(
        project=release.project, subject=subject, name=name, examples=found, examples_from=source, actor=actor,
        **settings,
    )  # fmt: skip
