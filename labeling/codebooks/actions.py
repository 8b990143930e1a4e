"""Writing codebooks: a version is published once and stands for ever."""

from pathlib import Path

import yaml
from django.db import transaction

from auditor.accounts.models import Project, User
from auditor.ledger.actions import record
from labeling.codebooks.definition import digest, dump, load
from labeling.codebooks.models import Codebook, CodebookVersion
from labeling.codebooks.parts import Codebook as Definition

DEFAULT = Path(__file__).parent / "defaults" / "intent_versus_hallucination.yaml"


def publish(*, codebook: Codebook, definition: Definition, actor: User | None) -> CodebookVersion:
    """The next version of a codebook; an equal one that was published before is given back instead."""
    with transaction.atomic():
        Codebook.objects.select_for_update().get(pk=codebook.pk)
        sign = digest(definition)
        newest = codebook.versions.order_by("-number").first()
        same = codebook.versions.filter(digest=sign).order_by("-number").first()
        if same is not None:
            return same
        version = CodebookVersion.objects.create(
            codebook=codebook,
            number=newest.number + 1 if newest else 1,
            definition=dump(definition),
            digest=sign,
            created_by=actor,
        )
        record(
            verb="codebook.published",
            subject=version,
            actor=actor,
            project_id=codebook.project_id,
            name=codebook.name,
            number=version.number,
            digest=sign,
        )
    return version


def adopt_default(*, project: Project, actor: User | None) -> CodebookVersion:
    """The codebook that ships with the app, published in the project; safe to repeat.

    A newer release of the app may bring a newer text, which then becomes the next version.
    """
    definition = load(yaml.safe_load(DEFAULT.read_text(encoding="utf-8")))
    with transaction.atomic():
        codebook, _ = Codebook.objects.get_or_create(project=project, name=definition.title[:150])
        return publish(codebook=codebook, definition=definition, actor=actor)
