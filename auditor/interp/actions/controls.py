"""How often channels fire on honest texts: asking for a run over control packs, and choosing thresholds by what it found."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from auditor.accounts.models import User
from auditor.evidence.models import Channel
from auditor.interp.actions.naming import CannotDo
from auditor.interp.card import Card
from auditor.interp.channels import MEAN, declare_beside, probe_voice
from auditor.interp.controls import Instrumented, instrument_of, scores_of
from auditor.interp.models import READY, ControlScore, SubjectModel, Threshold
from auditor.interp.packs import PACKS, PLAIN
from auditor.interp.rates import fired_of, threshold_at
from auditor.ledger.actions import record
from auditor.runs.actions import open_run
from auditor.runs.models import Run

CONTROLS_TASK = "interp.score_controls"
MOST_CHANNELS = 256
COMPUTED = "computed here"


def open_scoring(
    *, channels: Sequence[Channel], subject: SubjectModel, actor: User, packs: Sequence[str] = ()
) -> Run:
    """Ask what channels say of control packs as a subject model reads them; ring for the run.

    A row for each channel and pack is laid down now. Until it is filled it counts as superseded, so that what was
    found before stands for as long as nothing newer is known.

    Args:
        channels: of probes or features; those beside them (maximum, mean) are scored with them.
        packs: keys of PACKS; all of them unless given.

    Raises:
        CannotDo: no such pack, a channel that no model speaks on, or one that does not fit the subject model.
    """
    wanted = tuple(dict.fromkeys(packs)) or tuple(PACKS)
    if unknown := [key for key in wanted if key not in PACKS]:
        raise CannotDo(
            f"There is no control pack {unknown[0][:60]}; there are {', '.join(PACKS)}.", field="packs"
        )
    if subject.state != READY or subject.archived_at is not None:
        raise CannotDo("Choose a subject model that is checked.", field="subject")
    if not channels or len(channels) > MOST_CHANNELS:
        raise CannotDo(f"Choose 1 to {MOST_CHANNELS} probes or features.", field="channels")
    found = [instrument_of(channel) for channel in channels]
    for channel, one in zip(channels, found, strict=True):
        _check(channel, one, subject)
    with transaction.atomic():
        run = open_run(
            project_id=subject.project_id, kind="controls", title=f"Controls: {_named(channels)} on {subject.name}",
            task=CONTROLS_TASK, actor=actor, unit="conversations",
            total=sum(len(PACKS[key].conversations) for key in wanted),
        )  # fmt: skip
        now = timezone.now()
        every = [
            said for channel, one in zip(channels, found, strict=True) for said in _all(channel, one, actor)
        ]
        ControlScore.objects.bulk_create(
            [
                ControlScore(
                    channel=channel, subject=subject, run=run, pack=key, pack_digest=PACKS[key].digest, superseded_at=now
                )
                for key in wanted
                for channel in every
            ]
        )  # fmt: skip
        record(
            verb="controls.opened", subject=run, actor=actor, project_id=subject.project_id, packs=list(wanted),
            channels=[channel.key for channel in channels], model=subject.slug, digest=subject.digest,
        )  # fmt: skip
    return run


def _named(channels: Sequence[Channel]) -> str:
    more = f" and {len(channels) - 1} more" if len(channels) > 1 else ""
    return f"{channels[0].name}{more}"


def _all(channel: Channel, one: Instrumented, actor: User) -> list[Channel]:
    """The channel, and those beside it."""
    if one.probe is not None:
        return [channel, *probe_voice(one.probe, actor=actor).beside.values()]
    return [channel, declare_beside(channel, MEAN, actor=actor)]


def _check(channel: Channel, one: Instrumented, subject: SubjectModel) -> None:
    if channel.project_id != subject.project_id:
        raise CannotDo("The project has no such channel.", field="channels")
    if one.probe is not None:
        if problem := Card.from_json(one.probe.card).problem_with(subject.n_layers or 0):
            raise CannotDo(f"{one.probe} does not fit {subject}: {problem}.", field="channels")
    elif one.feature is not None and one.feature.dictionary.d_in != subject.d_model:
        raise CannotDo(f"{channel} was made for another model than {subject}.", field="channels")


def choose_threshold(
    *,
    channel: Channel,
    subject: SubjectModel,
    actor: User,
    packs: Sequence[str] = (PLAIN,),
    wanted: float | None = None,
    value: float | None = None,
) -> Threshold:
    """From where on a channel fires, by a rate aimed at on control packs, or given; either way the packs are named.

    Args:
        packs: what the rate is of, taken together; they must have been scored with this subject model.
        wanted: the share of these conversations that may fire; or
        value: the threshold itself.

    Raises:
        CannotDo: both or neither given, no such rate, or no scores on a pack.
    """
    if (wanted is None) == (value is None):
        raise CannotDo("Say either the rate that you want or the threshold itself.", field="wanted")
    if wanted is not None and not 0 <= wanted < 1:
        raise CannotDo("A rate of false alarms is from 0 to below 1.", field="wanted")
    if not packs:
        raise CannotDo("Name the control pack that the threshold is chosen on.", field="packs")
    values = _values(channel, subject, packs)
    at = value if wanted is None else threshold_at(values, wanted)
    if at is None or not abs(at) < float("inf"):
        raise CannotDo("A threshold is a finite number.", field="value")
    rate = fired_of(values, at)
    if rate.n == 0:
        raise CannotDo(f"{channel} has no value on any conversation of {', '.join(packs)}.", field="packs")
    control = f"{' + '.join(PACKS[key].name.lower() for key in packs)}, read by {subject.name}"
    with transaction.atomic():
        Channel.objects.select_for_update().get(pk=channel.pk)
        Threshold.objects.filter(channel=channel, superseded_at=None).update(superseded_at=timezone.now())
        made = Threshold.objects.create(
            channel=channel, value=at, control=control[:200], n=rate.n, fired=rate.fired, wanted=wanted, source=COMPUTED,
            created_by=actor,
        )  # fmt: skip
        record(
            verb="channel.threshold_chosen", subject=channel, actor=actor, project_id=channel.project_id, value=at,
            control=made.control, n=made.n, fired=made.fired, wanted=wanted,
        )  # fmt: skip
    return made


def _values(channel: Channel, subject: SubjectModel, packs: Sequence[str]) -> list[float | None]:
    current = {one.pack: one for one in scores_of([channel]) if one.subject_id == subject.pk}
    values: list[float | None] = []
    for key in dict.fromkeys(packs):
        if key not in PACKS:
            raise CannotDo(f"There is no control pack {key[:60]}.", field="packs")
        if key not in current:
            raise CannotDo(
                f"{channel} has not been scored on {PACKS[key].name.lower()} as {subject.name} reads it: score the "
                "control packs first.",
                field="packs",
            )
        values += [one["value"] for one in current[key].scores]
    return values
