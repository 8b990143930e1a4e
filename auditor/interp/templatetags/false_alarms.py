"""How often a probe or feature fires on honest texts, beside every score of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template

from auditor.evidence.models import Channel
from auditor.interp.controls import FalseAlarms, false_alarms_of

register = template.Library()
KINDS = ("probe", "sae")  # of channels that control packs are for


@register.simple_tag
def false_alarms(channels: Channel | Iterable[Any] | None) -> Mapping[int, FalseAlarms]:
    """What is known of this channel, of each of several, or of the channels of opinions, by the channel's id.

    Two queries for any number; none where no channel is a probe's or feature's.
    """
    some = [channels] if isinstance(channels, Channel) else channels or ()
    found = [one if isinstance(one, Channel) else one.channel for one in some]
    ids = [one.pk for one in found if one.kind in KINDS]
    return false_alarms_of(ids) if ids else {}


@register.filter
def of_channel(found: Mapping[int, FalseAlarms], pk: int) -> FalseAlarms | None:
    """What is known of one of them."""
    return found.get(pk) if found else None
