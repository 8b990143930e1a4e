"""A reviewer at the desk, as the desk's script speaks to the server: the real addresses, JSON, sessions."""

import json
import re
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Message
from labeling.queues.models import Item, Round

SAID = "The ledger shows no such payment, and nothing in the conversation could have told it otherwise. "


@dataclass
class Label:
    """How long each part of one label took, in ms."""

    blind: float  # sending the blind label
    reveal: float  # the page with the evidence, and thinking time beside it
    final: float  # sending the final label
    next: float  # the page of the next item

    @property
    def submit(self) -> float:
        """Submit and next: both labels, and the next item."""
        return self.blind + self.final + self.next


@dataclass
class Desk:
    """One reviewer and their browser. CSRF tokens are not checked; all other middleware runs."""

    project: Project
    round: Round
    reviewer: User
    client: Client = field(default_factory=Client)

    def sit_down(self) -> str:
        """Sign in and take the first item: its address, or the desk's when nothing is left."""
        self.client.force_login(self.reviewer)
        place = self.client.post(reverse("annotations:next", args=[self.project.slug, self.round.pk]))
        assert place.status_code == 302, place.status_code
        return place.headers["Location"]

    def label(self, place: str) -> tuple[str, Label]:
        """Label the item at `place` blind and finally: the next place, and the times."""
        content = label_of(item_at(place) or 0)
        _, blind = self._commit(place, {"stage": "blind", "base": 0, "active": 20, "content": content})
        reveal = self._get(place)
        there, final = self._commit(place, {"stage": "final", "base": 0, "active": 30, "content": content})
        return there, Label(blind, reveal, final, self._get(there))

    def _commit(self, place: str, body: dict[str, Any]) -> tuple[str, float]:
        sent = json.dumps(body)
        began = perf_counter()
        answer = self.client.post(
            f"{place}commit/", sent, content_type="application/json", headers={"HX-Request": "true"}
        )
        took = 1000 * (perf_counter() - began)
        assert answer.status_code == 204, (answer.status_code, answer.content[:2000])
        return answer.headers["HX-Redirect"], took

    def _get(self, place: str) -> float:
        began = perf_counter()
        answer = self.client.get(place)
        took = 1000 * (perf_counter() - began)
        assert answer.status_code == 200, (place, answer.status_code)
        return took


def item_at(place: str) -> int | None:
    """The id in an item's address; None where it is no item's."""
    found = re.search(r"/item/(\d+)/$", place)
    return int(found[1]) if found else None


def label_of(item_id: int) -> dict[str, Any]:
    """A label with a marked span and a reason, as a reviewer would send it for this item."""
    item = Item.objects.get(pk=item_id)
    text = Message.objects.get(transcript_id=item.transcript_id, position=1).text
    span = {"kind": "misleads", "position": 1, "part": "text", "start": 0, "end": 40, "quote": text[:40]}
    return {
        "answers": {"truth": "false", "access": "absent", "licence": "none"},
        "confidence": 4, "rationale": SAID * 2, "spans": [span],
    }  # fmt: skip
