"""Where the texts of a transcript stand in what a chat template makes of it.

The template is rendered twice: with the real texts, and with unique placeholders in their place. The second tells where the
template writes and where texts stand. A text may stand trimmed, escaped as JSON, or not at all. A template that changes
it in another way, or that writes something else for other words, is refused with the message where that shows.

A tool call's arguments are stored as text and given to the template as the object that they say. Where the template writes
them as JSON, both spellings are walked sign by sign, so that indentation and escapes may differ and nothing else; where it
writes them in another way, they are the template's words and belong to no part of the transcript.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.interp.conversation import Call, Turn, Words, as_messages

Render = Callable[[list[dict[str, Any]]], str]  # messages -> the text that the model reads
Ints = npt.NDArray[np.int64]
SPACE = "\u2003"  # around each placeholder: a template that trims takes it away
SIGN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.\w]+|[^\s\w]', re.DOTALL)  # of JSON


class DoesNotFit(ValueError):
    """Tokens and transcript, or template and transcript, do not fit: the first place where that shows.

    `token_index` and `position` are None where no token or no message is concerned.
    """

    def __init__(
        self,
        message: str,
        *,
        token_index: int | None = None,
        token_text: str = "",
        position: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.position = message, position
        self.token_index, self.token_text = token_index, token_text


@dataclass(frozen=True)
class Placed:
    """A rendered text of m code points, and where the transcript's texts stand in it."""

    rendered: str
    words: tuple[Words, ...]  # the transcript's texts
    roles: tuple[str, ...]  # of the message of each
    owner: Ints  # [m] index in `words`; -1: the template's own
    start: Ints  # [m] the code points of that text that each shows
    end: Ints  # [m] equal to start where it shows none, such as a space between JSON's signs
    left_out: int = 0  # code points of the transcript that do not stand in it


def lone(words: Words, role: str) -> Placed:
    """A single text as it is, with no template around it."""
    m = len(words.text)
    owner = np.zeros(m, np.int64)
    return Placed(words.text, (words,), (role,), owner, np.arange(m), np.arange(1, m + 1))


def place(turns: Sequence[Turn], render: Render, *, reasoning_key: str = "") -> Placed:
    """Where each text stands in what the template makes of the conversation.

    Args:
        render: the chat template; it must give the same text for the same messages.
        reasoning_key: under which name it reads reasoning, if it does.

    Raises:
        DoesNotFit: the template refuses the messages, or changes their texts, or depends on them otherwise.
    """
    rendered = _render(render, as_messages(turns, reasoning_key=reasoning_key), turns)
    if any(call.words.text.strip() for turn in turns for call in turn.calls):
        try:
            return _Placing(turns, rendered, with_calls=True).place(render, reasoning_key)
        except DoesNotFit:
            pass  # the template writes arguments in a way of its own
    return _Placing(turns, rendered, with_calls=False).place(render, reasoning_key)


def _render(render: Render, messages: list[dict[str, Any]], turns: Sequence[Turn]) -> str:
    try:
        rendered = render(messages)
        rendered.encode()
    except Exception as problem:  # templates raise whatever their language has
        last = turns[-1].position if turns else None
        raise DoesNotFit(
            f"The chat template refuses these messages: {' '.join(str(problem).split())[:300] or type(problem).__name__}.",
            position=last,
        ) from problem
    return rendered


@dataclass(frozen=True, slots=True)
class _Shown:
    """One way in which a text can stand: what is written, and which code points of the text each of it shows."""

    written: str
    start: int = 0  # where they are as many as the text's own: the first
    starts: tuple[int, ...] = ()  # else each of them
    ends: tuple[int, ...] = ()


