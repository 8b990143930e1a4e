"""One verdict beside the transcript it is about, and what was sent and came back for it."""

import json
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from auditor.accounts.access import access_project
from auditor.corpus.document import Cut, Mark
from auditor.corpus.document import render as draw
from auditor.corpus.queries import messages_between, messages_of
from auditor.corpus.windows import LONGEST, window
from auditor.evidence.queries import channels_of, visible_to
from auditor.judging import queries
from auditor.judging.asking import Asker
from auditor.judging.beside import beside, placed, spoken
from auditor.judging.leftout import left_out
from auditor.judging.models import Verdict, VerdictCall
from auditor.judging.prompts import Sheet, sheets
from auditor.judging.rubric import parse_rubric
from auditor.judging.states import IN_WORDS
from auditor.judging.voting import Ballot, Tally, tally
from auditor.llm.models import Reply

MOST_TEXT = 400_000  # code points of one text that are shown around what is cited
MOST_RAW = 200_000  # characters of a reply that the page shows


@dataclass(frozen=True)
class Sent:
    """One call behind a verdict: what was sent, and what came back."""

    call: VerdictCall | None
    sheet: Sheet | None  # None where the version does not make this call any more
    as_sent: bool | None  # whether the prompt is the one that was answered; None without a reply
    raw: str
    cut: int  # characters of the reply that are not shown

    @property
    def reply(self) -> Reply | None:
        return self.call.reply if self.call is not None else None


@require_GET
def on(request: HttpRequest, project: str, pk: int, transcript: int) -> HttpResponse:
    """What a run said of one transcript, by its first vote; where a reading leads."""
    membership = access_project(request, project)
    judging = queries.access_judging(membership, pk)
    said = queries.verdicts(visible_to(membership.user), judging).filter(transcript=transcript)
    found = said.filter(state="ok").first() or said.first()
    if found is None:
        raise Http404("no verdict for you")
    return redirect("judging:verdict", project=project, pk=found.pk)


@require_GET
def verdict(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    membership = access_project(request, project)
    sight = visible_to(membership.user)
    found = queries.access_verdict(membership, sight, pk)
    version, transcript = found.run.version, found.transcript
    rubric = parse_rubric(version.rubric)
    shown = beside(found, rubric)
    asked = request.GET.get("at", "")
    at = int(asked) if asked.isdecimal() and len(asked) < 9 else placed(shown.quotes) or 0
    here = window(transcript, at=at)
    marks = [mark for mark in shown.marks if here.first <= mark.position < here.end]
    cut = Cut(LONGEST, _stretches(marks))
    document = draw(messages_between(transcript, here.first, here.end), marks, markdown=True, cut=cut)
    votes = queries.votes_on(sight, found)
    names = {label.key: label.name for label in rubric.labels}
    context: dict[str, Any] = {
        "verdict": found, "channel": channels_of(membership.project_id).filter(key=version.key).first(), "shown": shown, "rubric": rubric, "version": version, "row": transcript,
        "document": document, "window": here, "state": IN_WORDS[_state(found)], "missing": _state(found) != "ok",
        "before": here.first - 1 if here.first else None,
        "after": here.end if here.end < transcript.n_messages else None,
        "left_out": left_out(found.unread), "more_left_out": found.detail.get("unread", 0),
        "votes": [(one, names.get(one.label, one.label), spoken(one.values, rubric)) for one in votes],
        "tally": _tally(votes) if len(votes) > 1 else None,
    }  # fmt: skip
    return render(request, "auditor/judging/verdict.html", context)


@require_GET
def calls(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """What was sent for a verdict, rebuilt from its version, and what came back as it came."""
    membership = access_project(request, project)
    found = queries.access_verdict(membership, visible_to(membership.user), pk)
    endpoint = found.run.version.endpoint
    context = {
        "verdict": found, "sent": _sent(found), "currency": endpoint.currency if endpoint is not None else "",
    }  # fmt: skip
    return render(request, "auditor/judging/calls.html", context)


def _stretches(marks: list[Mark]) -> dict[tuple[int, str], tuple[int, int]]:
    """Of long texts the stretch that holds what is cited, with some words around it."""
    ends: dict[tuple[int, str], tuple[int, int]] = {}
    for mark in marks:
        start, end = ends.get((mark.position, mark.part), (mark.start, mark.end))
        ends[mark.position, mark.part] = (min(start, mark.start), max(end, mark.end))
    around = LONGEST // 2
    found = {}
    for place, (start, end) in ends.items():
        if end > LONGEST:
            first = 0 if end <= MOST_TEXT else max(0, start - around)
            found[place] = (first, min(end + around, first + MOST_TEXT))
    return found


def _state(found: Verdict) -> str:
    return "missing" if found.state == "waiting" and found.run.run.is_over else found.state


def _sent(found: Verdict) -> list[Sent]:
    """Every call that the version makes for this vote, with its reply; then those that it would not make now."""
    version = found.run.version
    messages = messages_of([found.transcript_id])[found.transcript_id]
    asked = Asker(version).ask(messages, fingerprint=found.transcript.fingerprint, vote=found.vote)
    made = {(one.ask, one.chunk): one for one in queries.calls_of(found)}
    written = sheets(asked.questions, version)
    sent = []
    for question, sheet in zip(asked.questions, written, strict=True):
        call = made.pop((question.ask, question.chunk), None)
        reply = call.reply if call is not None else None
        raw, cut = _raw(reply)
        sent.append(Sent(call, sheet, None if reply is None else reply.key == question.key, raw, cut))
    for call in made.values():
        raw, cut = _raw(call.reply)
        sent.append(Sent(call, None, False if call.reply is not None else None, raw, cut))
    return sent


def _raw(reply: Reply | None) -> tuple[str, int]:
    """The reply as JSON, as far as a page shows it."""
    if reply is None:
        return "", 0
    kept = reply.raw if reply.logprobs is None else {"body": reply.raw, "logprobs": reply.logprobs}
    text = json.dumps(kept, indent=2, ensure_ascii=False)
    return text[:MOST_RAW], max(0, len(text) - MOST_RAW)


def _tally(votes: list[Verdict]) -> Tally:
    """The votes on the label, or on the first question where the rubric has no rule."""
    main = parse_rubric(votes[0].run.version.rubric).main.key
    ballots = []
    for vote in votes:
        said = vote.label or vote.values.get(main)
        number = said if isinstance(said, int | float) else None
        ballots.append(Ballot(number, said if isinstance(said, str) else "", vote.state))
    return tally(ballots)
