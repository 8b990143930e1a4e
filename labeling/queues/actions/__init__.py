"""Verbs of rounds, by subject; see the files beside this one.

A slot of an item is a row (`Assignment`), so overlap is exact by what there is to hand out. Locks are
always taken in the order desk (`hold_desk`), lease, item, assignment; whoever wants one of many rows
steps over those that others hold.
"""

from labeling.queues.actions.checking import add_answers, after_commit, create_gold_set, remove_answer
from labeling.queues.actions.extending import extend_items, extend_overlap
from labeling.queues.actions.handing import (
    escalate_stuck,
    hold_desk,
    keep_alive,
    mark_done,
    release_expired,
    renew,
    reserve_next,
    retake,
    skip,
    take_next,
    take_up,
)
from labeling.queues.actions.managing import (
    pause_member,
    pause_round,
    resume_member,
    resume_round,
    set_due,
)
from labeling.queues.actions.moving import drop_member, reassign, share_out
from labeling.queues.actions.opening import add_member, close_round, open_round
from labeling.queues.actions.refusals import CannotChange, CannotOpen, LeaseLost, Paused, RoundClosed

__all__ = [
    "CannotChange", "CannotOpen", "LeaseLost", "Paused", "RoundClosed", "add_answers", "add_member", "after_commit",
    "close_round", "create_gold_set", "drop_member", "escalate_stuck", "extend_items", "extend_overlap", "hold_desk", "keep_alive",
    "mark_done", "open_round", "pause_member", "pause_round", "reassign", "release_expired", "remove_answer", "renew",
    "reserve_next", "resume_member", "resume_round", "retake", "set_due", "share_out", "skip", "take_next",
    "take_up",
]  # fmt: skip
