"""The table of the list, drawn in Python: fifty rows by the template language took half of the page's time."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from django import template
from django.utils.safestring import SafeString

from auditor.browse.columns import Heading
from auditor.browse.queries import Cell, Dot, Row
from auditor.corpus.headlines import Piece
from auditor.web.templatetags.words import number

register = template.Library()
CONDITION = '<th scope="col" class="wide-only">Condition</th>'
CONDITIONS = 3  # shown in a row; how many more there are is said
WARNED = ' <span class="unsure" title="imported with a warning">· warning</span>'
HIDDEN = ' title="hidden until your blind label"'
UNSAID = '<td><span class="muted">–</span></td>'


@register.simple_tag
def list_heads(headings: Mapping[str, Any]) -> SafeString:
    """The heads of what a row shows, as `browse.columns.headings` names them; most sort the list."""
    ends = _head(headings["id"]), _head(headings["model"], wide=True), CONDITION, _head(headings["length"])
    return SafeString("\n".join([*ends, *(_head(heading) for heading in headings["columns"])]))


def _head(heading: Heading, *, wide: bool = False) -> str:
    """One head; narrow screens leave a `wide` one out."""
    css = ("num" if heading.numeric else "") + (" wide-only" if wide else "")
    order = f' aria-sort="{escape(heading.order)}"' if heading.order else ""
    title = f' title="{escape(heading.title)}"' if heading.title else ""
    inner = f'<span class="clip"{"" if heading.url else title}>{escape(heading.name)}</span>'
    if heading.url:
        url = escape(heading.url)
        inner = (
            f'<a id="sort-{escape(heading.ident)}" href="{url}"{title} hx-get="{url}" hx-target="#results"'
            f' hx-swap="outerHTML" hx-push-url="true">{inner}</a>'
        )
    classes = f' class="{css}"' if css else ""
    return f'<th scope="col"{classes}{order}>{inner}</th>'


@register.simple_tag
def list_rows(
    rows: Sequence[Row], list_url: str, row_query: str, searched: str, labelled: bool
) -> SafeString:
    """All of them at once: to come back to the template for each takes as long again."""
    drawn = [_list_row(row, list_url, row_query, searched, labelled) for row in rows]
    return SafeString("".join(drawn))


def _list_row(row: Row, list_url: str, row_query: str, searched: str, labelled: bool) -> str:
    """One transcript; every text is escaped, here and by `escape` alone: `format_html` takes seven times as long."""
    name, address = escape(row.name), escape(f"{list_url}{row.pk}/{row_query}")
    place = f" · in {escape(row.place)}" if row.place else ""
    return (
        f'<tr><td class="pick"><input type="checkbox" name="ids" value="{int(row.pk)}" aria-label="Choose {name}" data-pick></td>'
        f'<td class="ex"><a data-row href="{address}">{_excerpt(row.excerpt, bool(searched))}</a>'
        f'<span class="sub mono">{name}{place}{WARNED if row.warned else ""}</span></td>'
        f'<td class="wide-only small"><span class="clip">{escape(row.model or "–")}</span></td>'
        f'<td class="wide-only"><span class="chips">{_conditions(row.conditions)}</span></td>'
        f'<td class="num">{escape(number(row.n_messages))}</td>{_cells(row.cells)}{_dots(row.dots) if labelled else ""}</tr>\n'
    )


def _excerpt(pieces: Sequence[Piece], searched: bool) -> str:
    if not searched:
        return escape(pieces[0].text)
    return "".join(f"<b>{escape(one.text)}</b>" if one.hit else escape(one.text) for one in pieces)


def _conditions(conditions: Sequence[tuple[str, str]]) -> str:
    chips = [
        f'<span class="chip" title="{escape(name)}"><span class="clip">{escape(value or name)}</span></span> '
        for name, value in conditions[:CONDITIONS]
    ]
    more = len(conditions) - CONDITIONS
    return "".join(chips) + (f'<span class="muted small">+{more}</span>' if more > 0 else "")


def _cells(cells: Sequence[Cell]) -> str:
    return "\n".join(
        f'<td class="{escape(cell.css)}"{HIDDEN if cell.hidden else ""}><span class="clip">{escape(cell.words)}</span></td>'
        for cell in cells
    )


def _dots(dots: Sequence[Dot]) -> str:
    if not dots:
        return UNSAID
    drawn = "".join(f'<i class="dot {escape(dot.hue)}" title="{escape(dot.words)}"></i>' for dot in dots)
    words = escape(", ".join(dot.words for dot in dots))
    return f'<td><span class="dots" aria-hidden="true">{drawn}</span><span class="visually-hidden">{words}</span></td>'
