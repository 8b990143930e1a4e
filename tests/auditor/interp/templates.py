"""Chat templates as plain functions: those that trim, leave out, escape, and those that cannot be followed."""

import json
from typing import Any

Messages = list[dict[str, Any]]


def chatml(messages: Messages) -> str:
    return "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)


def trims(messages: Messages) -> str:
    return "".join(f"<s>{m['role']}\n{m['content'].strip()}</s>\n" for m in messages)


def bare(messages: Messages) -> str:
    """Nothing at all between the texts."""
    return "".join(m["content"] for m in messages)


def thinks_last(messages: Messages) -> str:
    """Reasoning stands in the last turn alone, as Qwen's templates have it."""
    found = ""
    for index, m in enumerate(messages):
        thought = m.get("reasoning_content") if index == len(messages) - 1 else None
        found += f"[{m['role']}]" + (f"<think>\n{thought.strip(chr(10))}\n</think>\n\n" if thought else "")
        found += m["content"].lstrip("\n") + "[end]\n"
    return found


def calls_as_json(messages: Messages) -> str:
    found = ""
    for m in messages:
        found += f"[{m['role']}]{m['content']}"
        for call in m.get("tool_calls", ()):
            found += f"<call>{json.dumps(call['function']['arguments'], ensure_ascii=False)}</call>"
        found += "\n"
    return found


def calls_as_tags(messages: Messages) -> str:
    """Arguments one by one, as some write them: in no JSON."""
    found = ""
    for m in messages:
        found += f"[{m['role']}]{m['content']}"
        for call in m.get("tool_calls", ()):
            for name, value in call["function"]["arguments"].items():
                found += f"<{name}>{value}</{name}>"
        found += "\n"
    return found


def quotes_tools(messages: Messages) -> str:
    return "".join(
        f"[{m['role']}]"
        + (json.dumps(m["content"], ensure_ascii=False) if m["role"] == "tool" else m["content"])
        for m in messages
    )


def shouts(messages: Messages) -> str:
    """Changes what was said."""
    return "".join(f"[{m['role']}]{m['content'].upper()}" for m in messages)


def peeks(messages: Messages) -> str:
    """Writes something else around some words."""
    return "".join(
        f"[{m['role']}]" + ("(a question) " if m["content"].endswith("?") else "") + m["content"]
        for m in messages
    )


def refuses(messages: Messages) -> str:
    raise ValueError("Conversation roles must alternate")
