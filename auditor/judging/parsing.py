"""What a judge answered, read without guessing.

    read_answer(rubric, ask, content, refusal, finish_reason, logprobs) -> Answer

An answer is `ok` only if it says exactly one thing for every dimension asked. Text around one JSON object
is passed over, a block of thoughts before it too; whatever else is wrong is named, and nothing is mended:
not a comma, not a quoted number, not a label in other letters. It never raises.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from auditor.corpus.sanitise import clean_text
from auditor.judging.expected import Expected, expected_score, number_of, plain_score, writes_whole_numbers
from auditor.judging.rubric import NUMBER, SCALE, YES_NO, Ask, Dimension, Rubric, Said
from auditor.judging.schema import MOST_QUOTES
from auditor.judging.states import OK, REFUSED, TRUNCATED, UNPARSEABLE

LONGEST = 400_000  # characters of an answer
LONGEST_QUOTE = 20_000
SHOWN = 60  # characters of a bad answer that a reason repeats
MESSAGE = re.compile(r"\s*M?\s*([0-9]{1,9})\s*")  # as it is called in a marker
DIGITS = re.compile(r"[0-9]")


@dataclass(frozen=True)
class Quote:
    """Words that the judge cites, as it cites them."""

    words: str
    message: int | None = None  # as its marker calls it, from 1; a hint
    supports: str = ""  # a dimension, or empty

    @property
    def position(self) -> int | None:
        """The message's position, from 0."""
        return None if self.message is None else self.message - 1


@dataclass(frozen=True)
class Answer:
    """One answer: how it ended, what it says, and why if it says nothing."""

    state: str  # one of `states.ANSWERED`
    values: Mapping[str, Said] = field(default_factory=dict)  # by dimension; empty unless ok
    rationale: str = ""
    quotes: tuple[Quote, ...] = ()
    expected: Mapping[str, Expected] = field(default_factory=dict)  # by dimension, of answers by number
    words: str = ""  # the reason, for people; of an ok answer a remark
    uncited: tuple[str, ...] = ()  # dimensions whose value needs words and has none


class _NotSo(ValueError):
    """The answer is none; the message says why."""


def read_answer(
    rubric: Rubric,
    ask: Ask,
    content: str | None,
    refusal: str | None = None,
    finish_reason: str | None = None,
    logprobs: Any = None,
) -> Answer:
    """What an endpoint's answer says.

    Args:
        content, refusal, finish_reason: of the chat completion's message and choice.
        logprobs: the choice's own, {"content": [{"token", "logprob", "top_logprobs"}, ...]} or that list.
    """
    text = content if isinstance(content, str) else ""
    if refusal:
        return Answer(REFUSED, words=f"The endpoint refused: {shown(str(refusal))}")
    if finish_reason == "content_filter":
        return Answer(REFUSED, words="The endpoint's content filter withheld the answer.")
    if len(text) > LONGEST:
        return Answer(UNPARSEABLE, words=f"The answer is longer than {LONGEST:,} characters.")
    if rubric.answer == NUMBER:
        return _number(ask.dimensions[0], text, finish_reason, logprobs)
    if finish_reason == "length":
        return Answer(TRUNCATED, words="The answer was cut off at the most tokens that it may take.")
    try:
        return _object(ask, _only_object(text))
    except _NotSo as problem:
        return Answer(UNPARSEABLE, words=str(problem))


def _object(ask: Ask, said: Mapping[str, Any]) -> Answer:
    values = {one.key: _value(one, said) for one in ask.dimensions}
    rationale = said.get("rationale")
    quotes = _quotes(said.get("quotes"), [one.key for one in ask.dimensions])
    cited = {quote.supports for quote in quotes}
    uncited = tuple(
        one.key for one in ask.dimensions if one.must_cite(values[one.key]) and one.key not in cited
    )
    words = f"No words are cited for {', '.join(uncited)}." if uncited else ""
    return Answer(
        OK, values, clean_text(rationale) if isinstance(rationale, str) else "", quotes, {}, words, uncited
    )


def _only_object(text: str) -> Mapping[str, Any]:
    """The one JSON object in the text.

    The first brace must open it, and no brace may follow it: an object inside a broken one, or one of two,
    would be a guess, and the words of a transcript may be among them.
    """
    if text.lstrip().startswith("<think>"):
        _, closed, text = text.rpartition("</think>")
        if not closed:
            raise _NotSo("The answer has thoughts alone, which do not end.")
    if not text.strip():
        raise _NotSo("The answer is empty.")
    start = text.find("{")
    if start < 0:
        raise _NotSo(f"There is no JSON object in the answer, which begins: {shown(text)}")
    try:
        found, end = DECODER.raw_decode(text, start)
    except json.JSONDecodeError as problem:
        raise _NotSo(f"No JSON: {problem.msg}, at character {problem.pos + 1}.") from None
    except RecursionError:
        raise _NotSo("No JSON: nested too deeply.") from None
    except _NotSo:
        raise
    except ValueError:
        raise _NotSo("No JSON: a number that is too long.") from None
    if "{" in text[end:] or "}" in text[end:]:
        raise _NotSo("More than one JSON object, or braces behind it: it is not certain which is the answer.")
    assert isinstance(found, dict)
    return found


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _NotSo(f"The field {shown(twice)} is given twice.")
    return made


