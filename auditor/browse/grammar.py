"""Help for the filter language: this project's names, and the nearest one put in the place of a wrong one."""

import re
from collections.abc import Iterable
from urllib.parse import urlencode

from django.http import QueryDict

from auditor.evidence.filters import FilterError
from auditor.evidence.language import name_text
from auditor.evidence.models import Channel
from auditor.evidence.names import conditions, metadata
from auditor.evidence.nodes import FIELDS, Name
from auditor.evidence.queries import Sight

FIELD_NAMES = [*FIELDS, "says"]
MOST = 60  # names of each kind
_HERE = re.compile(r"channel\s+\"[^\"]*\"|(?:[\w.:/@+-]|`[^`]*`|\"[^\"]*\"|'[^']*')+")


def names_for_help(project_id: int, sight: Sight, channels: Iterable[Channel]) -> dict[str, list[str]]:
    """The names that the project has, by kind, as they are written."""
    return {
        "Channels": [name_text(Name("channel", (channel.key,))) for channel in channels][:MOST],
        "Conditions": [name_text(Name("condition", (name,))) for name in conditions(project_id)][:MOST],
        "Metadata": [name_text(Name("meta", path)) for path in metadata(project_id, sight)][:MOST],
    }


def fix_of(query: QueryDict, problem: FilterError) -> str:
    """The address with the nearest name in the place of the one that is not there; nothing where none is near."""
    if problem.parameter not in ("where", "q") or not problem.nearest:
        return ""
    text = query.get(problem.parameter, "").strip()
    if problem.parameter == "q":
        match = re.compile(r"[^\s,]*").match(text, problem.position)
    else:
        match = _HERE.match(text, problem.position)
    if match is None:
        return ""
    mended = query.copy()
    mended[problem.parameter] = text[: match.start()] + problem.nearest + text[match.end() :]
    return "?" + urlencode([(name, value) for name, values in mended.lists() for value in values])
