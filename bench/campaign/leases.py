"""However many reviewers pull at a round at once, overlap is exact and no slot is held twice.

Every lease is a row of its own with the moments it began and ended, so the whole past of a round
can be gone through afterwards; a watcher looks at the present besides.
"""

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from time import monotonic, sleep
from typing import Any

from celery import current_app
from django.db import DatabaseError, connection, connections
from django.utils import timezone

from auditor.accounts.models import User
from bench.scene import begin, open_round, reviewers, stock
from labeling.annotations.actions import commit_blind
from labeling.annotations.content import Content
from labeling.annotations.models import FINAL, LabelRevision
from labeling.queues import actions
from labeling.queues.models import BLIND_ONLY, Lease, Round
from labeling.queues.queries import lease_of
from labeling.queues.skipping import ESCALATES_AT

TABS = 2  # browser tabs of each reviewer, all busy at once
OVERLAPS = (1, 2, 3)
HONEST = Content.of(answers={"truth": "true"}, confidence=4)
MOST_TAKEN = """
    SELECT coalesce(max(slots), 0), coalesce(max(reviewers), 0) FROM (
        SELECT count(*) - count(DISTINCT slot) + greatest(0, count(*) - %(overlap)s) AS slots,
               count(*) - count(DISTINCT reviewer_id) AS reviewers
        FROM queues_lease JOIN queues_item ON queues_item.id = item_id
        WHERE round_id = %(round)s AND state IN ('held', 'done') GROUP BY item_id) AS per_item
"""


@dataclass
class Story:
    """What the threads of one round did, and what went wrong."""

    round: Round
    deadline: float  # as `monotonic` counts
    most_skips: int  # of one item
    counts: Counter[str] = field(default_factory=Counter)
    skips: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def note(self, word: str) -> None:
        with self.lock:
            self.counts[word] += 1

    def may_skip(self, item_id: int) -> bool:
        """Reserve one of the item's skips."""
        with self.lock:
            self.skips[item_id] += 1
            return self.skips[item_id] <= self.most_skips


def prove(
    seed: int, rounds: int = 6, items: int = 120, people: int = 6, patience: float = 180.0
) -> dict[str, Any]:
    """Work through rounds of overlap 1, 2 and 3 with two tabs of each reviewer at once; report counts and faults.

    Every second round lets who has finished their plan help the others. An item that two people gave
    back is escalated, and must come to nobody any more. A round that takes longer than `patience` seconds is a fault.
    """
    current_app.loader.import_default_modules()  # once, and not by all threads at the first task
    project, owner = begin(f"Leases {seed}")
    stock(project, owner, items, seed=seed)
    crew = reviewers(project, owner, people)
    report: dict[str, Any] = {"seed": seed, "threads": people * TABS, "items": items, "rounds": []}
    for number in range(rounds):
        overlap = OVERLAPS[number % len(OVERLAPS)]
        round = open_round(
            project, owner, crew, items, overlap=overlap, policy=BLIND_ONLY, name=f"Round {number}",
            helping=number % 2 == 0,
        )  # fmt: skip
        report["rounds"].append(_work_through(round, crew, Random(seed + number), patience))
    report["holds"] = all(one["holds"] for one in report["rounds"])
    return report