def _no_constant(word: str) -> Any:
    raise _NotSo(f"No JSON: {word} is no number.")


DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)


def _value(dimension: Dimension, said: Mapping[str, Any]) -> float | str:
    if dimension.key not in said:
        raise _NotSo(f"The field {dimension.key} is missing.")
    value = said[dimension.key]
    if dimension.kind == SCALE:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _NotSo(f"{dimension.key} is no number but {shown(value)}.")
        lo, hi = dimension.ends
        if value != int(value) or not lo <= value <= hi:
            raise _NotSo(f"{dimension.key} is {shown(value)}, which is no whole number from {lo} to {hi}.")
        return float(value)
    if dimension.kind == YES_NO and isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str) or value not in dimension.words:
        raise _NotSo(f"{dimension.key} is {shown(value)}, which is none of {', '.join(dimension.words)}.")
    return value


def _quotes(listed: Any, dimensions: Sequence[str]) -> tuple[Quote, ...]:
    """What is cited; an entry without words is none. Message and dimension are hints, and may be missing."""
    made = []
    for one in listed if isinstance(listed, list) else []:
        words = one.get("quote") if isinstance(one, dict) else None
        if not isinstance(words, str) or not words.strip() or len(words) > LONGEST_QUOTE:
            continue
        supports = one.get("supports")
        made.append(
            Quote(clean_text(words), _message(one.get("message")), supports if supports in dimensions else "")
        )
        if len(made) == MOST_QUOTES:
            break
    return tuple(made)


def _message(value: Any) -> int | None:
    found = None
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    elif isinstance(value, str) and (number := MESSAGE.fullmatch(value)):
        found = int(number[1])
    return found if found is not None and 1 <= found <= 10**9 else None


def _number(dimension: Dimension, text: str, finish_reason: str | None, logprobs: Any) -> Answer:
    """A number from the probabilities of its token, or from the text where those do not say it.

    They do not say it where the model may write a number in several tokens: then the first token's
    alternatives are digits of many numbers.
    """
    lo, hi = dimension.ends
    tokens = _tokens(logprobs)
    at = next((at for at, one in enumerate(tokens) if one["token"].strip()), None)
    found = _expected(tokens[at], lo, hi) if at is not None else None
    said = number_of(text, lo, hi)
    if found is not None and at is not None:
        whole = not any(DIGITS.search(one["token"]) for one in tokens[at + 1 :])
        if whole and (writes_whole_numbers(found, hi) or found.score is None):
            return _scored(dimension, found)
    kept = {} if found is None else {dimension.key: found}
    if not text.strip():
        return Answer(UNPARSEABLE, expected=kept, words="The answer is empty.")
    if finish_reason == "length" and DIGITS.search(text[-1]):
        return Answer(TRUNCATED, expected=kept, words="The answer was cut off where a number may go on.")
    if said is None:
        words = f"The answer is no whole number from {lo} to {hi}: {shown(text)}"
        return Answer(UNPARSEABLE, expected=kept, words=words)
    plain = plain_score(said)
    why = "gave no probabilities" if found is None else "may write a number in several tokens"
    words = f"The score is the plain answer: the endpoint {why}."
    return Answer(OK, {dimension.key: plain.score}, expected={dimension.key: plain}, words=words)


def _scored(dimension: Dimension, found: Expected) -> Answer:
    expected = {dimension.key: found}
    if found.score is not None:
        return Answer(OK, {dimension.key: found.score}, expected=expected)
    lo, hi = dimension.ends
    likeliest = max(found.others, key=found.others.__getitem__, default="")
    words = (
        f"Only {found.mass or 0:.2f} of the probability is on numbers from {lo} to {hi}; "
        f"the likeliest other word is {shown(likeliest)}"
    )
    return Answer(UNPARSEABLE, expected=expected, words=words)


def _expected(token: Mapping[str, Any], lo: int, hi: int) -> Expected | None:
    try:
        return expected_score(token["top_logprobs"], lo, hi)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def _tokens(logprobs: Any) -> list[dict[str, Any]]:
    """The answer's tokens that come with alternatives; none if what is given is not of that form."""
    listed = logprobs.get("content") if isinstance(logprobs, dict) else logprobs
    if not isinstance(listed, list):
        return []
    for one in listed:
        if not isinstance(one, dict) or not isinstance(one.get("token"), str):
            return []
        top = one.get("top_logprobs")
        if not isinstance(top, list) or not top:
            return []
    return listed


def shown(value: Any) -> str:
    """A value as a reason may repeat it: one line, and short."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    line = " ".join(clean_text(text).split())
    return f"“{line}”" if len(line) <= SHOWN else f"“{line[:SHOWN]}…”"


def words_of(answers: Iterable[Answer]) -> str:
    """The reasons of several answers, each once."""
    return " ".join(dict.fromkeys(answer.words for answer in answers if answer.words))
