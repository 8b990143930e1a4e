"""Why somebody gives an item back."""

REASONS = (
    ("language", "I do not read its language or subject"),
    ("known", "I know the case, or took part in it"),
    ("broken", "The transcript is broken or cut off"),
    ("codebook", "The codebook does not cover it"),
    ("distressing", "I would rather not read it"),
    ("other", "Something else"),
)
WORDS = dict(REASONS)
OTHER = "other"
ESCALATES_AT = 2  # people who gave the same item back


def why_escalated(skips: list[tuple[str, str]], left: int) -> str:
    """Why an adjudicator should look at an item that was given back, in words; empty while others may.

    Args:
        skips: reason and note of each person who gave it back.
        left: how many people could still take it.
    """
    if len(skips) < ESCALATES_AT and left:
        return ""
    said = [note or WORDS.get(reason, reason) for reason, note in skips]
    begins = f"Given back by {len(skips)}" if skips else "Nobody is left who could take it"
    if skips and not left and len(skips) < ESCALATES_AT:
        begins = "Given back, and nobody else is left who could take it"
    return f"{begins}{': ' if said else ''}{'; '.join(said)}"[:300]
