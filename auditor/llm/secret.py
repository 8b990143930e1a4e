"""A key in memory: where it must not be seen, it cannot be."""

LONGEST = 4000  # characters
SHORTEST_HIDDEN = 12  # characters; "EMPTY" and the like, which local servers take, are words and no secrets
HIDDEN = "[key]"


class Key:
    """A key that no print, log, traceback or template shows; `reveal` is called where it is sent, and nowhere else."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._text)

    def reveal(self) -> str:
        """The key itself."""
        return self._text

    def hide(self, words: str) -> str:
        """`words` without the key, should somebody have repeated it to us."""
        return words.replace(self._text, HIDDEN) if self._is_secret else words

    def hide_in(self, body: bytes) -> bytes:
        """The same for what came over the wire."""
        return body.replace(self._text.encode(), HIDDEN.encode()) if self._is_secret else body

    @property
    def _is_secret(self) -> bool:
        return len(self._text) >= SHORTEST_HIDDEN


def is_key(text: str) -> bool:
    """Whether it could be sent as a key: printable ASCII without spaces, quotes and backslashes."""
    return (
        bool(text) and len(text) <= LONGEST and all("!" <= char <= "~" and char not in '"\\' for char in text)
    )
