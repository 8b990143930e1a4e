"""The channels of probes and features: how they are called, declared, and what each says of a transcript.

    probe.SLUG.vN          the card's aggregation, with a track      probe.SLUG.vN.max, .mean    what it is not
    sae.DICTIONARY.INDEX   the greatest value, with a track          sae.DICTIONARY.INDEX.mean

Each has one reading a transcript: at its peak where the value is one place's, else of the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.accounts.models import User
from auditor.evidence.actions import declare_channel
from auditor.evidence.kinds import kind_of
from auditor.evidence.models import Channel
from auditor.interp.card import Card
from auditor.interp.models import Dictionary, Feature, Instrument, Probe, SubjectModel

MAX, MEAN = "max", "mean"


@dataclass(frozen=True)
class Voice:
    """What one track says of a transcript, and on which channels."""

    main: Channel  # its key names the track
    beside: Mapping[str, Channel]  # "max" or "mean" -> channel
    card: Card | None = None  # of a probe; a feature has none, and says its maximum
    feature: tuple[int, int] | None = None  # instrument and index

    @property
    def key(self) -> str:
        return self.main.key


def feature_key(dictionary: Dictionary, index: int) -> str:
    """The key of a feature's channel."""
    return f"sae.{dictionary.slug}.{index}"


def declare_feature(dictionary: Dictionary, index: int, *, actor: User | None) -> Channel:
    """The channel on which a feature speaks."""
    return declare_channel(
        project_id=dictionary.project_id, key=feature_key(dictionary, index), kind="sae", actor=actor, own=True,
        name=f"{dictionary.name} {index}", unit="token", rollup="max", lo=0.0,
        polarity="the feature is active", notice=kind_of("sae").warning,
        detail={
            "dictionary": dictionary.slug, "index": index, "layer": dictionary.layer, "hook": dictionary.hook,
            "convention": "resid_post", "aggregation": MAX, "digest": dictionary.digest, "model": dictionary.model_name,
        },
    )  # fmt: skip


def declare_beside(main: Channel, which: str, *, actor: User | None) -> Channel:
    """The channel beside `main` that says the maximum or the mean of the same values."""
    words = "strongest token" if which == MAX else "mean over the counted tokens"
    return declare_channel(
        project_id=main.project_id, key=f"{main.key}.{which}", kind=main.kind, actor=actor, own=True,
        name=f"{main.name}: {words}"[:300], unit="token" if which == MAX else "transcript", rollup="last", lo=main.lo,
        polarity=main.polarity, notice=main.notice, detail={**main.detail, "aggregation": which, "of": main.key},
    )  # fmt: skip


def probe_voice(probe: Probe, *, actor: User | None) -> Voice:
    """The channels of a probe."""
    card = Card.from_json(probe.card)
    beside = {
        which: declare_beside(probe.channel, which, actor=actor)
        for which in (MAX, MEAN)
        if which != card.aggregation
    }
    return Voice(probe.channel, beside, card=card)


def voices_of(
    instruments: Sequence[Instrument], *, subject: SubjectModel, actor: User | None
) -> dict[str, Voice]:
    """Everything that a capture's instruments say, by key, declared where it is not; the features are pinned."""
    found: dict[str, Voice] = {}
    for one in instruments:
        if one.probe is not None:
            voice = probe_voice(one.probe, actor=actor)
            found[voice.key] = voice
            continue
        assert one.dictionary is not None
        pinned = {
            feature.index: feature.channel
            for feature in Feature.objects.filter(
                dictionary=one.dictionary, index__in=one.features, channel__isnull=False
            ).select_related("channel")
        }
        for index in one.features:
            main = pinned.get(index) or declare_feature(one.dictionary, index, actor=actor)
            mean = declare_beside(main, MEAN, actor=actor)
            found[main.key] = Voice(main, {MEAN: mean}, feature=(one.pk, index))
    return found


def place_of(main: Channel) -> dict[str, Any]:
    """Where a channel's values are read in the model, for pages: layer, hook, convention, aggregation."""
    return {name: main.detail.get(name) for name in ("layer", "hook", "convention", "aggregation", "subject")}
