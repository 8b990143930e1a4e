"""What channels of machines said of many transcripts, as plain values: a release reads millions."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from auditor.corpus.queries import array_text
from auditor.evidence.veils import NO_VEIL

SAID = f"""
SELECT r.id, r.channel_id, r.transcript_id, r.position, r.part, r.start, r."end", r.identifier, r.value, r.label, r.explanation,
    r.detail::text
FROM evidence_reading r JOIN evidence_channel c ON c.id = r.channel_id
WHERE r.transcript_id = ANY(%(transcripts)s::bigint[]) AND r.created_at <= %(moment)s
    AND (r.superseded_at IS NULL OR r.superseded_at > %(moment)s) AND c.kind <> 'human'
    AND {NO_VEIL % {"expressions": "r.transcript_id, %(person)s, 'machine'"}}
ORDER BY r.id
"""  # noqa: S608 - made of constants
QUOTED = """
SELECT reading_id, text, status, position, part, start, "end" FROM evidence_quote
WHERE reading_id = ANY(%s::bigint[]) ORDER BY id
"""


@dataclass(slots=True)
class Spoken:
    """A reading as plain values, with the words that it cites."""

    pk: int
    channel_id: int
    transcript_id: int
    position: int | None
    part: str
    start: int | None  # code points
    end: int | None
    identifier: str
    value: float | None
    label: str
    explanation: str
    detail: Any
    quotes: list[dict[str, Any]] = field(default_factory=list)


def spoken_at(person_id: int, transcript_ids: Iterable[int], moment: datetime) -> list[Spoken]:
    """What was current at a moment and is not veiled from the person now, oldest first; two statements in all."""
    asked: dict[str, Any] = {"transcripts": array_text(transcript_ids), "moment": moment, "person": person_id}
    with connection.cursor() as cursor:
        cursor.execute(SAID, asked)
        found = {row[0]: Spoken(*row) for row in cursor.fetchall()}
        for one in found.values():
            one.detail = {} if one.detail == "{}" else json.loads(one.detail)  # most say no more
        cursor.execute(QUOTED, [array_text(found)])
        for reading, text, status, position, part, start, end in cursor.fetchall():
            words = {"text": text, "status": status}
            found[reading].quotes.append(
                {**words, "position": position, "part": part, "start": start, "end": end}
            )
    return list(found.values())
