"""Two to four transcripts side by side: what they share folded, then message beside message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404

from auditor.accounts.models import Membership
from auditor.browse.alignment import align, alike, differing, shared_prefix
from auditor.browse.relatives import conditions_of
from auditor.corpus.document import Cut, Document, Mark, RenderedMessage, render
from auditor.corpus.models import Message, Transcript
from auditor.corpus.queries import messages_between, texts_of
from auditor.corpus.windows import digests_between, window_after, window_before
from auditor.evidence import facets
from auditor.evidence.heat import Scale, hue_of, scale_of
from auditor.evidence.kinds import kind_of
from auditor.evidence.layers import lines_of
from auditor.evidence.models import HUMAN, Channel
from auditor.evidence.queries import MACHINE, Sight, channels_of
from auditor.evidence.stretches import packed

MOST = 4  # transcripts
ROWS = 40  # messages of each on one page
LONGEST = 6_000  # code points of one text
COMPARED = 20_000  # messages that are looked at for the first difference
STEP = 500
SPELLED_OUT = 3  # rows whose differing words are marked
CHANNELS = 40  # listed


@dataclass(frozen=True)
class Column:
    """One of the transcripts."""

    transcript: Transcript
    letter: str
    conditions: list[tuple[str, str, bool]]  # name, value, and whether it differs from another's
    model_differs: bool
    veiled: bool
    people: list[tuple[str, str]]  # hue and words of what people said


@dataclass(frozen=True)
class Saying:
    """One channel on each of the transcripts."""

    channel: Channel
    hue: str
    cells: list[tuple[float | None, str, bool]]  # value, label, and whether it is hidden


@dataclass(frozen=True)
class Row:
    """Messages that answer each other; None where a transcript has none."""

    cells: list[RenderedMessage | None]
    same: bool


@dataclass(frozen=True)
class Heated:
    """One channel on the words of each of the transcripts."""

    channel: Channel
    hue: str
    scale: Scale
    packets: list[tuple[str, dict[str, Any]]]  # where the page holds them, and the values

    @property
    def is_empty(self) -> bool:
        """Whether none of the messages shown has a value."""
        return not any(packet["parts"] for _, packet in self.packets)


@dataclass(frozen=True)
class Comparison:
    """One page of a comparison."""

    columns: list[Column]
    sayings: list[Saying]
    shared: int  # messages at the beginning that are equal in all
    shared_capped: bool  # they may be equal further on
    prefix: Document  # the last shared messages, where they were asked for
    rows: list[Row]
    starts: list[int]  # where the page begins in each
    ends: list[int]
    first: bool  # whether the page begins at the difference
    heat: Heated | None = None

    @property
    def contrast(self) -> str:
        """The query that contrasts the first condition in which two of them differ; empty where none does."""
        first, *others = self.columns
        for name, value, differs in first.conditions:
            other = next((dict(map(_named, one.conditions)).get(name) for one in others), None)
            if differs and other is not None and other != value:
                return urlencode({"by": name, "a": value, "b": other})
        return ""

    @property
    def next_at(self) -> str:
        """The next page's place, as an address has it; empty at the end."""
        more = any(
            end < column.transcript.n_messages for end, column in zip(self.ends, self.columns, strict=True)
        )
        return "-".join(map(str, self.ends)) if more else ""


def _named(condition: tuple[str, str, bool]) -> tuple[str, str]:
    return condition[0], condition[1]


def access_transcripts(membership: Membership, given: Sequence[str]) -> list[Transcript]:
    """The transcripts named by numbers, in that order, each once.

    Raises:
        Http404: one of them is not in the project, or more than `MOST` are named.
    """
    ids = list(dict.fromkeys(int(one) for one in given if one.isascii() and one.isdigit() and len(one) < 19))
    found = Transcript.objects.of(membership.project_id).in_bulk(ids[: MOST + 1])
    if len(ids) > MOST or len(found) != len(ids):
        raise Http404("no such transcripts here")
    return [found[pk] for pk in ids]


