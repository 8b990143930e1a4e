"""Keys of endpoints: sealed at rest under the installation's own secret, and never shown by accident."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

from auditor.llm.secret import Key

PURPOSE = b"auditor.llm: keys of endpoints, 1"


class KeyUnreadable(Exception):
    """The key was sealed under another AUDITOR_SECRET_KEY, as after a restore elsewhere: it must be entered anew."""


def seal(text: str) -> bytes:
    """What is stored of a key; empty for none."""
    return _box().encrypt(text.encode()) if text else b""


def unseal(sealed: bytes | memoryview) -> Key:
    """The key that was sealed.

    Raises:
        KeyUnreadable: it was sealed under another secret.
    """
    if not sealed:
        return Key("")
    try:
        return Key(_box().decrypt(bytes(sealed)).decode())
    except InvalidToken as problem:
        raise KeyUnreadable(
            "The key of this endpoint was sealed under another AUDITOR_SECRET_KEY. Enter it again."
        ) from problem


def _box() -> MultiFernet:
    """Seals under today's secret; opens what was sealed under those that it replaced, too."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(secret)) for secret in secrets])


def _derived(secret: str | bytes) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(force_bytes(secret))
    return base64.urlsafe_b64encode(key)
