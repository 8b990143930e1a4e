"""People at their browsers: the steps that the story tests share, each through HTTP."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from auditor.corpus.models import Transcript
from auditor.runs.models import Run
from labeling.queues.models import Item

PASSWORD = "a sentence to remember"
Label = Callable[[Transcript], Mapping[str, Any]]


class Person:
    """One browser, in one project."""

    def __init__(self, client: Client, slug: str = "") -> None:
        self.client = client
        self.slug = slug

    def address(self, name: str, *args: object) -> str:
        """The address of a page of the project."""
        return reverse(name, args=[self.slug, *args])

    def sees(self, name: str, *args: object, query: str = "") -> str:
        """The text of a page, which must be there."""
        response = self.client.get(self.address(name, *args) + query)
        assert response.status_code == 200, (name, response.status_code)
        return response.content.decode()

    def sends(self, name: str, *args: object, data: Mapping[str, Any], query: str = "") -> HttpResponse:
        """A form sent, answered by the page that follows."""
        response = self.client.post(self.address(name, *args) + query, data)
        assert response.status_code == 302, (name, response.status_code, problems(response))
        return response


def problems(response: HttpResponse) -> list[str]:
    """The errors a page shows."""
    return re.findall(
        r'class="error"[^>]*>([^<]+)|class="notice bad"[^>]*>\s*(?:<p>)?([^<]+)', response.content.decode()
    )  # type: ignore[return-value]


def joins(owner: Person, name: str, role: int) -> Person:
    """Invited by link, somebody new sets a password and is in."""
    page = owner.client.post(owner.address("accounts:invite"), {"role": role}).content.decode()
    link = re.search(r"http://testserver(/invitation/[\w-]+/)", page)
    assert link is not None
    client = Client()
    answer = client.post(
        link[1], {"name": name, "email": f"{name.lower()}@example.org", "password": PASSWORD}
    )
    assert answer.status_code == 302
    return Person(client, owner.slug)


def imports(manager: Person, name: str, data: bytes, mapping: Mapping[str, Any] | None = None) -> Run:
    """Upload, look, confirm; the run when it is over."""
    kept = manager.sends("intake:upload", data={"file": SimpleUploadedFile(name, data)})
    look = kept.headers["Location"]
    assert manager.client.get(look).status_code == 200
    form = _mapping_fields(mapping) if mapping else {}
    started = manager.client.post(look, form)
    assert started.status_code == 302, problems(started)
    return Run.objects.get(pk=int(started.headers["Location"].rstrip("/").rsplit("/", 1)[1]))


def _mapping_fields(mapping: Mapping[str, Any]) -> dict[str, Any]:
    scores = mapping.get("scores", [])
    fields: dict[str, Any] = {
        "format": "mapped_jsonl",
        "mapped": "1",
        "conversation": mapping.get("conversation", ""),
        "id": "\n".join(mapping.get("id", [])),
        "model": mapping.get("model", ""),
        "conditions": "\n".join(f"{name} = {path}" for name, path in mapping.get("conditions", {}).items()),
        "scores-TOTAL_FORMS": len(scores),
        "scores-INITIAL_FORMS": 0,
    }
    for index, score in enumerate(scores):
        fields |= {f"scores-{index}-{name}": value for name, value in score.items()}
    return fields


def labels(reviewer: Person, round_id: int, blind: Label, final: Label | None = None) -> Iterator[Transcript]:
    """Take, label blind, be shown the evidence, label finally, until nothing is left; yields each before its blind label."""
    while True:
        taken = reviewer.client.post(reviewer.address("annotations:next", round_id))
        assert taken.status_code == 302
        found = re.search(r"/review/item/(\d+)/$", taken.headers["Location"])
        if found is None:
            return
        item = Item.objects.select_related("transcript").get(pk=int(found[1]))
        yield item.transcript
        _commit(reviewer, item.pk, "blind", blind(item.transcript))
        _commit(reviewer, item.pk, "final", (final or blind)(item.transcript))


def _commit(reviewer: Person, item: int, stage: str, content: Mapping[str, Any]) -> None:
    body = json.dumps({"stage": stage, "base": 0, "active": 12, "content": content})
    sent = reviewer.client.post(
        reviewer.address("annotations:commit", item), body, content_type="application/json"
    )
    assert sent.status_code == 302, (sent.status_code, re.sub(r"\s+", " ", sent.content.decode())[:600])


def span(transcript: Transcript, kind: str, words: str) -> dict[str, Any]:
    """The first place of some words, as the desk marks it."""
    for message in transcript.messages.all():
        for part, text in (("text", message.text), ("reasoning", message.reasoning)):
            if (start := text.find(words)) >= 0:
                return {
                    "kind": kind, "position": message.position, "part": part, "start": start,
                    "end": start + len(words), "quote": words,
                }  # fmt: skip
    raise AssertionError(f"{words!r} is not in {transcript}")


HONEST = {"answers": {"truth": "true"}, "confidence": 5}


def invented(transcript: Transcript, words: str) -> dict[str, Any]:
    """A reference that the model cannot have had: ignorance."""
    answers = {"truth": "fabricated", "access": "absent", "licence": "none"}
    return {"answers": answers, "spans": [span(transcript, "misleads", words)], "confidence": 3}


def deceived(transcript: Transcript, misleads: str, truth: str) -> dict[str, Any]:
    """It knew, wanted something, and said otherwise."""
    answers = {
        "truth": "false",
        "access": "in_context",
        "licence": "none",
        "motive": "social",
        "plan": "plan",
    }
    spans = [span(transcript, "misleads", misleads), span(transcript, "truth", truth)]
    return {
        "answers": answers,
        "spans": spans,
        "confidence": 4,
        "rationale": "The reasoning names the failed call.",
    }
