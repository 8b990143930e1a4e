"""Messages and their blocks as elements of a page, made here since a page has hundreds.

The text of a .part is the stored text, from data-from on, and nothing else.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

from django import template
from django.urls import reverse

from auditor.corpus.document import Block, Markup, RenderedMessage
from auditor.web.templatetags.words import count_of

register = template.Library()
LINK = 'target="_blank" rel="noopener"'


@register.simple_tag
def printed_messages(
    document: Iterable[RenderedMessage], project: Any, linked: Any, *, folds: bool, show_model: bool
) -> Markup:
    """The messages of a document.

    Args:
        linked: a transcript of the project, where each message can be linked and longer texts fetched.
        folds: long output of tools is folded.
        show_model: the reader may know the model.
    """
    json_url, part_url = _addresses(project, linked)
    return Markup("\n".join(_message(one, json_url, part_url, folds, show_model) for one in document))


@register.simple_tag
def printed_outline(document: Iterable[RenderedMessage]) -> Markup:
    """A list of the messages, with the hues of what is marked in each."""
    return Markup(f"<ol>{''.join(_line(one) for one in document)}</ol>")


@register.simple_tag
def printed_block(
    block: Block, message: RenderedMessage, project: Any, linked: Any, *, folds: bool
) -> Markup:
    """One block of a message."""
    return Markup(_block(block, message, _addresses(project, linked)[1], folds))


def _line(message: RenderedMessage) -> str:
    dots = "".join(f'<i class="dot {escape(hue)}"></i>' for hue in message.hues)
    hues = f' <span class="dots" aria-hidden="true">{dots}</span>' if dots else ""
    return (
        f'<li><a href="#m{message.position}"><span class="n">{message.number}</span> '
        f'<span class="role">{escape(message.name)}</span>{hues}</a></li>'
    )


def _addresses(project: Any, linked: Any) -> tuple[str, str]:
    """Where a message of the transcript is fetched as JSON, and where a longer stretch of a part; empty if nowhere."""
    if not linked:
        return "", ""
    key = [project.slug, linked.pk]
    return escape(reverse("browse:json", args=key)), escape(reverse("browse:part", args=key))


def _message(message: RenderedMessage, json_url: str, part_url: str, folds: bool, show_model: bool) -> str:
    at, number = message.position, message.number
    model = f" · {escape(message.model_name)}" if show_model and message.model_name else ""
    as_json = (
        f'<a class="permalink" href="{json_url}?at={at}" data-copy-json aria-label="Copy message {number} as JSON">JSON</a>'
        if json_url
        else ""
    )
    here = f"?at={at}" if json_url else f"#m{at}"
    blocks = "\n".join(_block(block, message, part_url, folds) for block in message.blocks)
    return (
        f'<article class="msg {escape(message.role)}" id="m{at}" data-position="{at}" aria-labelledby="m{at}-role" tabindex="-1">'
        f'<header class="msg-head"><span class="n" aria-hidden="true">{number}</span><span class="role" id="m{at}-role">'
        f'<span class="visually-hidden">Message {number}, </span>{escape(message.name)}</span>'
        f"<span>{count_of(message.n_chars, 'character')}{model}</span>{as_json}"
        f'<a class="permalink" href="{here}" data-copy-link aria-label="Link to message {number}">¶ link</a></header>'
        f"{blocks or EMPTY}</article>"
    )


EMPTY = '<p class="block nothing">This message is empty.</p>'


def _block(block: Block, message: RenderedMessage, part_url: str, folds: bool) -> str:
    if not block.anchored:
        return _media(block, message)
    before = after = ""
    at = f"?at={message.position}.{escape(block.part)}"
    if block.before:
        words = f"{count_of(block.before, 'character')} before this"
        before = _stretch(words, f"{at}.0-{block.end}", part_url, "Show from the beginning")
    if block.after:
        words = count_of(block.after, "more character")
        after = _stretch(words, f"{at}.{block.start}-{block.n_chars}", part_url, "Show all")
    name, start = escape(block.part), f' data-from="{block.start}"' if block.start else ""
    part = f'{before}<div class="part" data-part="{name}"{start} dir="auto">{block.html}</div>'
    if block.kind == "reasoning":
        return (
            f'<details class="block reasoning" open data-block="{name}">'
            f"<summary>reasoning · {count_of(block.n_chars, 'character')}</summary>{part}{after}</details>"
        )
    folded = folds and block.is_long
    head = unfold = ""
    if block.title or block.note or block.kind == "tool_call":
        calls = "calls " if block.kind == "tool_call" else ""
        note = f' <span class="failed">{escape(block.note)}</span>' if block.note else ""
        head = f'<p class="block-head">{calls}<b>{escape(block.title)}</b>{note}</p>'
    if folded:
        unfold = (
            '<button type="button" class="small quiet fold-more" data-unfold aria-expanded="false">'
            f"<span>Show all {count_of(block.n_lines, 'line')}</span><span>Show less</span></button>"
        )
    nothing = "" if block.n_chars else '<p class="nothing">nothing</p>'
    css = f"{escape(block.kind)}{' fold' if folded else ''}"
    return f'<div class="block {css}" data-block="{name}">{head}{part}{unfold}{after}{nothing}</div>'


def _media(block: Block, message: RenderedMessage) -> str:
    """An image, sound or file: its description, and the way to it."""
    url, words, image = escape(block.url), block.html, ""
    if block.shown_as_image:
        alt = f"{escape(block.kind)} {words}, of message {message.number}".replace('"', "&quot;")
        image = f'<a href="{url}" {LINK}><img src="{url}" alt="{alt}" loading="lazy" decoding="async"></a>'
    way = (
        f' <a href="{url}" {f"{LINK}>open" if block.shown_as_image else "download>download"}</a>'
        if url
        else ""
    )
    return f'<div class="block {escape(block.kind)}">{image}<p><b>{escape(block.title)}</b> <span>{words}</span>{way}</p></div>'


def _stretch(words: str, at: str, part_url: str, show: str) -> str:
    """What of a long text is not shown, and the way to it."""
    way = f' · <a href="{at}" data-part-url="{part_url}{at}">{show}</a>' if part_url else ""
    return f'<p class="stretch">{words}{way}</p>'
