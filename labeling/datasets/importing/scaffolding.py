"""What labels of a release stand on in the project: codebook versions, channels, samples and closed rounds."""

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from django.utils import timezone

from auditor.accounts.models import Project, User
from auditor.evidence.actions import ChannelClash, declare_channel
from auditor.evidence.models import ROLLUPS, Channel
from auditor.ledger.actions import record
from auditor.sampling.designs.design import Design
from auditor.sampling.models import Sample
from labeling.codebooks.models import Codebook, CodebookVersion
from labeling.datasets.importing.checking import Checked, Version
from labeling.datasets.importing.opening import CannotOpen
from labeling.datasets.verifying import MANIFEST
from labeling.queues.models import Round, RoundMember

AGAIN = " (imported)"


def versions_in(project: Project, checked: Checked, actor: User) -> dict[str, CodebookVersion]:
    """The release's codebook versions in the project, by digest; one that is there already is taken as it is."""
    found: dict[str, CodebookVersion] = {}
    for version in sorted(checked.versions.values(), key=lambda one: one.number):
        there = (
            CodebookVersion.objects.filter(codebook__project=project, digest=version.digest)
            .order_by("pk")
            .first()
        )
        found[version.digest] = there or _publish(project, version, actor)
    return found


def _publish(project: Project, version: Version, actor: User) -> CodebookVersion:
    """Under the number that it had, or the next one where that is taken."""
    codebook, _ = Codebook.objects.get_or_create(project=project, name=version.title[:150])
    codebook = Codebook.objects.select_for_update().get(pk=codebook.pk)
    taken = set(codebook.versions.values_list("number", flat=True))
    number = version.number if version.number not in taken else max(taken) + 1
    made = CodebookVersion.objects.create(
        codebook=codebook,
        number=number,
        definition=version.definition,
        digest=version.digest,
        created_by=actor,
    )
    record(
        verb="codebook.published", subject=made, actor=actor, project_id=project.pk, name=codebook.name, number=number,
        digest=version.digest,
    )  # fmt: skip
    return made


def channels_in(project: Project, checked: Checked, actor: User) -> dict[str, Channel]:
    """The release's channels in the project, by key.

    Raises:
        CannotOpen: the project has a channel of this key that is something else.
    """
    found = {}
    for key, said in sorted(checked.channels.items()):
        declared: dict[str, Any] = {
            name: said.get(name) for name in ("lo", "hi", "polarity", "notice", "detail")
        }
        try:
            if said.get("rollup") not in ROLLUPS:
                raise ChannelClash(f"channel {key}: its rollup is none")
            found[key] = declare_channel(
                project_id=project.pk, key=key, kind=str(said.get("kind"))[:40], actor=actor,
                name=str(said.get("name") or ""), own=False, unit=str(said.get("unit") or "transcript")[:20],
                rollup=str(said["rollup"]), **declared,
            )  # fmt: skip
        except (ChannelClash, TypeError, ValueError) as problem:
            raise CannotOpen(f"{MANIFEST}: {problem}") from problem
    return found


def round_in(
    project: Project,
    said: Mapping[str, Any],
    version: CodebookVersion,
    transcripts: list[int],
    actor: User,
) -> Round:
    """A closed round over these transcripts, with the sample that it was drawn as.

    Raises:
        CannotOpen: the manifest describes no sample.
    """
    now = timezone.now()
    sample = _sample(project, said, transcripts, actor)
    made = Round.objects.create(
        project=project, name=_free(Round.objects.filter(project=project), str(said["name"])), sample=sample,
        codebook_version=version, overlap=1, policy=str(said["policy"]), helping=False, created_by=actor, closed_at=now,
    )  # fmt: skip
    record(
        verb="round.imported", subject=made, actor=actor, project_id=project.pk, name=made.name, sample=sample.pk,
        items=len(transcripts), codebook_version=version.pk,
    )  # fmt: skip
    return made


def seat(round: Round, done: Mapping[int, int]) -> None:
    """The round's reviewers, with how many items each labelled."""
    RoundMember.objects.bulk_create(
        RoundMember(round=round, user_id=pk, n_done=n) for pk, n in sorted(done.items())
    )


def _sample(project: Project, said: Mapping[str, Any], transcripts: list[int], actor: User) -> Sample:
    about = said.get("sample")
    try:
        assert isinstance(about, dict)
        strata = list(about["strata"])
        assert all(isinstance(one, dict) for one in strata)
        parameters = dict(about.get("parameters") or {})
        if parameters:
            Design.from_json(parameters).in_words()
        made = Sample.objects.create(
            project=project, name=_free(Sample.objects.filter(project=project), str(about["name"])),
            design=str(about["design"])[:40], parameters=parameters, seed=int(about["seed"]),
            filter=dict(about.get("filter") or {}), frame_at=_aware(about["frame_at"]),
            frame_size=int(about["frame_size"]), frame_ids=zlib.compress(np.array(sorted(transcripts), "<i8").tobytes()),
            frame_digest=str(about["frame_digest"])[:64], left_out=int(about.get("left_out") or 0), strata=strata,
            carries_back=bool(about.get("carries_back")), why_not=str(about.get("why_not") or "")[:400], created_by=actor,
        )  # fmt: skip
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError) as problem:
        name = str(said.get("name"))[:60]
        raise CannotOpen(
            f"{MANIFEST}: the sample of round {name!r} cannot be read: {problem!r}"[:400]
        ) from problem
    record(
        verb="sample.imported", subject=made, actor=actor, project_id=project.pk, name=made.name,
        frame_size=made.frame_size, items=len(transcripts),
    )  # fmt: skip
    return made


def _free(rows: Any, name: str) -> str:
    """The name, or one that nothing in the project has yet."""
    name, tried = name[:150], 1
    wanted = name
    while rows.filter(name=wanted).exists():
        tail = AGAIN if tried == 1 else f"{AGAIN} {tried}"
        wanted = name[: 150 - len(tail)] + tail
        tried += 1
    return wanted


def _aware(said: object) -> datetime:
    moment = datetime.fromisoformat(str(said))
    if moment.tzinfo is None:
        raise ValueError("frame_at has no time zone")
    return moment
