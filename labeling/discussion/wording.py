"""What a comment may say: plain text of bounded length, and the people it names with @."""

import re
from collections.abc import Iterator, Mapping

from auditor.corpus.sanitise import clean_text

MAX_TEXT = 5_000  # code points
MAX_NAMED = 20  # people a comment


class BadComment(ValueError):
    """The comment cannot be written like this; the message says why."""


def check(text: str) -> str:
    """`text` as it is stored: line breaks of one kind, no white space around it, nothing a database refuses.

    Raises:
        BadComment: empty, or longer than `MAX_TEXT`.
    """
    lines = clean_text(text).replace("\r\n", "\n").replace("\r", "\n")
    words = re.sub(r"\n{3,}", "\n\n", lines).strip()
    if not words:
        raise BadComment("Write something first.")
    if len(words) > MAX_TEXT:
        raise BadComment(f"A comment has up to {MAX_TEXT:,} characters; this one has {len(words):,}.")
    return words


def pieces(text: str, handles: Mapping[str, int]) -> Iterator[tuple[str, int | None]]:
    """`text` cut at the people it names: (words, None), or (`@name` as written, the person).

    Args:
        handles: what comes after the @ -> person. The longest that fits counts, in any case, and it ends
            where a word ends: `@Ana` names nobody in `@Anatol`, and an address like `me@ana` names nobody.
    """
    known = {handle.casefold(): person for handle, person in handles.items() if handle}
    if not known:
        yield text, None
        return
    some = "|".join(re.escape(handle) for handle in sorted(handles, key=len, reverse=True) if handle)
    at = 0
    for found in re.finditer(rf"(?<![\w@.])@({some})(?!\w)", text, re.IGNORECASE):
        person = known.get(found[1].casefold())
        if person is None:  # a letter whose cases differ in length
            continue
        if found.start() > at:
            yield text[at : found.start()], None
        yield found[0], person
        at = found.end()
    if at < len(text):
        yield text[at:], None


def named(text: str, handles: Mapping[str, int]) -> list[int]:
    """The people whom `text` names, each once, in order.

    Raises:
        BadComment: more than `MAX_NAMED`.
    """
    people = list(dict.fromkeys(person for _, person in pieces(text, handles) if person is not None))
    if len(people) > MAX_NAMED:
        raise BadComment(f"A comment can name up to {MAX_NAMED} people.")
    return people
