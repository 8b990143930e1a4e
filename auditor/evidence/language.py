"""The filter language: what can be said of a transcript, as text and as a tree.

    judge.gpt5 >= 70 and model = "x" and not labeled
    meta.task.difficulty in ("hard", "extreme") or condition.arm != "control"
    says "\\"the same reference\\" -refusal" and has judge.gpt5 and imported > "2026-11-01"

    expression: either ("or" either)*          either: one ("and" one)*
    one:        "not" one | "(" expression ")" | "has" NAME | "says" TEXT | FLAG | NAME comparison
    comparison: (= != < <= > >=) VALUE | [not] in (VALUE, ...) | between VALUE and VALUE
                | contains TEXT | startswith TEXT

A comparison holds only where there is a value; `not` turns that exactly round. `x != 1` is
`has x and not x = 1`. Pure: which channels, conditions and metadata there are is asked when it is compiled.
"""

import re
from datetime import datetime
from functools import lru_cache

from auditor.evidence.nodes import (
    FIELDS,
    KEYWORDS,
    And,
    Between,
    Compare,
    Flag,
    Has,
    Name,
    Node,
    Not,
    OneOf,
    Or,
    Says,
    Sort,
    Value,
    name_text,
    names_in,
    to_text,
)  # fmt: skip
from auditor.evidence.tokens import FilterError, Token, as_quoted, fault, nearest, tokens

__all__ = ["FilterError", "Node", "moment", "name_of", "name_text", "names_in", "parse", "to_text"]

DEEPEST = 50  # brackets and nots within each other
MOST_VALUES = 100  # in one list
MOST_SEGMENTS = 12  # of a metadata path
ORDER = ("<", "<=", ">", ">=")
YEARS = (1970, 2200)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2})?")
SAID = {
    "text": "text in quotes", "code": "a label in quotes", "number": "a number", "date": 'a day such as "2026-11-20"',
    "batch": "an import's number, or its name in quotes", "condition": "text in quotes",
    "channel": "a number, or a label in quotes", "meta": "a value",
}  # fmt: skip


@lru_cache(maxsize=256)
def parse(text: str) -> Node:
    """The tree of an expression; trees never change, and a page asks for its own several times.

    Raises:
        FilterError: with the position, in code points from 0 to the length of the text.
    """
    reader = _Reader(tokens(text))
    node = reader.expression(0)
    if reader.here.kind != "end":
        raise fault(f"Expected and, or, or the end; not {reader.here.shown}.", reader.here.position)
    return node


def name_of(text: str) -> Name:
    """A name alone, as it stands in an expression.

    Raises:
        FilterError: it is not one name.
    """
    reader = _Reader(tokens(text))
    name = reader.name()
    if reader.here.kind != "end":
        raise fault("A name, and nothing after it.", reader.here.position)
    return name