@dataclass(slots=True)
class _Placing:
    turns: Sequence[Turn]
    rendered: str
    with_calls: bool

    def place(self, render: Render, reasoning_key: str) -> Placed:
        words = [one for turn in self.turns for one in self._words(turn)]
        roles = tuple(turn.role for turn in self.turns for _ in self._words(turn))
        calls = {call.words: call for turn in self.turns for call in turn.calls} if self.with_calls else {}
        code = _code(self.rendered, [one.text for one in words])
        marks = {one: f"{code}{index}x" for index, one in enumerate(words) if one.text.strip()}
        marked = [self._marked(turn, marks) for turn in self.turns]
        skeleton = _render(render, as_messages(marked, reasoning_key=reasoning_key), self.turns)
        literals, holes = _split(skeleton, code)
        found = self._fit(literals, [words[hole] for hole in holes], calls)

        m = len(self.rendered)
        owner, start, end = np.full(m, -1), np.zeros(m, np.int64), np.zeros(m, np.int64)
        for hole, (at, shown) in zip(holes, found, strict=True):
            here = slice(at, at + len(shown.written))
            owner[here] = hole
            if shown.starts:
                start[here], end[here] = shown.starts, shown.ends
            else:
                start[here] = np.arange(len(shown.written)) + shown.start
                end[here] = start[here] + 1
        every = sum(
            len(one.text) for turn in self.turns for one in (*turn.words, *_of(turn)) if one.text.strip()
        )
        stands = {
            hole: len(words[hole].text) if shown.starts else len(shown.written)
            for hole, (_, shown) in zip(holes, found, strict=True)
        }
        return Placed(
            self.rendered, tuple(words), roles, owner, start, end, left_out=every - sum(stands.values())
        )

    def _words(self, turn: Turn) -> Iterator[Words]:
        yield from turn.words
        if self.with_calls:
            yield from _of(turn)

    def _marked(self, turn: Turn, marks: dict[Words, str]) -> Turn:
        """The turn with placeholders for its texts."""

        def text(one: Words) -> Words:
            return replace(one, text=f"{SPACE}{marks[one]}{SPACE}") if one in marks else one

        def call(one: Call) -> Call:
            if one.words not in marks:
                return one
            if isinstance(one.arguments, str):
                return replace(one, words=text(one.words))
            return replace(one, words=replace(one.words, text=json.dumps({marks[one.words]: 0})))

        return replace(turn, words=tuple(map(text, turn.words)), calls=tuple(map(call, turn.calls)))

    def _fit(
        self, literals: list[str], holes: list[Words], calls: dict[Words, Call]
    ) -> list[tuple[int, _Shown]]:
        """Where each text stands: literals and texts in turn must be the rendered text, in exactly one way.

        At each hole every place that can be reached is kept with the ways there; nearly always that is one place.
        """
        if not self.rendered.startswith(literals[0]):
            first = (
                holes[0].position
                if holes
                else next((turn.position for turn in self.turns if turn.words), None)
            )
            raise DoesNotFit(
                "The chat template changes the first message's words, or writes another beginning for other words.",
                position=first,
            )
        reached: list[dict[int, list[tuple[int, _Shown]]]] = [{len(literals[0]): []}]
        for index, words in enumerate(holes):
            literal = literals[index + 1]
            after: dict[int, list[tuple[int, _Shown]]] = {}
            for at in reached[-1]:
                for shown in self._ways(words, at, calls.get(words), quoted=_quoted(literals, index)):
                    here = at + len(shown.written)
                    if self.rendered.startswith(literal, here):
                        after.setdefault(here + len(literal), []).append((at, shown))
            if index == len(holes) - 1:
                after = {here: ways for here, ways in after.items() if here == len(self.rendered)}
            if not after:
                raise DoesNotFit(
                    f"The chat template changes the {_name(words)} of message {words.position}, or writes something else"
                    " around it for other words.", position=words.position,
                )  # fmt: skip
            reached.append(after)
        if not holes and len(self.rendered) != len(literals[0]):
            raise DoesNotFit("The chat template writes another text each time.")
        return self._back(reached, holes)

    def _back(
        self, reached: list[dict[int, list[tuple[int, _Shown]]]], holes: list[Words]
    ) -> list[tuple[int, _Shown]]:
        here, found = len(self.rendered), []
        for index in range(len(holes), 0, -1):
            ways = reached[index][here]
            if len(ways) > 1:
                words = holes[index - 1]
                raise DoesNotFit(
                    f"It cannot be told which white space belongs to the {_name(words)} of message {words.position}.",
                    position=words.position,
                )
            found.append(ways[0])
            here = ways[0][0]
        return found[::-1]

    def _ways(self, words: Words, at: int, call: Call | None, *, quoted: bool) -> Iterator[_Shown]:
        """In which ways the text can stand at this place."""
        if call is not None and not isinstance(call.arguments, str):
            shown = _arguments(self.rendered, at, call)
            if shown:
                yield shown
            return
        text = words.text
        begins = {0, *(len(text) - len(text.lstrip(signs)) for signs in ("\n", " \n", None))}
        ends = {len(text), *(len(text.rstrip(signs)) for signs in ("\n", " \n", None))}
        for begin in begins:
            for end in ends:
                if begin < end and self.rendered.startswith(text[begin:end], at):
                    yield _Shown(text[begin:end], begin)
        if quoted:
            for ascii_only in (False, True):
                signs = [json.dumps(sign, ensure_ascii=ascii_only)[1:-1] for sign in text]
                written = "".join(signs)
                if written != text and self.rendered.startswith(written, at):
                    each = [index for index, sign in enumerate(signs) for _ in sign]
                    yield _Shown(written, 0, tuple(each), tuple(index + 1 for index in each))
                    return


