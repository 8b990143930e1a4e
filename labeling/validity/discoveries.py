"""Many features looked at at once: Benjamini and Hochberg's (1995) q values; no Django here."""

from collections.abc import Sequence


def q_values(p_values: Sequence[float | None]) -> list[float | None]:
    """For each p the least false discovery rate at which it would be among the discoveries.

    None stays None and is no part of the family.
    """
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    found: list[float | None] = [None] * len(p_values)
    least = 1.0
    for rank in range(len(known), 0, -1):
        p, at = known[rank - 1]
        least = min(least, p * len(known) / rank)
        found[at] = least
    return found
