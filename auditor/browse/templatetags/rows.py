"""A row of the list, drawn in Python: fifty of them by the template language took half of the page's time."""

from collections.abc import Sequence

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from auditor.browse.queries import Cell, Dot, Row
from auditor.corpus.headlines import Piece
from auditor.web.templatetags.words import number

register = template.Library()
CONDITIONS = 3  # shown in a row; how many more there are is said
ROW = (
    '<tr><td class="pick"><input type="checkbox" name="ids" value="{}" aria-label="Choose {}" data-pick></td>'
    '<td class="ex"><a data-row href="{}{}/{}">{}</a><span class="sub mono">{}{}{}</span></td>'
    '<td class="wide-only small"><span class="clip">{}</span></td>'
    '<td class="wide-only"><span class="chips">{}{}</span></td><td class="num">{}</td>{}{}</tr>\n'
)
EMPTY = SafeString("")
WARNED = SafeString(' <span class="unsure" title="imported with a warning">· warning</span>')
HIDDEN = SafeString(' title="hidden until your blind label"')
UNSAID = SafeString('<td><span class="muted">–</span></td>')


@register.simple_tag
def list_row(row: Row, list_url: str, row_query: str, searched: str, labelled: bool) -> SafeString:
    """One transcript; every text is escaped."""
    return format_html(
        ROW, row.pk, row.name, list_url, row.pk, row_query, _excerpt(row.excerpt, bool(searched)), row.name,
        f" · in {row.place}" if row.place else "", WARNED if row.warned else "", row.model or "–",
        format_html_join(
            "", '<span class="chip" title="{}"><span class="clip">{}</span></span> ',
            ((name, value or name) for name, value in row.conditions[:CONDITIONS]),
        ),
        _more(len(row.conditions) - CONDITIONS), number(row.n_messages), _cells(row.cells),
        _dots(row.dots) if labelled else "",
    )  # fmt: skip


def _excerpt(pieces: Sequence[Piece], searched: bool) -> SafeString | str:
    if not searched:
        return pieces[0].text
    return format_html_join(
        "", "{}", ((format_html("<b>{}</b>", one.text) if one.hit else one.text,) for one in pieces)
    )


def _more(n: int) -> SafeString:
    return format_html('<span class="muted small">+{}</span>', n) if n > 0 else EMPTY


def _cells(cells: Sequence[Cell]) -> SafeString:
    return format_html_join(
        "\n", '<td class="{}"{}><span class="clip">{}</span></td>',
        ((cell.css, HIDDEN if cell.hidden else "", cell.words) for cell in cells),
    )  # fmt: skip


def _dots(dots: Sequence[Dot]) -> SafeString:
    if not dots:
        return UNSAID
    return format_html(
        '<td><span class="dots" aria-hidden="true">{}</span><span class="visually-hidden">{}</span></td>',
        format_html_join("", '<i class="dot {}" title="{}"></i>', ((dot.hue, dot.words) for dot in dots)),
        ", ".join(dot.words for dot in dots),
    )
