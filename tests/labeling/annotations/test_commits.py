"""Committing labels: what is written, what is refused, and what a second try does."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.evidence.models import Reading
from auditor.evidence.queries import visible_to
from auditor.ledger.models import Event
from labeling.annotations import actions, publishing, queries
from labeling.annotations.actions import commit_blind, commit_final
from labeling.annotations.content import BadContent, Content, MarkedSpan, Relied
from labeling.annotations.models import BLIND, FINAL, Draft, LabelRevision, Reveal
from labeling.codebooks.grades import NotAllowed
from labeling.queues.actions import close_round, release_expired, skip, take_next
from labeling.queues.models import BLIND_ONLY, REVEAL, Item, Lease, Round
from labeling.queues.queries import lease_of
from tests import make

HONEST = Content.of(answers={"truth": "true"})
TRUTH = MarkedSpan("truth", 1, "reasoning", 0, 23, "The ledger call failed.")
DECEPTION = {"truth": "false", "access": "in_context", "licence": "none", "motive": "social", "plan": "plan"}


@pytest.fixture(autouse=True)
def settle(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rings for adjudication are counted here instead of answered."""
    rung: list[int] = []
    monkeypatch.setattr(
        "labeling.annotations.actions.commits.ring",
        lambda task, *ids: rung.append(*ids) if task == actions.SETTLE else None,
    )
    return rung


@pytest.fixture
def round(project: Project, ana: User, bo: User) -> Round:
    return make.round(project, [make.transcript(project)], [ana, bo])


@pytest.fixture
def item(round: Round, ana: User, bo: User) -> Item:
    """The one item of the round, on both desks."""
    for reviewer in (ana, bo):
        assert take_next(round=round, reviewer=reviewer)
    return Item.objects.select_related("round", "transcript").get(round=round)


def lie(text: str = "I checked the ledger") -> MarkedSpan:
    stored = make.CHAT[1].text
    start = stored.index(text)
    return MarkedSpan("misleads", 1, "text", start, start + len(text), text)


def blind(item: Item, reviewer: User, content: Content = HONEST) -> actions.Committed:
    return actions.commit_blind(item=item, reviewer=reviewer, content=content)


def final(item: Item, reviewer: User, content: Content = HONEST, base: int = 0) -> actions.Committed:
    return actions.commit_final(item=item, reviewer=reviewer, content=content, base=base)


def test_the_blind_label_reveals_what_there_is(project: Project, item: Item, ana: User, bo: User) -> None:
    make.reading(make.channel(project), item.transcript, 0.8, label="deception")
    reading = Reading.objects.get()
    assert list(visible_to(ana).readings([item.transcript_id])) == []
    revision = blind(item, ana).revision
    assert (revision.stage, revision.number, revision.label, revision.evidence_seen) == (BLIND, 1, "H", [])
    assert list(visible_to(ana).readings([item.transcript_id])) == [reading]
    assert list(visible_to(bo).readings([item.transcript_id])) == []
    assert Reveal.objects.get(item=item, reviewer=ana).readings == [reading.pk]
    verbs = list(Event.objects.filter(actor_id=ana.pk).order_by("pk").values_list("verb", flat=True))
    assert verbs == ["item.taken", "label.committed", "evidence.revealed"]


def test_the_final_label_fills_the_slot_and_is_a_reading(
    project: Project, item: Item, ana: User, bo: User, settle: list[int]
) -> None:
    make.reading(make.channel(project), item.transcript, 0.8)
    for reviewer in (ana, bo):
        blind(item, reviewer)
        revision = final(item, reviewer).revision
        assert revision.evidence_seen == Reveal.objects.get(reviewer=reviewer).readings != []
        assert lease_of(item.pk, reviewer).state == "done"  # type: ignore[union-attr]
    item.refresh_from_db()
    assert item.finished_at is not None
    assert settle == [item.pk]
    said = Reading.objects.filter(channel__key="people.label").order_by("pk")
    assert [(one.identifier, one.label, one.detail["grade"]) for one in said] == [
        (str(ana.pk), "H", "I0"), (str(bo.pk), "H", "I0")
    ]  # fmt: skip
    assert list(visible_to(ana).readings([item.transcript_id]).filter(channel__kind="human")) == []


def test_the_final_label_needs_the_blind_one(item: Item, ana: User) -> None:
    with pytest.raises(actions.NotOnDesk):
        final(item, ana)
    assert not LabelRevision.objects.exists()


def test_who_never_held_the_item_commits_nothing(item: Item, ada: User) -> None:
    with pytest.raises(actions.NotOnDesk):
        blind(item, ada)


def test_sending_the_same_label_twice_writes_it_once(item: Item, ana: User) -> None:
    first = blind(item, ana)
    again = blind(item, ana)
    assert again.again
    assert again.revision.pk == first.revision.pk
    done = final(item, ana)
    assert final(item, ana).revision.pk == done.revision.pk
    assert LabelRevision.objects.count() == 2


