"""What a reviewer's browser sends to the desk."""

import json
import re
from typing import Any

from django.test import Client
from django.urls import reverse

from auditor.accounts.models import Project, User
from labeling.queues.actions import take_next
from labeling.queues.models import Item, Round

HONEST: dict[str, Any] = {"answers": {"truth": "true"}}
CANARY = re.compile("canary[a-z]+")


def address(name: str, project: Project, pk: int) -> str:
    return reverse(f"annotations:{name}", args=[project.slug, pk])


def on_desk(round: Round, reviewer: User) -> Item:
    lease = take_next(round=round, reviewer=reviewer)
    assert lease is not None
    return Item.objects.select_related("transcript", "round__project").get(pk=lease.item_id)


def send(browser: Client, item: Item, name: str, **data: Any) -> Any:
    url = address(name, item.round.project, item.pk)
    body = {"stage": "blind", "base": 0, "content": HONEST, **data}
    return browser.post(
        url, json.dumps(body), content_type="application/json", headers={"HX-Request": "true"}
    )


def ahead(browser: Client, item: Item) -> dict[str, str]:
    """Where the item after this one is, and its page; empty where nothing is left."""
    answer = browser.post(address("ahead", item.round.project, item.pk))
    assert answer.status_code in (200, 204), answer.status_code
    found: dict[str, str] = answer.json() if answer.status_code == 200 else {}
    return found
