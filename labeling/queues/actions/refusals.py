"""What the verbs of rounds refuse."""


class CannotOpen(ValueError):
    """The round cannot be opened like this; the message says why."""


class CannotChange(ValueError):
    """The round cannot be changed like this; the message says why."""


class RoundClosed(Exception):
    """The round is over, or the person is not one of its reviewers."""


class Paused(RoundClosed):
    """Nothing is handed out now: the round is paused, or this reviewer is."""


class LeaseLost(Exception):
    """The slot was given to somebody else in the meantime."""
