"""Which transcripts an address means, in the way that lists, samples and runs share."""

from django.http import HttpRequest

from auditor.accounts.models import Membership
from auditor.evidence.filters import Filter, FilterError
from auditor.sampling.choosing import Chosen
from auditor.sampling.queries import access_sample


def chosen_from(request: HttpRequest, membership: Membership) -> Chosen:
    """The sample that the address names, else what its filter matches.

    Raises:
        FilterError: the filter cannot be read, or the sample is no number.
        Http404: no such sample here.
    """
    named = request.GET.get("sample", "")
    if named:
        if not named.isdecimal() or len(named) > 18:
            raise FilterError("Choose a sample of this project.", parameter="sample")
        return Chosen(sample=access_sample(membership, int(named)))
    return Chosen(filter=Filter.from_query(request.GET))


def query_of(chosen: Chosen) -> str:
    """The address form of it, without a question mark."""
    return f"sample={chosen.sample.pk}" if chosen.sample is not None else chosen.filter.to_query()
