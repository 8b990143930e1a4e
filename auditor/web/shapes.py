"""What the API takes: numbers that the database can hold, and text that it can store."""

import json
import re
from typing import Annotated, Any

from django.http import HttpRequest
from ninja.parser import Parser
from ninja.types import DictStrAny
from pydantic import Field

Id = Annotated[int, Field(ge=1, lt=1 << 63)]
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # what the database cannot keep


class Storable(Parser):
    """JSON bodies whose text can be stored; anything else is refused before it is looked at."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        """The body's data.

        Raises:
            ValueError: no JSON, a number that is none, or characters that cannot be stored.
        """
        data: DictStrAny = json.loads(request.body, parse_constant=_no_constant)
        if _unstorable(data):
            raise ValueError("characters that cannot be stored")
        return data


def _unstorable(data: Any) -> bool:
    if isinstance(data, str):
        return UNSTORABLE.search(data) is not None
    if isinstance(data, dict):
        return any(_unstorable(key) or _unstorable(value) for key, value in data.items())
    return isinstance(data, list) and any(_unstorable(value) for value in data)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")
