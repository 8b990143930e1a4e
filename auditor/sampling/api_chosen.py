"""Which transcripts a run is about, as the bodies of the API's calls say it."""

from django.http import Http404, QueryDict
from ninja import Schema
from pydantic import Field

from auditor.evidence.filters import Filter, FilterError
from auditor.sampling.choosing import Chosen
from auditor.sampling.models import Sample
from auditor.web.problems import Problem
from auditor.web.shapes import Id


class ChosenIn(Schema):
    """Which transcripts: those of a sample, or those that match a filter now."""

    sample: Id | None = None
    filter: str = Field("", max_length=8000, description="As in the list's address: q=…&where=…")


def chosen_in(said: ChosenIn, project_id: int) -> Chosen:
    """Which transcripts a body means.

    Raises:
        Problem: both a sample and a filter, a filter that cannot be read (422).
        Http404: no such sample here.
    """
    if said.sample is not None:
        if said.filter:
            raise Problem(422, "Give a sample or a filter, not both.", field="filter")
        sample = Sample.objects.filter(pk=said.sample, project=project_id).first()
        if sample is None:
            raise Http404("no such sample")
        return Chosen(sample=sample)
    try:
        return Chosen(filter=Filter.from_query(QueryDict(said.filter)))
    except FilterError as problem:
        raise Problem(422, str(problem), field="filter") from problem
