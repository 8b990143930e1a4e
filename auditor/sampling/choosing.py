"""Which transcripts a run is about: those of a stored draw, or those that match a filter now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.corpus.models import Transcript, TranscriptQuerySet
from auditor.evidence.filters import Filter, matching
from auditor.evidence.queries import Sight
from auditor.sampling.models import Sample, SampleItem


@dataclass(frozen=True)
class Chosen:
    """A sample of the project, or a filter over it."""

    sample: Sample | None = None
    filter: Filter = field(default_factory=Filter)

    def to_json(self) -> dict[str, Any]:
        """What a run keeps of it."""
        return {"sample": self.sample.pk} if self.sample else {"filter": self.filter.to_json()}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Chosen":
        """What `to_json` kept.

        Raises:
            Sample.DoesNotExist: the draw is gone.
        """
        if "sample" in kept:
            return cls(sample=Sample.objects.defer("frame_ids").get(pk=kept["sample"]))
        return cls(filter=Filter.from_json(kept["filter"]))

    def in_words(self) -> str:
        """For people."""
        return f"the sample {self.sample.name}" if self.sample else self.filter.in_words()


def transcripts_of(chosen: Chosen, *, project_id: int, sight: Sight) -> tuple[TranscriptQuerySet, int]:
    """The transcripts meant, as far as `sight` may know which they are, and how many it may not.

    Raises:
        FilterError: the filter names what the project has not.
    """
    if chosen.sample is not None:
        items = SampleItem.objects.filter(sample=chosen.sample, sample__project=project_id)
        return Transcript.objects.of(project_id).filter(pk__in=items.values("transcript_id")), 0
    matched = matching(chosen.filter, project_id=project_id, sight=sight)
    return matched.rows, matched.left_out
