"""Reasoning is spelled in many ways; here all of them become one text.

Known spellings: `reasoning_content`, `reasoning`, `reasoning_details[]` (of which one record often
carries several copies of the same words), and `<think>…</think>` at the start of the content.
"""

import re
from collections.abc import Mapping
from typing import Any

_THINK = re.compile(r"\s*<think>(.*?)(</think>\s*|\Z)", re.DOTALL)
FIELDS = ("reasoning_content", "reasoning", "reasoning_details")


def declared_reasoning(message: Mapping[str, Any], notes: list[str]) -> str:
    """The reasoning a message declares in any of `FIELDS`, each wording once."""
    texts: list[str] = []
    for name in FIELDS:
        text = reasoning_text(message.get(name), notes)
        if text and not any(text in known for known in texts):
            texts.append(text)
    return "\n\n".join(texts)


def split_inline(content: str, notes: list[str]) -> tuple[str, str]:
    """(reasoning, rest) of a content that may begin with `<think>`.

    An unclosed `<think>` makes all of it reasoning: the model ran out of tokens while thinking.
    """
    if "<think>" not in content[:1000]:
        return "", content
    found = _THINK.match(content)
    if found is None:
        return "", content
    if not found[2]:
        notes.append("a <think> is never closed: everything after it is kept as reasoning")
    return found[1].strip("\n"), content[found.end() :]


def reasoning_text(value: Any, notes: list[str]) -> str:
    """The words in a reasoning value: a string, an object with text, or a list of these."""
    if isinstance(value, str):
        return value
    items = value if isinstance(value, list) else [value] if isinstance(value, Mapping) else []
    texts = []
    for item in items:
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, Mapping):
            text = next(
                (item[key] for key in ("text", "summary", "content") if isinstance(item.get(key), str)), ""
            )
            if text:
                texts.append(text)
            elif item.get("data"):
                notes.append("encrypted reasoning is kept in the source file only")
    return "\n".join(texts)
