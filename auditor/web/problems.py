"""What the API says when it refuses: RFC 9457 problem documents, with the field and the reason."""

from typing import Any


class Problem(Exception):
    """A refusal: an HTTP status, a reason for people, and the field that it is about."""

    def __init__(self, status: int, reason: str, *, field: str = "", **more: Any) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.field = field
        self.more = more  # members of the document besides the usual ones, JSON-clean

    def plain(self) -> dict[str, Any]:
        """The document."""
        errors = [{"field": self.field, "reason": self.reason}] if self.field else []
        return {**problem(self.status, self.reason, errors), **self.more}


TITLES = {
    400: "This is not a request",
    401: "A token is needed",
    403: "The token does not reach so far",
    404: "Not found",
    405: "This address does not take that method",
    409: "Something has changed since",
    413: "Too large",
    422: "This cannot be done as asked",
    429: "Too many tries",
}


def problem(status: int, reason: str, errors: list[dict[str, str]]) -> dict[str, Any]:
    """A problem document; `errors` name a field and a reason each."""
    return {
        "type": "about:blank",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "detail": reason,
        "errors": errors,
    }