class _Reader:
    """Recursive descent; one method a rule of the grammar."""

    def __init__(self, read: list[Token]) -> None:
        self._tokens, self._at = read, 0

    @property
    def here(self) -> Token:
        """The piece that comes next."""
        return self._tokens[self._at]

    def expression(self, depth: int) -> Node:
        """Alternatives."""
        nodes = [self._both(depth)]
        while self._took("or"):
            nodes.append(self._both(depth))
        return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))

    def _both(self, depth: int) -> Node:
        nodes = [self._one(depth)]
        while self._took("and"):
            nodes.append(self._one(depth))
        return nodes[0] if len(nodes) == 1 else And(tuple(nodes))

    def _one(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise fault(f"Brackets stand at most {DEEPEST} deep.", self.here.position)
        if self._took("not"):
            return Not(self._one(depth + 1))
        if self._took_sign("("):
            node = self.expression(depth + 1)
            self._expect(")")
            return node
        if self._took("has"):
            name = self.name()
            if name.sort in ("flag", "date", "batch") or name.path == ("chars",):
                raise fault(f"Every transcript has {name.path[0]}; compare it instead.", name.position)
            return Has(name)
        if self._took("says"):
            return self._says()
        if self.here.word == "text":
            self._next()
            self._expect("=")
            return self._says()
        name = self.name()
        return self._flag(name) if name.sort == "flag" else self._comparison(name)

    def _says(self) -> Says:
        token = self._next()
        if token.kind != "text" or not token.text.strip():
            raise fault("Expected the words to look for, in quotes.", token.position)
        return Says(_storable(token), token.position)

    def _flag(self, name: Name) -> Node:
        """Alone, or compared with true or false."""
        if self.here.kind == "sign" and self.here.text in ("=", "!="):
            equal = self._next().text == "="
            token = self._next()
            if token.word not in ("true", "false"):
                raise fault(f"{name.path[0]} is true or false.", token.position)
            return Flag(name) if (token.word == "true") == equal else Not(Flag(name))
        return Flag(name)

    def _comparison(self, name: Name) -> Node:
        token = self._next()
        if token.kind == "sign" and token.text in ("=", "!=", *ORDER):
            if token.text in ORDER and name.sort in ("text", "code", "condition", "batch"):
                raise fault(f"{name_text(name)} has no order; use = or in.", token.position)
            return Compare(name, token.text, self._value(name, ordered=token.text in ORDER))
        if token.word in ("contains", "startswith"):
            if name.sort in ("number", "date", "code"):
                raise fault(f"{name_text(name)} is {SAID[name.sort]}; use = or in.", token.position)
            value = self._value(name)
            if value.kind != "text":
                raise fault(f"Expected text in quotes after {token.word}.", value.position)
            return Compare(name, token.word, value)
        if token.word == "between":
            if name.sort in ("text", "code", "condition", "batch"):
                raise fault(f"{name_text(name)} has no order; use = or in.", token.position)
            lo = self._value(name, ordered=True)
            if not self._took("and"):
                raise fault("Expected and: between 1 and 2.", self.here.position)
            hi = self._value(name, ordered=True)
            if lo.kind != hi.kind:
                raise fault("Both ends must be of one kind.", hi.position)
            return Between(name, lo, hi)
        if token.word == "in" or (token.word == "not" and self.here.word == "in"):
            if token.word == "not":
                self._next()
            return OneOf(name, self._values(name), negated=token.word == "not")
        word = name_text(name)
        raise fault(
            f"Expected a comparison after {word}, such as {word} = …; or has {word}.",
            token.position,
            _near_keyword(token),
        )

    def _values(self, name: Name) -> tuple[Value, ...]:
        self._expect("(")
        values = [self._value(name)]
        while self._took_sign(","):
            values.append(self._value(name))
            if len(values) > MOST_VALUES:
                raise fault(f"A list has at most {MOST_VALUES} values.", values[-1].position)
        self._expect(")")
        return tuple(values)

    def _value(self, name: Name, *, ordered: bool = False) -> Value:
        """A value of a kind that fits the name."""
        token = self._next()
        if token.kind == "text":
            value = Value("text", _storable(token), token.position)
        elif token.kind == "number":
            value = Value("number", token.number, token.position)
        elif token.word in ("true", "false"):
            value = Value("boolean", token.word == "true", token.position)
        elif token.word == "null":
            value = Value("null", None, token.position)
        elif token.kind == "name":
            raise fault(f"Put {token.shown} in quotes.", token.position, as_quoted(token.text))
        else:
            raise fault(f"Expected {SAID[name.sort]}, not {token.shown}.", token.position)
        if not _fits(name, value, ordered):
            raise fault(f"{name_text(name)} is compared with {_wanted(name, ordered)}.", token.position)
        return value

    def name(self) -> Name:
        """What stands here, if it can be compared."""
        token = self._next()
        if token.kind != "name":
            raise fault(f"Expected a name, not {token.shown}.", token.position)
        first = token.path[0].lower() if not token.quoted else ""
        if first == "channel" and len(token.path) == 1:
            key = self._next()
            if key.kind not in ("text", "name") or not key.text or "\0" in key.text:
                raise fault("Expected a channel's key, in quotes, after channel.", key.position)
            return Name("channel", (key.text if key.kind == "text" else ".".join(key.path),), token.position)
        if first in ("condition", "cond", "meta"):
            sort: Sort = "meta" if first == "meta" else "condition"
            return self._under(token, sort)
        if token.word in FIELDS:
            return Name(FIELDS[token.word], (token.word,), token.position)
        if token.word in KEYWORDS:
            raise fault(f"Expected a name, not {token.shown}.", token.position)
        if token.path == ("",):
            raise fault("A channel's name has at least one character.", token.position)
        return Name("channel", (".".join(token.path),), token.position)

    def _under(self, token: Token, sort: Sort) -> Name:
        path = token.path[1:]
        if not path:
            raise fault(f"Say which: {token.path[0]}.NAME.", token.end)
        if len(path) > MOST_SEGMENTS:
            raise fault(f"A path has at most {MOST_SEGMENTS} names.", token.position)
        if sort == "condition":
            path = (".".join(path),)
        return Name(sort, path, token.position)

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _took(self, word: str) -> bool:
        if self.here.word != word:
            return False
        self._next()
        return True

    def _took_sign(self, sign: str) -> bool:
        if self.here.kind != "sign" or self.here.text != sign:
            return False
        self._next()
        return True

    def _expect(self, sign: str) -> None:
        if not self._took_sign(sign):
            raise fault(f"Expected {sign} here, not {self.here.shown}.", self.here.position)


def _near_keyword(token: Token) -> str:
    return nearest(token.word, ("contains", "startswith", "between", "in")) if token.word else ""


def _storable(token: Token) -> str:
    """Text that the database can hold."""
    if "\0" in token.text or any("\ud800" <= character <= "\udfff" for character in token.text):
        raise fault("That text holds a character that no transcript can hold.", token.position)
    return token.text


def _fits(name: Name, value: Value, ordered: bool) -> bool:
    match name.sort:
        case "number":
            return value.kind == "number"
        case "date":
            return value.kind == "text" and moment(str(value.value)) is not None
        case "batch":
            return value.kind == "text" or (value.kind == "number" and isinstance(value.value, int))
        case "channel":
            return value.kind == "number" or (value.kind == "text" and not ordered)
        case "meta":
            return value.kind in ("number", "text") or not ordered
        case _:
            return value.kind == "text"


def _wanted(name: Name, ordered: bool) -> str:
    if ordered:
        return {"channel": "a number", "meta": "a number or text in quotes"}.get(name.sort, SAID[name.sort])
    return SAID[name.sort]


def moment(text: str) -> datetime | None:
    """A day, or a minute of it, without a zone; None where it is neither."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if YEARS[0] <= read.year <= YEARS[1] else None
