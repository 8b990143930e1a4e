"""What stands in the way of a release."""


class CannotRelease(ValueError):
    """The release cannot be made, changed or removed like this; the message says why, `field` which part is meant."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field
