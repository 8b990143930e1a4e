"""The audit trail tells that a label was committed, and not which: managers read it, and may be reviewers too."""

from django.urls import reverse

from auditor.accounts.models import Project, User
from auditor.ledger.models import Event
from labeling.adjudication.actions import settle
from labeling.annotations.actions import commit_blind, commit_final
from labeling.annotations.content import Content
from labeling.queues.actions import take_next
from tests import make
from tests.people import signed_in


def test_the_trail_does_not_tell_labels(project: Project, mia: User, ana: User) -> None:
    transcript = make.transcript(project)
    round = make.round(project, [transcript], [ana], overlap=1)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    said = Content.of(answers={"truth": "unverifiable"}, rationale="canary-rationale")
    commit_blind(item=lease.item, reviewer=ana, content=said)
    commit_final(item=lease.item, reviewer=ana, content=said, base=0)
    lease.item.refresh_from_db()
    settle(item=lease.item)
    events = Event.objects.filter(verb__in=["label.committed", "item.ruled"])
    assert events.count() == 3
    for event in events:
        assert {"label", "grade", "group", "answers"}.isdisjoint(event.detail)
    page = signed_in(mia).get(reverse("accounts:ledger", args=[project.slug])).content.decode()
    assert "label.committed" in page
    assert "canary-rationale" not in page
