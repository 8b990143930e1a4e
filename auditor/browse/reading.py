"""One transcript as a window of messages, with the marks and opinions that the reader may see.

Everything that is read or drawn is of the window; of the whole transcript only what an index knows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import Http404

from auditor.accounts.models import Membership
from auditor.browse.asked import Anchor, Asked
from auditor.browse.heat import Panel, panel
from auditor.browse.signal import signal_of
from auditor.corpus.document import Cut, Document, Mark, render
from auditor.corpus.finding import positions_saying, spans_of
from auditor.corpus.models import Message, Transcript
from auditor.corpus.queries import messages_between, texts_of
from auditor.corpus.records import Place
from auditor.corpus.windows import (
    LONGEST,
    MESSAGES,
    Window,
    window,
    window_after,
    window_around,
    window_before,
)
from auditor.corpus.words import SCOPES, pattern, terms
from auditor.evidence.kinds import kind_of
from auditor.evidence.layers import blocks_on, layers_of
from auditor.evidence.models import Quote
from auditor.evidence.opinions import Opinion, opinions, quote_marks
from auditor.evidence.queries import MACHINE, Sight

PAGE = MESSAGES
MOST_HITS = 500  # marks of one search on a page
MOST_QUOTES = 1_000  # marks of quotes on a page
MOST_PLACES = 100  # messages that a search lists
MOST_SHOWN = 1_000_000  # code points of one text that are fetched at once
WHOLE = 400_000  # code points of one text that are shown around a place in it


@dataclass(frozen=True)
class Reading:
    """Everything one window of a transcript shows."""

    transcript: Transcript
    window: Window
    document: Document
    veiled: bool
    found_in: list[int] = field(default_factory=list)  # positions of messages that hold the words
    heat: Panel = field(default_factory=Panel)  # what can be laid over the words, and what is
    opinions: list[Opinion] = field(default_factory=list)
    at: Anchor | None = None

    @property
    def first(self) -> int:
        """Position of the first message shown."""
        return self.window.first

    @property
    def last(self) -> int:
        """One past the last position shown."""
        return self.window.end

    @property
    def tokens_id(self) -> str:
        """Where the page holds the values of this window's tokens."""
        return f"tokens-{self.first}"

    @property
    def is_long(self) -> bool:
        """Whether the window does not hold all messages."""
        return (self.first, self.last) != (0, self.transcript.n_messages)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the import kept beside the messages; it counts as evidence."""
        return {} if self.veiled else dict(self.transcript.metadata)

    @property
    def place(self) -> str:
        """Where the record stands in its source."""
        kept = self.transcript.place
        return Place.from_json(kept).as_text() if kept.get("record") else ""


def access_transcript(membership: Membership, pk: int) -> Transcript:
    """A transcript of the member's project.

    Raises:
        Http404: there is none of this number here.
    """
    rows = Transcript.objects.of(membership.project_id)
    found = rows.select_related("file__source", "batch__created_by", "parent").filter(pk=pk).first()
    if found is None:
        raise Http404("no such transcript here")
    return found


def reading(
    transcript: Transcript,
    *,
    sight: Sight,
    asked: Asked,
    media: Callable[[str], str] | None = None,
    part: Anchor | None = None,
    with_opinions: bool = True,
    few: bool = False,
) -> Reading:
    """One window of the transcript; while it is veiled, the bare text and nothing else.

    Args:
        media: the address of an attachment by its digest.
        part: show only this message, and this stretch of one of its texts.
        with_opinions: gather what the rail shows; without, quotes on the text have no letters.
        few: only some messages around the place asked for.
    """
    shown = (
        window_of(transcript, asked, few=few) if part is None else Window(part.position, part.position + 1)
    )
    messages = messages_between(transcript, shown.first, shown.end)
    marks = _found_marks(messages, asked)
    found_in = positions_saying(transcript, asked.words, most=MOST_PLACES) if asked.words else []
    veiled = sight.is_veiled(transcript.pk, MACHINE)
    heat = Panel()
    signal: dict[int, int] = {}
    if part is None and not veiled:
        blocks = blocks_on(sight, transcript.pk)
        heat = panel(
            sight, transcript, layers_of(sight, transcript, blocks), (asked.heat_key, asked.heat2_key),
            range(shown.first, shown.end), blocks=blocks, floor=asked.threshold, whole=with_opinions,
        )  # fmt: skip
        signal = signal_of(sight, transcript, heat.first, shown)
    said = [] if veiled or not with_opinions else opinions(sight, transcript.pk)
    if not veiled:
        marks += _quotes(sight, transcript, said, shown)
    cut = Cut(LONGEST, _stretches(asked.at) if part is None else _only(part))
    document = render(messages, marks, markdown=True, media=media, cut=cut)
    for index, message in enumerate(document):
        if message.position in signal:
            document[index] = replace(message, heat=signal[message.position])
    return Reading(
        transcript, shown, document, veiled=veiled, found_in=found_in, heat=heat, opinions=said,
        at=asked.at,
    )  # fmt: skip


def window_of(transcript: Transcript, asked: Asked, *, few: bool = False) -> Window:
    """The window that an address asks for; at a place, only `few` messages around it."""
    if asked.after is not None:
        return window_after(transcript, asked.after)
    if asked.before is not None:
        return window_before(transcript, asked.before)
    return (window_around if few else window)(transcript, at=asked.position)


def _quotes(sight: Sight, transcript: Transcript, said: list[Opinion], shown: Window) -> list[Mark]:
    """The cited words on the window, those in the rail with their letters."""
    marks = [mark for mark in quote_marks(said) if shown.first <= mark.position < shown.end]
    known = {mark.ident for mark in marks}
    rows = sight.quotes([transcript.pk]).filter(
        position__gte=shown.first, position__lt=shown.end, start__isnull=False, end__isnull=False
    )
    return marks + [_quote_mark(quote) for quote in rows[:MOST_QUOTES] if f"q{quote.pk}" not in known]


def _quote_mark(quote: Quote) -> Mark:
    channel = quote.reading.channel
    return Mark(
        quote.position or 0, quote.part, quote.start or 0, quote.end or 0, "quote",
        css=kind_of(channel.kind).hue, ident=f"q{quote.pk}", title=f"cited by {channel.name}",
    )  # fmt: skip


def _found_marks(messages: Sequence[Message], asked: Asked) -> list[Mark]:
    """The place asked for, and the hits of both searches on the window."""
    marks: list[Mark] = []
    if asked.at is not None and asked.at.part:
        at = asked.at
        marks.append(Mark(at.position, at.part, at.start, at.end, "target", ident="at"))
    said = terms(asked.words)
    by_scope = {scope: pattern(t for t in said if not t.scopes or scope in t.scopes) for scope in SCOPES}
    if said or asked.find.strip():
        for message in messages:
            for part, text in texts_of(message).items():
                spots = [*spans_of(text, asked.find)]
                if wanted := by_scope[_scope(message, part)]:
                    spots += [match.span() for match in wanted.finditer(text)]
                for start, end in spots[: max(0, MOST_HITS - len(marks))]:
                    marks.append(Mark(message.position, part, start, end, "hit", ident=f"h{len(marks)}"))
    return [mark for mark in marks if _is_on(messages, mark.position)]


def _scope(message: Message, part: str) -> str:
    """What a search calls this part of a message."""
    if part == "reasoning":
        return part
    if part == "text":
        return "results" if message.role == "tool" else "text"
    call = message.parts[int(part.removeprefix("part:"))].get("kind") == "tool_call"
    return "arguments" if call else "results"


def _is_on(messages: Sequence[Message], position: int) -> bool:
    return bool(messages) and messages[0].position <= position <= messages[-1].position


def _only(part: Anchor) -> dict[tuple[int, str], tuple[int, int]]:
    return {(part.position, part.part): (part.start, min(part.end, part.start + MOST_SHOWN))}


def _stretches(at: Anchor | None) -> dict[tuple[int, str], tuple[int, int]]:
    """Which stretch of a long text is shown so that the place asked for stands in it."""
    if at is None or not at.part or at.end <= LONGEST:
        return {}
    first = 0 if at.end <= WHOLE else max(0, at.start - LONGEST // 2)
    return {(at.position, at.part): (first, min(at.end, at.start + WHOLE) + LONGEST // 2)}