def _of(turn: Turn) -> tuple[Words, ...]:
    return tuple(call.words for call in turn.calls)


def _name(words: Words) -> str:
    return {"text": "text", "reasoning": "reasoning"}.get(words.part, f"part {words.part.partition(':')[2]}")


def _quoted(literals: list[str], index: int) -> bool:
    return literals[index].endswith('"') and literals[index + 1].startswith('"')


def _code(rendered: str, texts: list[str]) -> str:
    """Letters and digits that occur in none of the texts; the same for the same texts."""
    attempt = 0
    while True:
        seed = hashlib.sha256(f"{attempt}:{rendered}".encode("utf-8", "surrogatepass")).hexdigest()
        code = f"Q{seed[:16]}n"
        if not any(code in text for text in (rendered, *texts)):
            return code
        attempt += 1


def _split(skeleton: str, code: str) -> tuple[list[str], list[int]]:
    """What the template writes, and between each two the number of the text that stands there."""
    hole = re.compile(rf'\{{\s*"{code}(\d+)x"\s*:\s*0\s*\}}|{SPACE}?{code}(\d+)x{SPACE}?')
    literals, holes, at = [], [], 0
    for match in hole.finditer(skeleton):
        literals.append(skeleton[at : match.start()])
        holes.append(int(match[1] or match[2]))
        at = match.end()
    return [*literals, skeleton[at:]], holes


def _arguments(rendered: str, at: int, call: Call) -> _Shown | None:
    """The call's arguments as the template writes them at this place, sign by sign; None if it does not."""
    try:
        value, till = json.JSONDecoder().raw_decode(rendered, at)
    except (ValueError, RecursionError):
        return None
    written, text = rendered[at:till], call.words.text
    ours, theirs = list(SIGN.finditer(text)), list(SIGN.finditer(written))
    if value != call.arguments or len(ours) != len(theirs):
        return None
    starts, ends = [0] * len(written), [0] * len(written)
    before = 0
    for mine, other in zip(ours, theirs, strict=True):
        if mine[0] != other[0] and json.loads(mine[0]) != json.loads(other[0]):
            return None
        same = mine[0] == other[0]
        for offset in range(before, other.end()):
            if offset < other.start():  # white space of the template's
                starts[offset] = ends[offset] = mine.start()
            elif same:
                starts[offset] = mine.start() + offset - other.start()
                ends[offset] = starts[offset] + 1
            else:  # another spelling of the same text or number
                starts[offset], ends[offset] = mine.span()
        before = other.end()
    return _Shown(written, 0, tuple(starts), tuple(ends))
