"""Which transcripts are near-duplicates of each other: signatures are made once and kept, groups are made of them."""

from collections.abc import Callable, Iterable

import numpy as np

from auditor.corpus.likeness import VERSION, groups, signature
from auditor.corpus.models import Signature
from auditor.corpus.queries import messages_of, texts_of

AT_ONCE = 100  # transcripts whose words are held while they are signed
STORED = "<u4"


def near_groups(
    transcript_ids: Iterable[int], *, beat: Callable[[int], None] | None = None
) -> dict[int, int]:
    """For each transcript the first (lowest id) of those here that it is connected with by likeness.

    Signatures that are not there yet are made and kept: half a millisecond a transcript of 4 KB, once. Memory: 256
    bytes a transcript.

    Args:
        beat: called with the number signed so far, after each hundred; may raise to stop there.
    """
    ids = sorted(set(transcript_ids))
    kept = Signature.objects.filter(transcript_id__in=ids, version=VERSION)
    known = {pk: np.frombuffer(value, STORED) for pk, value in kept.values_list("transcript_id", "value")}
    missing = [pk for pk in ids if pk not in known]
    for at in range(0, len(missing), AT_ONCE):
        made = {
            pk: signature(text for message in messages for text in texts_of(message).values())
            for pk, messages in messages_of(missing[at : at + AT_ONCE]).items()
        }
        Signature.objects.bulk_create(
            [Signature(transcript_id=pk, version=VERSION, value=one.astype(STORED).tobytes()) for pk, one in made.items()],
            update_conflicts=True, unique_fields=["transcript"], update_fields=["version", "value"],
        )  # fmt: skip
        known |= made
        if beat is not None:
            beat(at + len(made))
    return {pk: ids[first] for pk, first in zip(ids, groups([known[pk] for pk in ids]), strict=True)}
