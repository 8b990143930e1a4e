"""What a channel is worth, wherever it appears."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template

from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import visible_to
from auditor.evidence.worth import Told, told_of

register = template.Library()


@register.simple_tag(takes_context=True)
def worth(context: template.Context, channels: Channel | Iterable[Any] | None) -> Mapping[int, list[Told]]:
    """What this channel is worth, each of several, or each of those that have one, by the channel's id.

    One query for any number; none where there is no channel but people's.
    """
    some = [channels] if isinstance(channels, Channel) else channels or ()
    found = [one if isinstance(one, Channel) else one.channel for one in some]
    asked = [one for one in found if one is not None and one.kind != HUMAN]
    if not asked:
        return {}
    sight = visible_to(context["request"].user)
    return told_of(sight, [one.pk for one in asked], asked[0].project_id)


@register.filter
def told(found: Mapping[int, list[Told]], pk: int) -> list[Told]:
    """What is known of one of them."""
    return found.get(pk, []) if found else []
