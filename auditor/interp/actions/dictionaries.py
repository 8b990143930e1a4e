"""Adding dictionaries: their configuration and weights are checked without torch, and the weights kept by digest."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from safetensors import SafetensorError
from safetensors.numpy import load_file

from auditor.accounts.models import Project, User
from auditor.interp.actions.naming import CannotDo, named
from auditor.interp.modelfiles import Arrived, TooLarge, arriving, chunks_of, keep
from auditor.interp.models import Dictionary
from auditor.interp.sae_config import Configuration, Unusable, check_weights, read_configuration, read_header
from auditor.ledger.actions import record

CONFIGURATION, WEIGHTS, SPARSITY = "cfg.json", "sae_weights.safetensors", "sparsity.safetensors"
MAX_CONFIGURATION = 1 << 20  # bytes
MAX_SPARSITY = 64 << 20  # bytes
NEEDS_SCALING = (
    "Its normalisation is expected_average_only_in, which needs a factor that no cfg.json has: the norm_scaling_factor "
    "of the registry it comes from. Without it every feature would have another scale."
)
DENSITIES = """
    INSERT INTO interp_feature (dictionary_id, index, density, density_from)
    SELECT %s, index, density, %s FROM unnest(%s::int[], %s::float8[]) AS given(index, density)
    ON CONFLICT (dictionary_id, index) DO UPDATE SET density = excluded.density, density_from = excluded.density_from
