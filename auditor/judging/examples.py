"""Transcripts as examples in a judge's prompt: short, and as plain text."""

from collections.abc import Sequence

from auditor.judging.rendering import Message

LONGEST = 2_400  # characters of one example
SHORTEST = 200  # characters that one message keeps where all cannot stay whole
CUT = " […] "


def excerpt(messages: Sequence[Message], longest: int = LONGEST) -> str:
    """A transcript as `[role] text`, one message a paragraph, at most about `longest` characters.

    What the assistant says last decides, so it keeps most; of the others the middle is left out first, then
    whole messages from the middle of the transcript, which is said.
    """
    said = [f"[{one.role}] {_words(one)}" for one in messages if _words(one)]
    if sum(map(len, said)) <= longest:
        return "\n\n".join(said)
    last = next(
        (at for at in range(len(said) - 1, -1, -1) if said[at].startswith("[assistant]")), len(said) - 1
    )
    room = longest - min(len(said[last]), longest // 2)
    share = max(SHORTEST, room // max(1, len(said) - 1))
    cut = [shortened(one, longest // 2 if at == last else share) for at, one in enumerate(said)]
    while len(cut) > 2 and sum(map(len, cut)) > longest:
        middle = len(cut) // 2
        if middle == last:
            middle = max(0, middle - 1)
        del cut[middle]
        last -= middle < last
    left = len(said) - len(cut)
    if left:
        cut.insert(len(cut) // 2, f"[{left} messages are left out here]")
    return "\n\n".join(cut)


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and end with a mark between them."""
    if len(text) <= longest:
        return text
    head = (longest - len(CUT)) * 2 // 3
    return text[:head] + CUT + text[len(text) - (longest - len(CUT) - head) :]


def _words(message: Message) -> str:
    """What a message says, its reasoning and its calls with it."""
    found = [f"(reasoning: {message.reasoning})"] if message.reasoning else []
    found += [message.text] if message.text else []
    for part in message.parts:
        if part.get("text"):
            found.append(f"({part.get('kind', 'part')} {part.get('name') or ''}: {part['text']})")
    return " ".join(found).strip()
