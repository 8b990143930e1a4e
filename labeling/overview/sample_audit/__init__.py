"""The sample audit: about 200 short invented transcripts, with evidence and two reviewers' work.

Every text is written for this project. The evidence is generated for the tour: no model computed it.
"""

from labeling.overview.sample_audit.generator import SampleAudit, build
from labeling.overview.sample_audit.reviewers import Review, Reviewer, Verdict, reviews
from labeling.overview.sample_audit.wire import MAPPING, evidence_jsonl, transcripts_jsonl

__all__ = [
    "MAPPING",
    "Review",
    "Reviewer",
    "SampleAudit",
    "Verdict",
    "build",
    "evidence_jsonl",
    "reviews",
    "transcripts_jsonl",
]
