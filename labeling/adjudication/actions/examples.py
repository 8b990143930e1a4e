"""A ruling as an example in the codebook, so that the next case like it needs no adjudicator."""

from django.db import transaction

from auditor.accounts.models import User
from auditor.evidence.queries import MACHINE, veiled_people
from labeling.adjudication.actions.refusals import CannotRule
from labeling.adjudication.models import Ruling
from labeling.codebooks.actions import add_example
from labeling.codebooks.models import CodebookDraft
from labeling.codebooks.node import CodebookError

STILL_BLIND = (
    "Somebody has still to label this transcript blind, and an example would tell them the answer. "
    "Add it once they have, or once their round is closed."
)


def make_example(*, ruling: Ruling, excerpt: str, actor: User) -> CodebookDraft:
    """Add the ruling to the codebook's draft: `excerpt` as the case, the ruling's reason as the why.

    Raises:
        CannotRule: no words, a ruling without a reason, somebody who is still blind on the
            transcript, or the codebook has no such label any more.
    """
    excerpt = excerpt.strip()
    if not excerpt:
        raise CannotRule("Write the case of the example in a few words.")
    if not ruling.reason:
        raise CannotRule("A rule gave this ruling, without a reason that an example could name.")
    item = ruling.item
    with transaction.atomic():
        if veiled_people(item.transcript_id, MACHINE):
            raise CannotRule(STILL_BLIND)
        try:
            return add_example(
                codebook=ruling.codebook_version.codebook, label=ruling.label, case=excerpt,
                because=ruling.reason, actor=actor, source=f"ruling {ruling.number} on item {item.pk}",
            )  # fmt: skip
        except CodebookError as problem:
            raise CannotRule(str(problem)) from problem