"""


def add_dictionary(
    *,
    project: Project,
    name: str,
    configuration: bytes,
    weights: Arrived,
    actor: User,
    slug: str = "",
    sparsity: Path | None = None,
    scaling: float | None = None,
) -> Dictionary:
    """A dictionary from its two or three files in SAELens's layout; everything is checked before anything is kept.

    Args:
        configuration: cfg.json as it came.
        sparsity: sparsity.safetensors, whose densities (log10 there) are taken in.
        scaling: the factor of the normalisation expected_average_only_in.

    Raises:
        CannotDo: a file that cannot be used; names the file, and in it the field or tensor.
    """
    name, slug = named(name, slug)
    given, read = checked_configuration(configuration)
    if read.needs_scaling and (scaling is None or scaling <= 0):
        raise CannotDo(NEEDS_SCALING, field="scaling")
    try:
        with weights.path.open("rb") as stream:
            check_weights(read, read_header(stream, weights.size))
    except Unusable as problem:
        raise CannotDo(f"{WEIGHTS}: {problem}", field="weights") from problem
    density = densities(sparsity, read.d_sae) if sparsity is not None else None
    try:
        with transaction.atomic():
            kept = keep(
                weights, folder="dictionaries"
            )  # nobody takes it for unused until the row is committed
            made = Dictionary.objects.create(
                project=project, slug=slug, name=name, kind=read.kind, model_name=read.model_name, hook=read.hook[:200],
                layer=read.place.layer, d_in=read.d_in, d_sae=read.d_sae, normalization=read.normalization,
                scaling=scaling if read.needs_scaling else None, configuration=given, weights=kept,
                digest=weights.digest, size=weights.size, neuronpedia_id=read.neuronpedia_id, created_by=actor,
            )  # fmt: skip
            if density is not None:
                _write_densities(made, density)
            record(
                verb="dictionary.added", subject=made, actor=actor, project_id=project.pk, kind=made.kind,
                hook=made.hook, d_sae=made.d_sae, digest=made.digest,
            )  # fmt: skip
    except IntegrityError as problem:
        raise CannotDo(f"There is a dictionary {slug} already.", field="name") from problem
    return made


def checked_configuration(text: bytes) -> tuple[dict[str, Any], Configuration]:
    """cfg.json as it came, and what it says.

    Raises:
        CannotDo: too large, no JSON, or of a kind that is not read here.
    """
    if len(text) > MAX_CONFIGURATION:
        raise CannotDo(f"{CONFIGURATION}: it is larger than a megabyte.", field="configuration")
    try:
        given = json.loads(text.decode("utf-8-sig"), parse_constant=_no_constant)
        if "\\u0000" in json.dumps(given):
            raise ValueError("it holds a zero character")
        return given, read_configuration(given)
    except Unusable as problem:
        raise CannotDo(str(problem), field="configuration") from problem
    except (ValueError, RecursionError) as problem:
        raise CannotDo(f"{CONFIGURATION}: no JSON ({problem}).", field="configuration") from problem


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


def densities(path: Path, d_sae: int) -> npt.NDArray[np.float64]:
    """The share of tokens on which each feature is active, [d_sae], from log10 of it.

    Raises:
        CannotDo: no such file, or of another length.
    """
    try:
        found = load_file(path)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as problem:
        raise CannotDo(f"{SPARSITY}: it cannot be read ({problem}).", field="sparsity") from problem
    kept = found.get("sparsity")
    if kept is None or kept.shape != (d_sae,):
        raise CannotDo(
            f"{SPARSITY}: it needs a tensor sparsity of {d_sae:,} numbers, one a feature.", field="sparsity"
        )
    with np.errstate(over="ignore"):
        shares: npt.NDArray[np.float64] = np.power(10.0, kept.astype(np.float64))
    if not np.isfinite(shares).all() or (shares > 1).any():
        raise CannotDo(
            f"{SPARSITY}: its numbers are logarithms to base 10 of shares up to 1.", field="sparsity"
        )
    return shares


def _write_densities(dictionary: Dictionary, shares: npt.NDArray[np.float64]) -> None:
    with connection.cursor() as cursor:
        indices = list(range(len(shares)))
        cursor.execute(DENSITIES, [dictionary.pk, SPARSITY, indices, shares.tolist()])


def add_from_folder(
    *, project: Project, folder: Path, name: str, actor: User, slug: str = "", scaling: float | None = None
) -> Dictionary:
    """A dictionary from a folder of this machine; its weights are copied into the storage.

    Raises:
        CannotDo: files are missing or cannot be used.
    """
    for needed in (CONFIGURATION, WEIGHTS):
        if not (folder / needed).is_file():
            raise CannotDo(f"{folder.name or folder} has no {needed}.", field="configuration")
    sparsity = folder / SPARSITY
    try:
        with arriving(chunks_of(folder / WEIGHTS), limit=1 << 40) as weights:
            return add_dictionary(
                project=project, name=name, slug=slug, weights=weights, scaling=scaling, actor=actor,
                configuration=_read(folder / CONFIGURATION),
                sparsity=sparsity if sparsity.is_file() else None,
            )  # fmt: skip
    except (OSError, TooLarge) as problem:
        raise CannotDo(f"{folder.name}: {problem}", field="weights") from problem


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_CONFIGURATION + 1)


def add_from_upload(
    *,
    project: Project,
    configuration: Any,
    weights: Any,
    name: str,
    actor: User,
    slug: str = "",
    sparsity: Any = None,
    scaling: float | None = None,
) -> Dictionary:
    """A dictionary from files that a browser or a program sent; they are never held in memory.

    Args:
        configuration, weights, sparsity: Django's uploaded files.

    Raises:
        CannotDo: too large, or a file that cannot be used.
    """
    cfg = configuration.read(MAX_CONFIGURATION + 1)
    try:
        with arriving(weights.chunks(), limit=settings.MAX_UPLOAD_BYTES) as came:
            if sparsity is None:
                return add_dictionary(
                    project=project, name=name, slug=slug, configuration=cfg, weights=came, scaling=scaling,
                    actor=actor,
                )  # fmt: skip
            with arriving(sparsity.chunks(), limit=MAX_SPARSITY) as dense:
                return add_dictionary(
                    project=project, name=name, slug=slug, configuration=cfg, weights=came, scaling=scaling,
                    sparsity=dense.path, actor=actor,
                )  # fmt: skip
    except TooLarge as problem:
        raise CannotDo(
            f"{WEIGHTS}: {problem} manage.py interp dictionary add reads files of any size.", field="weights"
        ) from problem


def archive_dictionary(*, dictionary: Dictionary, actor: User, archived: bool = True) -> None:
    """Put a dictionary away, or take it out again; its captures and readings stand."""
    with transaction.atomic():
        row = Dictionary.objects.select_for_update().get(pk=dictionary.pk)
        if (row.archived_at is not None) == archived:
            return
        row.archived_at = timezone.now() if archived else None
        row.save(update_fields=["archived_at"])
        verb = "dictionary.archived" if archived else "dictionary.taken_out"
        record(verb=verb, subject=row, actor=actor, project_id=row.project_id)
