"""Conditions in words, so that a reviewer can read the rules that name a label."""

from labeling.codebooks.conditions import (
    ALWAYS,
    All,
    Answered,
    AnyOf,
    Attached,
    Chosen,
    Condition,
    Named,
    Not,
)
from labeling.codebooks.parts import Codebook


def in_words(codebook: Codebook, condition: Condition) -> str:
    """The condition as one line of English; empty when it always holds."""
    return "" if condition == ALWAYS else _words(codebook, condition)


def _words(codebook: Codebook, condition: Condition) -> str:
    match condition:
        case Chosen(question=key, values=values):
            question = codebook.by_key[key]
            known = {code.value: code.words for code in question.codes}
            *others, last = (f"“{known.get(value, value)}”" for value in values)
            return f"{key} is {', '.join(others)} or {last}" if others else f"{key} is {last}"
        case Answered(question=key):
            return f"{key} is answered"
        case Attached(kinds=kinds):
            return "evidence attached: " + " or ".join(kind.replace("_", " ") for kind in kinds)
        case Named(name=name):
            return name.replace("_", " ")
        case Not(part=inner):
            return f"not ({_words(codebook, inner)})"
        case All(parts=parts):
            return " and ".join(_grouped(codebook, part) for part in parts)
        case AnyOf(parts=parts):
            return " or ".join(_grouped(codebook, part) for part in parts)
    raise TypeError(f"no words for {condition!r}")


def _grouped(codebook: Codebook, condition: Condition) -> str:
    words = _words(codebook, condition)
    several = isinstance(condition, All | AnyOf) and len(condition.parts) > 1
    return f"({words})" if several else words
