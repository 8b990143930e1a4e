"""That no veil lies on a transcript, as a condition of a statement."""

from django.db.models import BooleanField, F, Func, Value

# What `Exists` over the veils says, which takes five times as long to be made into a statement.
NO_VEIL = """NOT EXISTS (SELECT FROM evidence_veil veil
    WHERE (veil.transcript_id, veil.person_id, veil.scope) = (%(expressions)s) AND veil.lifted_at IS NULL)"""


def no_veil(field: str, person_id: int, scope: str) -> Func:
    """For rows whose `field` is a transcript's id: that evidence of this scope on it is not hidden from the person."""
    return Func(F(field), Value(person_id), Value(scope), template=NO_VEIL, output_field=BooleanField())
