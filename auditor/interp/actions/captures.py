"""Asking for captures; carrying one is `capturing`'s."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from auditor.accounts.models import Project, User
from auditor.interp.actions.features import MOST_PINNED, pin_features
from auditor.interp.actions.naming import CannotDo
from auditor.interp.card import Card
from auditor.interp.models import (
    FAILED,
    FULL,
    READY,
    WAITING,
    WATCH,
    Capture,
    CapturedTranscript,
    Dictionary,
    Instrument,
    Probe,
    SubjectModel,
)
from auditor.interp.queries import pinned_indices
from auditor.ledger.actions import record
from auditor.runs.actions import open_run
from auditor.sampling.choosing import Chosen

CAPTURE_TASK = "interp.capture"
MOST_TOP = 64  # strongest features of a token that are kept
USUAL_TOP = 32
MOST_INSTRUMENTS = 64
COMPETING = "topk"  # the kind whose features depend on each other
NO_WATCH = (
    "{} is of the kind {}, whose features compete for a place on each token: one alone cannot be computed without "
    "all the others. Look with it in full instead."
)


@dataclass(frozen=True)
class Wanted:
    """An instrument as it is asked for."""

    probe: Probe | None = None
    dictionary: Dictionary | None = None
    mode: str = WATCH  # of a dictionary: watch or full
    features: Sequence[int] | None = None  # None: those that are pinned
    top: int = USUAL_TOP  # full only


def open_capture(
    *, project: Project, subject: SubjectModel, wanted: Sequence[Wanted], chosen: Chosen, actor: User
) -> Capture:
    """Ask for a capture; ring for its run. Its rows are laid by whoever carries it, and features named are pinned.

    Raises:
        CannotDo: the model cannot be read, or an instrument does not fit it; before anything runs.
    """
    if subject.project_id != project.pk or subject.state != READY or subject.archived_at is not None:
        raise CannotDo("Choose a subject model that is checked.", field="subject")
    if not wanted:
        raise CannotDo("Choose at least one probe or dictionary to look with.", field="instruments")
    if len(wanted) > MOST_INSTRUMENTS:
        raise CannotDo(f"At most {MOST_INSTRUMENTS} instruments look at once.", field="instruments")
    rows = [_instrument(one, subject) for one in wanted]
    named = [row.probe_id or f"d{row.dictionary_id}" for row in rows]
    if len(set(named)) != len(named):
        raise CannotDo("Name each instrument once.", field="instruments")
    with transaction.atomic():
        run = open_run(
            project_id=project.pk, kind="capture", title=f"{subject.name} reads {chosen.in_words()}",
            task=CAPTURE_TASK, actor=actor, unit="transcripts",
        )  # fmt: skip
        made = Capture.objects.create(
            project=project, subject=subject, run=run, chosen=chosen.to_json(), in_words=chosen.in_words()[:500],
            created_by=actor,
        )  # fmt: skip
        for row in rows:
            row.capture = made
            if row.dictionary is not None and row.features:
                pin_features(dictionary=row.dictionary, indices=row.features, actor=actor)
        Instrument.objects.bulk_create(rows)
        record(
            verb="capture.opened", subject=made, actor=actor, project_id=project.pk, model=subject.slug,
            digest=subject.digest, instruments=[str(row.probe or row.dictionary) for row in rows],
        )  # fmt: skip
    return made


def _instrument(one: Wanted, subject: SubjectModel) -> Instrument:
    if one.probe is not None:
        return _probe(one.probe, subject)
    if one.dictionary is None:
        raise CannotDo("An instrument is a probe or a dictionary.", field="instruments")
    return _dictionary(one, one.dictionary, subject)


def _probe(probe: Probe, subject: SubjectModel) -> Instrument:
    if probe.project_id != subject.project_id or probe.archived_at is not None:
        raise CannotDo("The project has no such probe.", field="instruments")
    problem = Card.from_json(probe.card).problem_with(subject.n_layers or 0)
    if problem:
        raise CannotDo(f"{probe} does not fit {subject}: {problem}.", field="instruments")
    return Instrument(probe=probe)


def _dictionary(one: Wanted, dictionary: Dictionary, subject: SubjectModel) -> Instrument:
    if dictionary.project_id != subject.project_id or dictionary.archived_at is not None:
        raise CannotDo("The project has no such dictionary.", field="instruments")
    if dictionary.d_in != subject.d_model and "hook_z" not in dictionary.hook:  # heads may be wider together
        raise CannotDo(
            f"{dictionary} reads {dictionary.d_in:,} numbers a token, and {subject} has {subject.d_model:,}: it was "
            "made for another model.",
            field="instruments",
        )
    if dictionary.layer is not None and dictionary.layer >= (subject.n_layers or 0):
        raise CannotDo(
            f"{dictionary} reads block {dictionary.layer}, and {subject} has {subject.n_layers} blocks, from 0.",
            field="instruments",
        )
    if one.mode not in (WATCH, FULL):
        raise CannotDo("A dictionary looks by watch-list or in full.", field="instruments")
    features = sorted(set(pinned_indices(dictionary) if one.features is None else one.features))
    if any(not 0 <= index < dictionary.d_sae for index in features):
        raise CannotDo(f"{dictionary} has features 0 to {dictionary.d_sae - 1:,}.", field="features")
    if len(features) > MOST_PINNED:
        raise CannotDo(f"At most {MOST_PINNED} features get a track each.", field="features")
    if one.mode == WATCH:
        if dictionary.kind == COMPETING:
            raise CannotDo(NO_WATCH.format(dictionary, dictionary.kind), field="instruments")
        if not features:
            raise CannotDo(
                f"Name features of {dictionary} to watch, or pin some: a watch-list of none sees nothing.",
                field="features",
            )
        return Instrument(dictionary=dictionary, mode=WATCH, features=features)
    if not 1 <= one.top <= MOST_TOP:
        raise CannotDo(f"Between 1 and {MOST_TOP} strongest features are kept for each token.", field="top")
    return Instrument(dictionary=dictionary, mode=FULL, features=features, top=min(one.top, dictionary.d_sae))


def retry_failed(*, capture: Capture, actor: User) -> int:
    """Put the transcripts that failed back to waiting; what was read, or does not fit, stays. Then reopen the run.

    Returns:
        How many there are to do again.
    """
    with transaction.atomic():
        row = Capture.objects.select_for_update().get(pk=capture.pk)
        n = CapturedTranscript.objects.filter(capture=row, state=FAILED).update(
            state=WAITING, words="", finished_at=None
        )
        if n:
            record(verb="capture.retried", subject=row, actor=actor, project_id=row.project_id, transcripts=n)
    return n