def test_a_stale_tab_with_another_label_is_refused(item: Item, ana: User) -> None:
    blind(item, ana)
    with pytest.raises(actions.StaleCommit):
        blind(item, ana, Content.of(answers={"truth": "false", "access": "absent", "licence": "none"}))
    final(item, ana)
    with pytest.raises(actions.StaleCommit):
        final(item, ana, Content.of(answers={"truth": "unknown"}))
    assert LabelRevision.objects.count() == 2


def test_a_final_label_can_be_revised_and_the_older_one_stays(item: Item, ana: User) -> None:
    blind(item, ana)
    final(item, ana)
    changed = Content.of(answers={"truth": "unknown"}, confidence=2)
    revision = final(item, ana, changed, base=1).revision
    assert (revision.number, revision.label, revision.confidence) == (2, "?", 2)
    readings = Reading.objects.filter(channel__key="people.label").order_by("pk")
    assert [(one.label, one.superseded_at is None) for one in readings] == [("H", False), ("?", True)]
    assert Lease.objects.filter(item=item, state="done").count() == 1


def test_revising_a_finished_item_asks_for_settling_again(
    item: Item, ana: User, bo: User, settle: list[int]
) -> None:
    for reviewer in (ana, bo):
        blind(item, reviewer)
        final(item, reviewer)
    final(item, ana, Content.of(answers={"truth": "unknown"}), base=1)
    assert settle == [item.pk, item.pk]


def test_after_the_round_is_closed_a_final_label_stands(
    round: Round, item: Item, ana: User, mia: User
) -> None:
    blind(item, ana)
    final(item, ana)
    close_round(round=round, actor=mia)
    with pytest.raises(actions.Decided):
        final(item, ana, Content.of(answers={"truth": "unknown"}), base=1)


def test_deception_is_graded_by_its_spans(item: Item, ana: User) -> None:
    without = actions.commit_blind(item=item, reviewer=ana, content=Content.of(answers=DECEPTION)).revision
    assert (without.label, without.grade) == ("D", "I1")
    content = Content.of(answers=DECEPTION, spans=(TRUTH, lie()), confidence=4, rationale=" It says so. ")
    with_spans = final(item, ana, content).revision
    assert (with_spans.label, with_spans.grade, with_spans.rationale) == ("D", "I3", "It says so.")
    assert [(span.kind, span.quote) for span in with_spans.spans.all()] == [
        ("truth", "The ledger call failed."), ("misleads", "I checked the ledger")
    ]  # fmt: skip


def test_no_grade_above_its_evidence_and_no_label_above_the_rules(item: Item, ana: User) -> None:
    for content in (
        Content.of(answers=DECEPTION, grade="I3"),
        Content.of(answers=DECEPTION, grade="I9"),
        Content.of(answers={"truth": "true"}, label="D", lowered_reason="I feel so"),
        Content.of(answers={"truth": "true"}, label="ZZ"),
        Content.of(answers=DECEPTION, label="X"),  # lower, but without a reason
        Content.of(answers={"truth": "false"}),  # not complete
        Content.of(answers={}),
    ):
        with pytest.raises(NotAllowed):
            blind(item, ana, content)
    assert not LabelRevision.objects.exists()


def test_a_lower_label_with_a_reason_is_stored_with_what_follows(item: Item, ana: User) -> None:
    content = Content.of(answers=DECEPTION, label="X", lowered_reason="The plan may be a joke")
    revision = blind(item, ana, content).revision
    assert (revision.derived_label, revision.label, revision.lowered_reason) == (
        "D",
        "X",
        "The plan may be a joke",
    )
    assert queries.content_of(revision).units[0].label == "X"


@pytest.mark.parametrize(
    "span",
    [
        MarkedSpan("misleads", 1, "text", 0, 4, "Yes."),  # other words
        MarkedSpan("misleads", 1, "text", 0, 4000, "Yes"),
        MarkedSpan("misleads", 7, "text", 0, 3, "Yes"),  # no such message
        MarkedSpan("misleads", 1, "part:0", 0, 3, "Yes"),
        MarkedSpan("misleads", 1, "text", 3, 3, ""),
        MarkedSpan("belief_check", 1, "text", 0, 3, "Yes"),  # a test cannot be marked
    ],
)
def test_a_span_must_stand_in_the_stored_text(item: Item, ana: User, span: MarkedSpan) -> None:
    with pytest.raises(BadContent):
        blind(item, ana, Content.of(answers=DECEPTION, spans=(span,)))
    assert not LabelRevision.objects.exists()


def test_only_revealed_evidence_can_be_relied_on(project: Project, item: Item, ana: User) -> None:
    judge = make.channel(project, "self.report", kind="self_report")
    make.reading(judge, item.transcript, 1.0)
    make.reading(judge, make.transcript(project), 1.0)
    mine, other = Reading.objects.order_by("pk")
    blind(item, ana)
    with pytest.raises(BadContent):
        final(item, ana, Content.of(answers={"truth": "true"}, relied_on=(Relied(mine.pk), Relied(other.pk))))
    revision = final(item, ana, Content.of(answers={"truth": "true"}, relied_on=(Relied(mine.pk),))).revision
    assert revision.relied_on == [{"reading": mine.pk, "channel": "self.report"}]


