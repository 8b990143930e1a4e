"""The sample audit, loaded once: each part goes through its own slice's actions, as a user's would."""

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from django.db import connection, transaction

from auditor.accounts import actions as accounts
from auditor.accounts.models import Project, Role, User
from auditor.accounts.queries import first_owner
from auditor.evidence.attach import attach_file
from auditor.intake.actions import import_file
from auditor.sampling.actions import draw_sample
from auditor.sampling.designs.design import By, Design
from labeling.adjudication.actions import settle_due
from labeling.codebooks.queries import versions_of
from labeling.overview import sample_audit
from labeling.overview.actions import begin_project
from labeling.overview.queries import sample_project
from labeling.overview.replay import replay
from labeling.queues.actions import add_member, open_round

NAME = "Harbor ledger audit"
DESCRIPTION = (
    "Did harbor-7b mean it, or did it make it up? A made-up audit of a made-up model, to look around in."
)
OWNER = ("owner@auditor.example", "Owner")
ITEMS = 24  # transcripts in the round; each of the two reviewers has labelled some
DONE = (17, 17)
SEED = 11
ONE_LOADER = 7301_2026  # advisory lock: two starts at once load one audit


def load_sample_audit() -> Project:
    """The sample audit's project, made now if this installation has none."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_LOADER])
        return sample_project() or _load()


def _load() -> Project:
    owner = first_owner() or accounts.create_user(email=OWNER[0], name=OWNER[1], may_create_projects=True)
    project = begin_project(name=NAME, owner=owner, description=DESCRIPTION, is_sample=True)
    audit = sample_audit.build()
    _bring_in(project, owner, audit)
    sample = draw_sample(
        project=project, name="First look", seed=SEED, actor=owner,
        design=Design(n=ITEMS, strata=(By("channel", channels=("judge.quill",), bins=4),)),
    )  # fmt: skip
    reviews = sample_audit.reviews(audit)
    reviewers = {
        review.reviewer.email: _reviewer(project, review.reviewer.name, review.reviewer.email)
        for review in reviews
    }
    round = open_round(
        project=project, name="Round 1", sample=sample, codebook_version=versions_of(project.pk)[0],
        members=reviewers.values(), overlap=2, actor=owner,
        helping=True, seed=SEED,
    )  # fmt: skip
    add_member(round=round, user=owner, actor=owner)  # they get what the two have not begun
    scripted = {(review.reviewer.email, review.story_id): review for review in reviews}
    for (email, person), share in zip(reviewers.items(), DONE, strict=True):
        replay(round, person, partial(_scripted, scripted, email), share)
    settle_due(round_id=round.pk)
    return project


def _scripted(
    reviews: Mapping[tuple[str, str], sample_audit.Review], email: str, story: str
) -> sample_audit.Review:
    return reviews[email, story]


def _bring_in(project: Project, owner: User, audit: sample_audit.SampleAudit) -> None:
    with tempfile.TemporaryDirectory() as folder:
        transcripts, evidence = Path(folder) / "harbor.jsonl", Path(folder) / "harbor-evidence.jsonl"
        transcripts.write_bytes(sample_audit.transcripts_jsonl(audit))
        evidence.write_bytes(sample_audit.evidence_jsonl(audit))
        import_file(
            project=project, path=transcripts, file_name=transcripts.name, format="mapped_jsonl",
            mapping=sample_audit.MAPPING, actor=owner,
        )  # fmt: skip
        attach_file(project=project, path=evidence, file_name=evidence.name, actor=owner)


def _reviewer(project: Project, name: str, email: str) -> User:
    """An invented person; without a password nobody can sign in as them."""
    person = User.objects.filter(email=email).first() or accounts.create_user(email=email, name=name)
    accounts.add_member(project=project, user=person, role=Role.REVIEWER, actor=None)
    return person
