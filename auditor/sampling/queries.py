"""Questions about samples."""

import zlib

import numpy as np
from django.db.models import Count, QuerySet
from numpy.typing import NDArray

from auditor.sampling.models import Sample


def samples_of(project_id: int) -> QuerySet[Sample]:
    """The samples of a project, newest first, with the number of items drawn."""
    rows = Sample.objects.filter(project_id=project_id).select_related("created_by").defer("frame_ids")
    return rows.annotate(n_items=Count("items")).order_by("-pk")


def frame_of(sample: Sample) -> NDArray[np.int64]:
    """The ids of every transcript the sample was drawn from, sorted; shape (frame_size,)."""
    return np.frombuffer(zlib.decompress(sample.frame_ids), dtype="<i8").astype(np.int64)
