"""What reviewers write: drafts as they type, the blind label, the reveal, and the final label.

Each commit is one transaction that first holds the reviewer's seat and lease, so that two tabs of one
person come one after the other. Revisions are never edited; a commit says after which revision it was
made (`base`), and one made after another is refused, unless it says the same.
"""

from labeling.annotations.actions.commits import SETTLE, commit_blind, commit_final
from labeling.annotations.actions.drafts import save_draft
from labeling.annotations.actions.refusals import Committed, Decided, NotOnDesk, OldCopy, StaleCommit
from labeling.annotations.actions.reveals import open_up
from labeling.codebooks.grades import NotAllowed

__all__ = [
    "SETTLE", "Committed", "Decided", "NotAllowed", "NotOnDesk", "OldCopy", "StaleCommit", "commit_blind",
    "commit_final", "open_up", "save_draft",
]  # fmt: skip
