"""Why a run of calls ended before its calls did; all that had been answered is stored by then."""


class Stopped(Exception):
    """No more calls are sent; the message says why, for people."""


class EndpointDown(Stopped):
    """The endpoint does not answer, or refuses the key, or was put away."""


class BudgetSpent(Stopped):
    """The next call could cost more than the budget allows."""


class NoPrice(Stopped):
    """A budget cannot be kept where a price is not known; nothing was sent."""
