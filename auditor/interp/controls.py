"""What channels said of control packs, and what that is worth: rates with intervals, and when to raise the alarm."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from auditor.evidence.models import Channel
from auditor.interp.actions.naming import CannotDo
from auditor.interp.models import ControlScore, Feature, Probe, SubjectModel, Threshold
from auditor.interp.packs import PACKS, PLAIN, Pack
from auditor.interp.rates import Rate, fired_of, is_alarming, rate_of


@dataclass(frozen=True)
class Instrumented:
    """What speaks on a channel: a probe, or a feature of a dictionary."""

    probe: Probe | None = None
    feature: Feature | None = None


def instrument_of(channel: Channel) -> Instrumented:
    """Whose channel it is.

    Raises:
        CannotDo: nothing's that a model reads here.
    """
    probe = Probe.objects.select_related("channel", "subject").filter(channel=channel).first()
    if probe is not None:
        return Instrumented(probe=probe)
    feature = Feature.objects.select_related("channel", "dictionary").filter(channel=channel).first()
    if feature is not None:
        return Instrumented(feature=feature)
    raise CannotDo(f"{channel} is spoken on by no probe or feature of this project.", field="channels")


def scores_of(channels: Iterable[Channel | int]) -> QuerySet[ControlScore]:
    """What stands of these channels on packs, the newest last."""
    ids = [one if isinstance(one, int) else one.pk for one in channels]
    rows = ControlScore.objects.filter(channel__in=ids, superseded_at=None)
    return rows.select_related("subject").order_by("created_at", "pk")


@dataclass(frozen=True)
class PackRate:
    """How often a channel fires on one pack."""

    pack: Pack
    rate: Rate
    alarming: bool
    outdated: bool  # the pack has other texts now

    @property
    def is_plain(self) -> bool:
        """Whether these are ordinary answers."""
        return self.pack.key == PLAIN


@dataclass(frozen=True)
class FalseAlarms:
    """What is known of how often a channel fires on honest texts."""

    channel_id: int
    threshold: Threshold | None
    nominal: Rate | None  # on the threshold's control set
    packs: tuple[PackRate, ...] = ()  # none without a threshold, or where it was never tried
    subject: SubjectModel | None = None  # who read them
    scored: bool = False  # whether it was tried on any pack

    @property
    def worst(self) -> PackRate | None:
        """The look-alike pack on which it fires most."""
        known = [one for one in self.packs if not one.is_plain and one.rate.value is not None]
        return max(known, key=lambda one: (one.rate.value or 0.0, one.rate.low or 0.0), default=None)

    @property
    def plain(self) -> PackRate | None:
        """On ordinary honest answers."""
        return next((one for one in self.packs if one.is_plain and one.rate.value is not None), None)

    @property
    def alarming(self) -> tuple[PackRate, ...]:
        """Packs on which it fires more than five times as often as the threshold promises."""
        return tuple(one for one in self.packs if one.alarming)


def false_alarms_of(channel_ids: Sequence[int]) -> Mapping[int, FalseAlarms]:
    """What is known of each channel, in three queries for any number; of several subject models the newest scored."""
    thresholds = {
        one.channel_id: one
        for one in Threshold.objects.filter(channel__in=channel_ids, superseded_at=None).select_related(
            "created_by"
        )
    }
    scores: dict[int, dict[int, dict[str, ControlScore]]] = {}
    newest: dict[int, int] = {}
    for one in scores_of(channel_ids):
        scores.setdefault(one.channel_id, {}).setdefault(one.subject_id, {})[one.pack] = one
        newest[one.channel_id] = one.subject_id
    return {
        pk: _false_alarms(pk, thresholds.get(pk), scores.get(pk, {}).get(newest.get(pk, 0), {}))
        for pk in channel_ids
    }


def _false_alarms(pk: int, threshold: Threshold | None, scores: Mapping[str, ControlScore]) -> FalseAlarms:
    subject = next((one.subject for one in scores.values()), None)
    if threshold is None:
        return FalseAlarms(pk, None, None, subject=subject, scored=bool(scores))
    nominal = rate_of(threshold.fired, threshold.n)
    packs = []
    for key, pack in PACKS.items():
        if (one := scores.get(key)) is not None:
            rate = fired_of([said["value"] for said in one.scores], threshold.value)
            packs.append(
                PackRate(
                    pack, rate, is_alarming(rate, nominal, threshold.wanted), one.pack_digest != pack.digest
                )
            )
    return FalseAlarms(pk, threshold, nominal, tuple(packs), subject, bool(scores))