def _work_through(round: Round, crew: list[User], rng: Random, patience: float) -> dict[str, Any]:
    story = Story(round, most_skips=ESCALATES_AT, deadline=monotonic() + patience)
    seeds = [rng.randrange(1 << 30) for _ in range(len(crew) * TABS)]
    threads = [
        threading.Thread(target=_guarded, args=(_review, story, crew[index // TABS], Random(one)))
        for index, one in enumerate(seeds)
    ]
    watcher = threading.Thread(target=_guarded, args=(_watch, story))
    began = monotonic()
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join(patience + 30)
    story.over.set()
    watcher.join(30)
    faults = story.wrong + _faults_of_the_past(round) + _faults_at_the_end(round, story)
    done = Lease.objects.filter(item__round=round, state="done").count()
    return {
        "overlap": round.overlap, "done": done, "seconds": float(f"{monotonic() - began:.1f}"),
        **dict(sorted(story.counts.items())), "faults": faults[:20], "holds": not faults,
    }  # fmt: skip


def _guarded(work: Any, story: Story, *rest: Any) -> None:
    try:
        work(story, *rest)
    except Exception as problem:
        story.wrong.append(f"{type(problem).__name__}: {problem}"[:300])
    finally:
        connections.close_all()


def _review(story: Story, reviewer: User, rng: Random) -> None:
    """One tab: take, then finish, skip, or leave the desk and perhaps come back too late."""
    while story.round.items.filter(finished_at__isnull=True, escalated_at__isnull=True).exists():
        if monotonic() > story.deadline:
            raise TimeoutError(f"{reviewer} waits for items that never come")
        try:
            _step(story, reviewer, rng)
        except DatabaseError as problem:  # a reviewer would see an error page: a fault, and the others go on
            words = str(problem).splitlines()[0]
            with story.lock:
                story.wrong.append(f"{type(problem).__name__}: {words}"[:200])


def _step(story: Story, reviewer: User, rng: Random) -> None:
    lease = actions.take_next(round=story.round, reviewer=reviewer)
    if lease is None:
        story.note("nothing_now")
        sleep(rng.uniform(0.005, 0.05))
        return
    story.note("taken")
    if rng.randrange(4) == 0 and actions.reserve_next(round=story.round, reviewer=reviewer) is not None:
        story.note("reserved")
    sleep(rng.uniform(0, 0.004))
    match rng.randrange(10):
        case 0 if story.may_skip(lease.item_id):
            _skip(story, lease)
        case 1:
            _run_out(story, lease)
        case 2:
            _run_out(story, lease)
            sleep(rng.uniform(0, 0.02))
            _finish(story, lease)
        case 3:
            _run_out(story, lease)
            _come_back(story, lease)
        case 4:
            released = actions.release_expired(round=story.round)
            stuck = actions.escalate_stuck()
            with story.lock:
                story.counts["released"] += released
                story.counts["stuck"] += stuck
        case _:
            _finish(story, lease)


def _run_out(story: Story, lease: Lease) -> None:
    """The clock of the lease, put forward."""
    Lease.objects.filter(pk=lease.pk, state="held").update(expires_at=timezone.now())
    story.note("run_out")


def _now(lease: Lease) -> Lease:
    """The reviewer's lease on that item as the desk finds it: another tab may have taken the item anew."""
    return lease_of(lease.item_id, lease.reviewer) or lease


def _skip(story: Story, lease: Lease) -> None:
    try:
        actions.skip(lease=_now(lease), note="not mine")
        story.note("skipped")
    except actions.LeaseLost:
        story.note("skipped_too_late")


def _come_back(story: Story, lease: Lease) -> None:
    try:
        actions.keep_alive(lease=_now(lease))
        story.note("came_back")
    except actions.LeaseLost:
        story.note("came_back_too_late")


def _finish(story: Story, lease: Lease) -> None:
    """Commit a label, as the desk does; one that comes too late is kept and fills no slot."""
    done = commit_blind(item=lease.item, reviewer=lease.reviewer, content=HONEST)
    story.note("committed_again" if done.again else "committed_late" if done.revision.late else "committed")


def _watch(story: Story) -> None:
    """Look at every item again and again, all at one moment each time."""
    while not story.over.is_set():
        with connection.cursor() as cursor:
            cursor.execute(MOST_TAKEN, {"round": story.round.pk, "overlap": story.round.overlap})
            over_target, twice = cursor.fetchone() or (0, 0)
        if over_target or twice:
            story.wrong.append(f"watched: {over_target} slots over target, {twice} double holds")
        story.counts["looked"] += 1
        sleep(0.01)


def _faults_of_the_past(round: Round) -> list[str]:
    """Moments at which an item had more leases than its overlap, or a slot or reviewer had two of its leases."""
    ways: dict[tuple[str, int, int], list[tuple[datetime, int]]] = defaultdict(list)
    for lease in Lease.objects.filter(item__round=round):
        end = lease.ended_at if lease.state == "released" else None
        for way in (
            ("item", lease.item_id, 0),
            ("slot", lease.item_id, lease.slot),
            ("reviewer", lease.item_id, lease.reviewer_id),
        ):
            ways[way].append((lease.taken_at, 1))
            if end is not None:
                ways[way].append((end, -1))
    faults = []
    for (what, item, which), moments in ways.items():
        most = now = 0
        for _, step in sorted(moments):
            now += step
            most = max(most, now)
        if most > (round.overlap if what == "item" else 1):
            faults.append(f"past: {most} leases at once of {what} {which} of item {item}")
    return faults


def _faults_at_the_end(round: Round, story: Story) -> list[str]:
    faults = []
    wanted = set(range(round.overlap))
    whole = round.items.filter(escalated_at__isnull=True)
    for item in round.items.filter(escalated_at__isnull=False).prefetch_related("leases"):
        since = item.escalated_at
        assert since is not None
        after = [one for one in item.leases.all() if one.taken_at > since]
        if after or item.finished_at is not None:
            faults.append(f"end: item {item.pk} was escalated and went on: {len(after)} leases")
    for item in whole.prefetch_related("leases"):
        done = [lease for lease in item.leases.all() if lease.state == "done"]
        slots, people = {lease.slot for lease in done}, {lease.reviewer_id for lease in done}
        if (
            slots != wanted
            or len(done) != round.overlap
            or len(people) != round.overlap
            or item.finished_at is None
        ):
            faults.append(
                f"end: item {item.pk} has slots {sorted(slots)} of {len(people)} people in {len(done)} leases"
            )
    counted = LabelRevision.objects.filter(item__in=whole, stage=FINAL, late=False).count()
    if counted != whole.count() * round.overlap:
        faults.append(f"end: {counted} labels count, of {whole.count()} items")
    said = LabelRevision.objects.filter(item__round=round, stage=FINAL).count()
    if said != story.counts["committed"] + story.counts["committed_late"]:
        faults.append(f"end: {said} labels are there, {dict(story.counts)} were said to be")
    return faults
