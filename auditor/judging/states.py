"""How an answer can end. Only one of these has values; the others are told apart, counted and shown."""

OK, REFUSED, UNPARSEABLE, TRUNCATED = "ok", "refused", "unparseable", "truncated"
TIMED_OUT, FAILED, WAITING, MISSING = "timed_out", "failed", "waiting", "missing"
ANSWERED = (OK, REFUSED, UNPARSEABLE, TRUNCATED)  # there was a reply

IN_WORDS = {
    OK: "answered",
    REFUSED: "refused",
    UNPARSEABLE: "unparseable",
    TRUNCATED: "cut off",
    TIMED_OUT: "timed out",
    FAILED: "failed",
    WAITING: "waiting",
    MISSING: "missing",
}
WORST_FIRST = (
    FAILED,
    TIMED_OUT,
    REFUSED,
    TRUNCATED,
    UNPARSEABLE,
    WAITING,
    MISSING,
    OK,
)  # which one speaks for several