def compare(
    transcripts: Sequence[Transcript],
    *,
    sight: Sight,
    at: str = "",
    with_prefix: bool = False,
    heat_key: str = "",
    media: Callable[[str], str] | None = None,
) -> Comparison:
    """One page of the comparison of these (at least two) transcripts.

    Args:
        at: where the page begins in each, "12-14"; anything else begins at the first difference.
        with_prefix: show the last of the messages that all share.
        heat_key: the channel that is drawn on the words.
    """
    shared, capped = _shared(transcripts)
    starts = _starts(at, transcripts, shared)
    windows = [window_after(one, start) for one, start in zip(transcripts, starts, strict=True)]
    ends = [min(window.end, window.first + ROWS) for window in windows]
    messages = [
        messages_between(one, start, end) for one, start, end in zip(transcripts, starts, ends, strict=True)
    ]
    open_ended = [end < one.n_messages for one, end in zip(transcripts, ends, strict=True)]
    rows, used = _rows(messages, open_ended)
    marks = _marks(rows, messages)
    documents = [
        render(some[:n], of, markdown=True, media=media, cut=Cut(LONGEST, {}))
        for some, n, of in zip(messages, used, marks, strict=True)
    ]
    prefix = Document()
    if with_prefix and shared:
        window = window_before(transcripts[0], shared)
        some = messages_between(transcripts[0], window.first, window.end)
        prefix = render(some, markdown=True, media=media, cut=Cut(LONGEST, {}))
    return Comparison(
        columns=_columns(transcripts, sight),
        sayings=_sayings(transcripts, sight),
        shared=shared,
        shared_capped=capped,
        prefix=prefix,
        rows=[
            Row(
                [None if i is None else documents[column][i] for column, i in enumerate(row)],
                _same(row, messages),
            )
            for row in rows
        ],
        starts=starts,
        ends=[start + n for start, n in zip(starts, used, strict=True)],
        first=starts == [shared] * len(starts),
        heat=_heat(transcripts, sight, heat_key, [range(a, b) for a, b in zip(starts, ends, strict=True)]),
    )


def _heat(transcripts: Sequence[Transcript], sight: Sight, key: str, shown: Sequence[range]) -> Heated | None:
    """The channel of this key on the messages shown; one ranged read for each transcript's block."""
    channels = channels_of(transcripts[0].project_id).exclude(kind=HUMAN)
    channel = channels.filter(key=key).first() if key and "\0" not in key else None
    if channel is None:
        return None
    packets = [
        (f"tokens-{index}", packed(lines_of(sight, one, [channel], positions)[channel.pk].stretches))
        for index, (one, positions) in enumerate(zip(transcripts, shown, strict=True))
    ]
    return Heated(channel, hue_of(channel), scale_of(sight, channel), packets)


def _shared(transcripts: Sequence[Transcript]) -> tuple[int, bool]:
    """How many leading messages are equal in all, and whether the search ended before a difference."""
    shortest = min(one.n_messages for one in transcripts)
    for first in range(0, min(shortest, COMPARED), STEP):
        end = min(first + STEP, shortest)
        equal = shared_prefix([digests_between(one, first, end) for one in transcripts])
        if equal < end - first:
            return first + equal, False
    return min(shortest, COMPARED), shortest > COMPARED


def _starts(at: str, transcripts: Sequence[Transcript], shared: int) -> list[int]:
    given = at.split("-")
    if len(given) == len(transcripts) and all(
        one.isascii() and one.isdigit() and len(one) < 10 for one in given
    ):
        return [min(int(one), t.n_messages) for one, t in zip(given, transcripts, strict=True)]
    return [shared] * len(transcripts)


