"""Signatures of webhook messages: whoever has the secret can tell that we wrote them, and when.

    Auditor-Signature: v1=hex(HMAC-SHA256(secret, "TIMESTAMP." + body))      Auditor-Timestamp: TIMESTAMP

The time stands inside what is signed, so an old message cannot be sent again as a new one.
"""

import hashlib
import hmac

TOLERANCE = 300  # seconds by which a receiver's clock and ours may differ


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The value of `Auditor-Signature`."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return "v1=" + signed.hexdigest()


def verify(
    secret: str, timestamp: str, given: str, body: bytes, *, now: float, tolerance: int = TOLERANCE
) -> bool:
    """Whether a message that came with these headers was signed with the secret, of late."""
    if not timestamp.isascii() or not timestamp.isdecimal() or abs(now - int(timestamp)) > tolerance:
        return False
    return hmac.compare_digest(signature(secret, int(timestamp), body).encode(), given.encode())
