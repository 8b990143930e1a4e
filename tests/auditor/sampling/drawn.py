"""What the tests of draws ask of a sample."""

from auditor.sampling.designs.design import By
from auditor.sampling.models import Sample

QUILL = By("channel", channels=("judge.quill",), bins=3)


def ids(sample: Sample) -> set[int]:
    return set(sample.items.values_list("transcript_id", flat=True))


def odds(sample: Sample) -> dict[int, float]:
    return dict(sample.items.values_list("transcript_id", "probability"))


def overall(sample: Sample) -> dict[int, float | None]:
    return dict(sample.items.values_list("transcript_id", "overall"))
