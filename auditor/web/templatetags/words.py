"""Numbers, intervals and times as a person would write them."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

NBSP = "\u00a0"


@register.filter
def number(value: Any) -> str:
    """12345 as 12,345; a dash for nothing."""
    if value is None or value == "":
        return "–"
    return f"{value:,}" if isinstance(value, int) else score(value)


@register.filter
def score(value: Any) -> str:
    """A reading at a glance: 0.81, 6.2, 85; a dash for nothing."""
    if value is None or value == "":
        return "–"
    size = abs(float(value))
    if size >= 100 or float(value).is_integer():
        return f"{float(value):,.0f}"
    return f"{float(value):.1f}" if size >= 10 else f"{float(value):.2f}"


@register.filter
def said(value: Any) -> str:
    """What a judge said: a number at a glance, a label as it is, a dash for nothing."""
    return value if isinstance(value, str) and value else score(value)


@register.filter
def percent(value: Any) -> str:
    """0.031 as 3.1%."""
    if value is None or value == "":
        return "–"
    size = abs(100 * float(value))
    return f"{100 * float(value):.0f}%" if size >= 10 or size == 0 else f"{100 * float(value):.1f}%"


@register.filter
def rarity(value: Any) -> str:
    """A share that may be tiny: 0.02 as 2.0%, 0.0004 as 1 in 2,500; never for what never happens."""
    if value is None or value == "":
        return "–"
    share_ = float(value)
    if share_ <= 0:
        return "never"
    return percent(share_) if share_ >= 0.001 else f"1 in {round(1 / share_):,}"


@register.filter
def money(millionths: int | None, currency: str = "") -> str:
    """Millionths of a unit as 1.23 USD, and what is less than a hundredth as 0.000423 USD; a dash for nothing."""
    if millionths is None:
        return "–"
    small = 0 < millionths < 10_000
    amount = f"{millionths / 1e6:.6f}".rstrip("0") if small else f"{millionths / 1e6:,.2f}"
    return f"{amount}{NBSP}{currency}" if currency else amount


@register.filter
def share(value: Any) -> str:
    """0.3664 as 36.6%: one digit always, where shares are compared with each other."""
    return "–" if value is None or value == "" else f"{100 * float(value):.1f}%"


@register.filter
def small_p(value: Any) -> str:
    """A probability under a hypothesis: 0.042, < 0.001."""
    if value is None or value == "":
        return "–"
    return "< 0.001" if float(value) < 0.001 else f"{float(value):.3f}"


@register.filter
def size(value: Any) -> str:
    """Bytes as 3.4 MB."""
    amount = float(value or 0)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return (
                f"{amount:.0f}{NBSP}{unit}"
                if unit == "bytes" or amount >= 100
                else f"{amount:.1f}{NBSP}{unit}"
            )
        amount /= 1000
    return ""


@register.filter
def duration(seconds: Any) -> str:
    """Seconds as 40 s, 3 min, 1 h 20 min."""
    if seconds is None or seconds == "":
        return "–"
    whole = round(float(seconds))
    if whole < 60:
        return f"{whole}{NBSP}s"
    if whole < 3600:
        return f"{round(whole / 60)}{NBSP}min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours}{NBSP}h {minutes}{NBSP}min" if minutes else f"{hours}{NBSP}h"


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """A moment as `20 Nov, 14:05`, the full date and zone in its title."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    shape = "%-d %b, %H:%M" if local.year == timezone.localtime().year else "%-d %b %Y"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        local.strftime("%A %-d %B %Y, %H:%M %Z"),
        local.strftime(shape),
    )


@register.filter
def count_of(value: Any, word: str) -> str:
    """`3|count_of:"message"` is 3 messages; `"entry,entries"` names its own plural."""
    one, _, many = word.partition(",")
    return f"{value:,}{NBSP}{one if value == 1 else many or one + 's'}"


@register.filter
def pairs(value: dict[str, Any]) -> list[tuple[str, Any]]:
    """The names and values of a JSON object, whose own names may well be `items`."""
    return list(value.items())


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """This page's query string with some parameters changed; an empty value removes one."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        if value in ("", None):
            query.pop(key, None)
        else:
            query[key] = str(value)
    return "?" + query.urlencode() if query else "?"
