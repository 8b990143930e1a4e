"""Why a decision is not taken; the messages are shown to people."""


class CannotRule(Exception):
    """The decision cannot be stored; the message says why."""


class Stale(CannotRule):
    """Labels or rulings have changed since the page was shown."""


class Occupied(CannotRule):
    """A colleague has the case open."""

    def __init__(self) -> None:
        super().__init__(
            "A colleague has this case open. You may look; ruling is theirs until they leave it."
        )