def test_a_veil_of_another_round_keeps_hiding(project: Project, item: Item, ana: User) -> None:
    make.round(project, [item.transcript], [ana])
    make.reading(make.channel(project), item.transcript, 0.8)
    blind(item, ana)
    assert Reveal.objects.get().readings == []
    assert list(visible_to(ana).readings([item.transcript_id])) == []


def run_out(item: Item, reviewer: User) -> None:
    held = Lease.objects.filter(item=item, reviewer=reviewer, state="held")
    held.update(expires_at=timezone.now() - timedelta(minutes=1))
    release_expired(round=item.round)


def test_a_late_label_takes_the_place_again_if_it_is_free(item: Item, ana: User) -> None:
    run_out(item, ana)
    revision = blind(item, ana).revision
    assert not revision.late
    assert final(item, ana).revision.late is False
    assert Lease.objects.get(item=item, reviewer=ana, state="done").pk == revision.lease_id


def test_a_label_too_late_is_kept_and_marked(
    project: Project, ana: User, bo: User, settle: list[int]
) -> None:
    round = make.round(project, [make.transcript(project)], [ana, bo], overlap=1)
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    item = lease.item
    blind(item, ana)
    run_out(item, ana)
    assert take_next(round=round, reviewer=bo)
    late = final(item, ana).revision
    assert late.late
    item.refresh_from_db()
    assert item.finished_at is None
    assert settle == []
    assert Lease.objects.filter(item=item, state="done").count() == 0
    blind(item, bo)
    assert final(item, bo).revision.late is False
    item.refresh_from_db()
    assert item.finished_at is not None


def test_a_blind_only_round_reveals_nothing_and_one_commit_is_final(
    project: Project, ana: User, mia: User
) -> None:
    round = make.round(project, [make.transcript(project)], [ana], policy="blind_only")
    lease = take_next(round=round, reviewer=ana)
    assert lease is not None
    make.reading(make.channel(project), lease.item.transcript, 0.8)
    blind(lease.item, ana)
    stages = LabelRevision.objects.order_by("pk").values_list("stage", "evidence_seen")
    assert list(stages) == [(BLIND, []), (FINAL, [])]
    assert not Reveal.objects.exists()
    assert visible_to(ana).is_veiled(lease.item.transcript_id)
    assert (
        final(lease.item, ana, Content.of(answers={"truth": "unknown"}), base=1).revision.evidence_seen == []
    )
    close_round(round=round, actor=mia)
    assert not visible_to(ana).is_veiled(lease.item.transcript_id)


def test_a_first_label_after_the_round_was_closed_says_what_could_be_seen(
    project: Project, round: Round, item: Item, ana: User, mia: User
) -> None:
    make.reading(make.channel(project), item.transcript, 0.8)
    close_round(round=round, actor=mia)
    revision = blind(item, ana).revision
    assert revision.late
    assert revision.evidence_seen == [Reading.objects.get().pk]


def test_a_commit_clears_the_drafts(item: Item, ana: User) -> None:
    actions.save_draft(item=item, reviewer=ana, stage=BLIND, base=0, content=HONEST, saves=1)
    blind(item, ana)
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    "table", ["annotations_labelrevision", "annotations_labelspan", "annotations_reveal"]
)
def test_the_database_refuses_to_change_what_was_committed(item: Item, ana: User, table: str) -> None:
    actions.commit_blind(item=item, reviewer=ana, content=Content.of(answers=DECEPTION, spans=(lie(),)))
    for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_failing_commit_writes_nothing_at_all(
    item: Item, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("the disk is gone")

    blind(item, ana)
    monkeypatch.setattr(publishing, "write_label", broken)
    with pytest.raises(RuntimeError):
        final(item, ana)
    assert LabelRevision.objects.filter(stage=FINAL).count() == 0
    assert lease_of(item.pk, ana).state == "held"  # type: ignore[union-attr]


@pytest.mark.parametrize("policy", [REVEAL, BLIND_ONLY])
def test_a_late_label_counts_once_the_item_comes_back(
    project: Project, ana: User, bo: User, policy: str
) -> None:
    """Ana lost the item to Bo, labelled it late, and Bo skipped it: it must not come back to her for ever."""
    round = make.round(project, [make.transcript(project)], [ana, bo], overlap=1, policy=policy)

    def label(item: Item) -> LabelRevision:
        said = Content.of(answers={"truth": "true"}, confidence=4)
        done = commit_blind(item=item, reviewer=ana, content=said)
        return (
            commit_final(item=item, reviewer=ana, content=said, base=0) if policy == REVEAL else done
        ).revision

    lost = take_next(round=round, reviewer=ana)
    assert lost is not None
    Lease.objects.filter(pk=lost.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    other = take_next(round=round, reviewer=bo)
    assert other is not None
    assert label(lost.item).late
    skip(lease=other, note="not my language")
    back = take_next(round=round, reviewer=ana)
    assert back is not None
    label(back.item)
    newest = LabelRevision.objects.filter(stage="final").order_by("-number").first()
    assert newest is not None
    assert (newest.number, newest.late) == (2, False)
    assert Item.objects.get().finished_at is not None
    assert take_next(round=round, reviewer=ana) is None