def _rows(
    messages: Sequence[Sequence[Message]], open_ended: Sequence[bool]
) -> tuple[list[tuple[int | None, ...]], list[int]]:
    """Aligned rows, up to where one goes on beyond the page and the others would be laid beside nothing."""
    rows: list[tuple[int | None, ...]] = []
    used = [0] * len(messages)
    for row in align([[message.role for message in some] for some in messages]):
        run_out = any(
            more and n == len(some) for more, n, some in zip(open_ended, used, messages, strict=True)
        )
        if run_out and rows:
            break
        rows.append(row)
        used = [n + (i is not None) for n, i in zip(used, row, strict=True)]
    return rows, used


def _same(row: tuple[int | None, ...], messages: Sequence[Sequence[Message]]) -> bool:
    held = [_held(some[i]) for some, i in zip(messages, row, strict=True) if i is not None]
    return len(held) == len(row) and all(one == held[0] for one in held)


def _held(message: Message) -> tuple[object, ...]:
    return message.text, message.reasoning, message.parts


def _marks(rows: Sequence[tuple[int | None, ...]], messages: Sequence[Sequence[Message]]) -> list[list[Mark]]:
    """The words that differ in the first rows that do, each column against the first that has the row."""
    found: list[list[Mark]] = [[] for _ in messages]
    spelled = 0
    for row in rows:
        cells = [(column, messages[column][i]) for column, i in enumerate(row) if i is not None]
        if spelled == SPELLED_OUT:
            break
        if len(cells) < 2 or all(_held(cell) == _held(cells[0][1]) for _, cell in cells):
            continue
        spelled += 1
        reference, base = cells[0]
        texts = texts_of(base)
        for column, message in cells[1:]:
            for part, text in texts_of(message).items():
                mine, other = texts.get(part, "")[:LONGEST], text[:LONGEST]
                ours, theirs = differing(mine, other)
                if not alike(mine, ours) and not alike(other, theirs):
                    continue
                found[reference] += [Mark(base.position, part, a, b, "differs") for a, b in ours]
                found[column] += [Mark(message.position, part, a, b, "differs") for a, b in theirs]
    return found


def _columns(transcripts: Sequence[Transcript], sight: Sight) -> list[Column]:
    ids = [one.pk for one in transcripts]
    veiled = sight.veiled_ids(ids, MACHINE)
    people: dict[int, list[tuple[str, str]]] = {}
    for said in sight.readings(ids).filter(channel__kind=HUMAN).exclude(label=""):
        words = str(said.detail.get("words") or said.label)
        if said.channel.key == "people.ruling":
            words = f"ruling: {words}"
        people.setdefault(said.transcript_id, []).append((facets.hue_of(said.detail.get("group")), words))
    alike = {name for name, value in transcripts[0].conditions.items()
             if all(one.conditions.get(name) == value for one in transcripts)}  # fmt: skip
    models = {one.model_name for one in transcripts}
    return [
        Column(
            transcript=one,
            letter="ABCD"[index],
            conditions=[(name, value, name not in alike) for name, value in conditions_of(one.conditions.items())],
            model_differs=len(models) > 1,
            veiled=one.pk in veiled,
            people=[] if one.pk in veiled else people.get(one.pk, []),
        )
        for index, one in enumerate(transcripts)
    ]  # fmt: skip


def _sayings(transcripts: Sequence[Transcript], sight: Sight) -> list[Saying]:
    ids = [one.pk for one in transcripts]
    veiled = sight.veiled_ids(ids, MACHINE)
    rows = sight.rollups(ids).exclude(channel__kind=HUMAN).select_related("channel")
    by_channel: dict[Channel, dict[int, tuple[float | None, str]]] = {}
    for rollup in rows.order_by("channel__kind", "channel__key"):
        by_channel.setdefault(rollup.channel, {})[rollup.transcript_id] = (rollup.value, rollup.label)
    return [
        Saying(
            channel,
            kind_of(channel.kind).hue,
            [(*values.get(pk, (None, "")), pk in veiled) for pk in ids],
        )
        for channel, values in list(by_channel.items())[:CHANNELS]
    ]
