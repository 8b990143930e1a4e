"""What a reviewer's browser sends to the desk."""

import json
import re
from typing import Any

from django.db import transaction
from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.corpus.models import Transcript
from auditor.corpus.records import ParsedMessage
from auditor.evidence.actions import CitedQuote
from auditor.evidence.models import Channel
from auditor.evidence.tracks import NewTrack, write_tracks
from labeling.queues.actions import take_next
from labeling.queues.models import Item, Round
from tests import make

HONEST: dict[str, Any] = {"answers": {"truth": "true"}}
CANARY = re.compile("canary[a-z]+")


def address(name: str, project: Project, pk: int) -> str:
    return reverse(f"annotations:{name}", args=[project.slug, pk])


def on_desk(round: Round, reviewer: User) -> Item:
    lease = take_next(round=round, reviewer=reviewer)
    assert lease is not None
    return Item.objects.select_related("transcript", "round__project").get(pk=lease.item_id)


def send(browser: Client, item: Item, name: str, *, part: str = "", **data: Any) -> Any:
    """As the desk's script sends it; with `part`, the answer may bring what stands in place of the page."""
    url = address(name, item.round.project, item.pk)
    body = {"stage": "blind", "base": 0, "content": HONEST, **data}
    headers = {"HX-Request": "true"} | ({"Desk-Part": part} if part else {})
    return browser.post(url, json.dumps(body), content_type="application/json", headers=headers)


def ahead(browser: Client, item: Item) -> dict[str, str]:
    """Where the item after this one is, and its page; empty where nothing is left."""
    answer = browser.post(address("ahead", item.round.project, item.pk))
    assert answer.status_code in (200, 204), answer.status_code
    found: dict[str, str] = answer.json() if answer.status_code == 200 else {}
    return found


def lose(item: Item) -> None:
    """It went to others while it lay on somebody's desk, so that their label comes late."""
    item.leases.update(state="released", reason="dropped")
    item.assignments.update(is_open=False)


def plant(project: Project) -> Transcript:
    """A transcript whose every piece of evidence carries a word that must not be seen while blind."""
    transcript = make.transcript(
        project,
        [ParsedMessage(role="assistant", text="I checked it.", model="canarymessagemodel")],
        external_id="canaryname", model="canarymodel", conditions={"arm": "canarycondition"},
        metadata={"score": "canarymetadata"},
    )  # fmt: skip
    channels = Channel.objects.filter(project=project)
    judge = channels.filter(key="judge.canarykey").first() or make.channel(
        project, "judge.canarykey", name="canarychannel", notice="canarynotice"
    )
    make.reading(
        judge, transcript, 0.7, label="canarylabel", explanation="canaryexplanation",
        quotes=(CitedQuote("I checked"), CitedQuote("canaryquote")),
    )  # fmt: skip
    probe = channels.filter(key="probe.canaryprobe").first() or make.channel(
        project, "probe.canaryprobe", kind="probe", name="canarytrack", unit="token", lo=0.0, hi=1.0
    )
    with transaction.atomic():
        write_tracks(
            tracks=[NewTrack(probe, transcript.pk, 0, "text", [0, 2], [1, 9], [0.1, 0.9])], source="test"
        )
    return transcript
