"""Training probes from labels: activations are gathered chunk by chunk, then kinds and layers are swept.

    examples -> groups of near-duplicates and of one prompt -> activations of some layers -> sweep -> a probe like any other

What was gathered is kept until the probe is made, so that a killed run reads no transcript twice.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from safetensors.numpy import load, save

from auditor.corpus.alike import near_groups
from auditor.corpus.models import Transcript
from auditor.corpus.queries import messages_of
from auditor.interp import reader
from auditor.interp.actions.probes import SameProbe, keep_probe
from auditor.interp.alignment import DoesNotFit
from auditor.interp.card import Card, Training
from auditor.interp.conversation import turns_of
from auditor.interp.hookpoints import Place
from auditor.interp.models import ProbeTraining
from auditor.interp.probe_file import Head, ProbeFile
from auditor.interp.sweep import KINDS, Examples, Outcome, sweep
from auditor.interp.training import NotEnough, surface
from auditor.ledger.actions import record
from auditor.runs.actions import Cancelled, Refused, Ticket
from auditor.runs.beating import beating

if TYPE_CHECKING:
    from auditor.interp.torchlab.subject import Read, Subject

GROUP = 32  # transcripts that are read, and whose activations are stored, together
MOST_BYTES = 2 << 30  # of activations that a sweep holds
MOST_LAYERS = 12  # swept unless the layers are named
LAST = "last"


@dataclass(frozen=True)
class Gathered:
    """What was read of one group of examples."""

    ids: list[int]  # of transcripts with activations
    at: npt.NDArray[np.float32]  # [n, layers, d]
    form: npt.NDArray[np.float64]  # [n, s]: what is seen of them without reading, see `training.surface`
    left_out: dict[int, str]  # transcript -> why it has none


def layers_of(n_layers: int, wanted: Sequence[int]) -> list[int]:
    """The blocks that are swept: those named, or some of all, evenly spaced, the last among them.

    Raises:
        Refused: the model has no such block.
    """
    if unknown := [layer for layer in wanted if not 0 <= layer < n_layers]:
        raise Refused(f"The model has blocks 0 to {n_layers - 1}, and no {unknown[0]}.")
    if wanted:
        return sorted(set(wanted))
    return sorted({round(at) for at in np.linspace(0, n_layers - 1, min(n_layers, MOST_LAYERS))})


def joined(near: Mapping[int, int], prompts: Mapping[int, str]) -> dict[int, int]:
    """Groups that share neither a near-duplicate nor a prompt with each other: transcript -> its group's first.

    Args:
        near: transcript -> the first that it is connected with by likeness.
        prompts: transcript -> digest of its prompt; empty: none.
    """
    parents = dict(near)

    def root(pk: int) -> int:
        while parents[pk] != pk:
            parents[pk] = pk = parents[parents[pk]]
        return pk

    first: dict[str, int] = {}
    for pk in sorted(prompts):
        if prompts[pk]:
            a, b = root(pk), root(first.setdefault(prompts[pk], pk))
            parents[max(a, b)] = min(a, b)
    return {pk: root(pk) for pk in near}


def train(ticket: Ticket) -> None:
    """Carry a training to its end.

    Raises:
        Refused: the model cannot be used, or the examples are not enough; in words.
        Cancelled, Paused, TakenOver: as the ticket says.
    """
    found = ProbeTraining.objects.select_related("subject", "created_by", "project").get(run=ticket.run)
    if found.probe_id is not None:
        return
    examples: dict[int, dict[str, Any]] = {one["transcript"]: one for one in found.examples}
    ticket.beat(done=0, total=len(examples), note="Looking for near-duplicates", force=True)
    rows = Transcript.objects.of(found.project_id).filter(pk__in=examples)
    prompts = dict(rows.values_list("pk", "prompt_digest"))
    groups = joined(near_groups(prompts, beat=lambda n: ticket.beat(done=0, note=f"{n:,} signed")), prompts)
    ticket.beat(done=0, note="Loading the model", force=True)
    try:
        with beating(ticket):
            subject = reader.checked(found.subject)
    except reader.CannotRead as problem:
        raise Refused(str(problem)) from problem
    facts = subject.facts
    layers = layers_of(facts.n_layers, found.settings.get("layers", []))
    if len(examples) * len(layers) * facts.d_model * 4 > MOST_BYTES:
        raise Refused(
            f"{len(examples):,} examples at {len(layers)} layers of width {facts.d_model:,} are more than "
            f"{MOST_BYTES >> 30} GB of activations. Name fewer layers."
        )
    try:
        some = list(_gathered(found, subject, sorted(prompts), layers, ticket))
        outcome, kept = _swept(found, some, layers, examples, groups, ticket)
    except (Cancelled, Refused):
        _forget(found)
        raise
    left_out = {pk: words for one in some for pk, words in one.left_out.items()}
    _finish(found, outcome, kept, left_out, groups)
    _forget(found)
    ticket.beat(
        done=len(examples), force=True,
        note=f"{outcome.kind.replace('_', ' ')} at layer {outcome.layer}, test AUROC {_plain(outcome.test.estimate)}",
    )  # fmt: skip


def _gathered(
    found: ProbeTraining, subject: "Subject", ids: Sequence[int], layers: Sequence[int], ticket: Ticket
) -> Iterator[Gathered]:
    """The activations of each group of transcripts, from the storage where an earlier attempt left them."""
    for at in range(0, len(ids), GROUP):
        some = list(ids[at : at + GROUP])
        path = _path(found, at // GROUP)
        ticket.beat(done=at, note="Reading")
        if default_storage.exists(path):
            with default_storage.open(path, "rb") as file:
                data = file.read()
            said = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
            left = {int(pk): words for pk, words in json.loads(said["left_out"]).items()}
            kept = load(data)
            yield Gathered(json.loads(said["ids"]), kept["at"], kept["form"], left)
            continue
        with beating(ticket):
            one = _read(found, subject, some, layers)
        said = {"ids": json.dumps(one.ids), "left_out": json.dumps(one.left_out)}
        default_storage.save(path, ContentFile(save({"at": one.at, "form": one.form}, said)))
        yield one


def _read(found: ProbeTraining, subject: "Subject", ids: Sequence[int], layers: Sequence[int]) -> Gathered:
    from auditor.interp.torchlab.collect import activations

    left_out: dict[int, str] = {}
    messages = messages_of(ids)

    def reads() -> Iterator[tuple[int, "Read"]]:
        for pk in ids:
            try:
                yield pk, subject.read(turns_of(messages[pk]))
            except DoesNotFit as problem:
                left_out[pk] = str(problem)

    places = [Place(layer) for layer in layers]
    rule = "last" if found.settings.get("tokens") == LAST else "mean"
    kept: dict[int, npt.NDArray[np.float32]] = {}
    for pk, seen in activations(subject, reads(), places, rule=rule):  # type: ignore[arg-type]
        if seen.words:
            left_out[pk] = seen.words
        else:
            kept[pk] = np.stack([seen.at[place] for place in places]).astype(np.float32)
    order = [pk for pk in ids if pk in kept]
    d = subject.facts.d_model
    stacked = np.stack([kept[pk] for pk in order]) if order else np.zeros((0, len(layers), d), np.float32)
    form = surface(["\n\n".join(m.text for m in messages[pk] if m.role == "assistant") for pk in order])
    return Gathered(order, stacked, form, left_out)


def _swept(
    found: ProbeTraining,
    some: Sequence[Gathered],
    layers: Sequence[int],
    examples: Mapping[int, Mapping[str, Any]],
    groups: Mapping[int, int],
    ticket: Ticket,
) -> tuple[Outcome, list[int]]:
    ids = [pk for one in some for pk in one.ids]
    if not ids:
        raise Refused("The model could read none of the examples.")
    ticket.beat(done=len(ids), note=f"Sweeping {len(layers)} layers", force=True)
    at = np.concatenate([one.at for one in some])
    given = Examples(
        at={layer: at[:, index] for index, layer in enumerate(layers)},
        y=np.array([examples[pk]["label"] == 1 for pk in ids]),
        groups=np.array([groups[pk] for pk in ids], np.int64),
        held=np.array([bool(examples[pk]["held"]) for pk in ids]),
        splits=[str(examples[pk]["split"]) for pk in ids],
        surface=np.concatenate([one.form for one in some]),
    )  # fmt: skip
    try:
        with beating(ticket):
            return sweep(given, kinds=found.settings.get("kinds") or KINDS, seed=found.settings["seed"]), ids
    except NotEnough as problem:
        raise Refused(str(problem)) from problem


def _finish(
    found: ProbeTraining,
    outcome: Outcome,
    kept: Sequence[int],
    left_out: Mapping[int, str],
    groups: Mapping[int, int],
) -> None:
    """The probe with its card, and what is known of it, in one transaction."""
    source = found.examples_from
    contrast = source["contrast"]
    digest = training_digest(found.examples, found.settings)
    last = found.settings.get("tokens") == LAST
    card = Card(
        kind=outcome.kind, model=found.subject.reference, revision=found.subject.revision or "unknown",
        layer=outcome.layer, hook="resid_post", convention="resid_post",
        polarity=f"high is like {_either(contrast['positive'])}, low like {_either(contrast['negative'])}"[:200],
        standardisation="mean_scale", token_rule="last" if last else "assistant", aggregation="mean",
        training=Training(
            f"{len(kept):,} adjudicated transcripts of {source['name']}: {_either(contrast['positive'])} against "
            f"{_either(contrast['negative'])}, split by near-duplicate and prompt",
            digest,
        ),
        name=found.name, source="trained here",
    )  # fmt: skip
    tensors = outcome.fitted.tensors()
    head = Head(
        direction=tensors["direction"], bias=float(tensors["bias"][0]), mean=tensors["mean"],
        scale=tensors["scale"],
    )  # fmt: skip
    with transaction.atomic():
        locked = ProbeTraining.objects.select_for_update().get(pk=found.pk)
        if locked.probe_id is not None:
            return
        try:
            locked.probe = keep_probe(
                project=found.project, probe=ProbeFile(card, head), name=found.name, slug=found.slug,
                subject=found.subject, actor=found.created_by,
            )  # fmt: skip
        except SameProbe as same:  # trained before on the same, with the same outcome
            locked.probe = same.probe
        locked.result = {
            **outcome.to_json(),
            "left_out": sorted(set(left_out.values()))[:20],
            "n_left_out": len(left_out),
            "n_groups": len({groups[pk] for pk in kept}),
        }
        locked.save(update_fields=["probe", "result"])
        record(
            verb="probe.trained", subject=locked, actor=found.created_by, project_id=found.project_id,
            probe=str(locked.probe), digest=digest, test_auroc=outcome.test.estimate,
        )  # fmt: skip


def training_digest(examples: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> str:
    """sha256 hex of which records with which labels and splits were learned from, and how; the same on every installation."""
    rows = sorted([one["record"], one["label"], one["split"], bool(one["held"])] for one in examples)
    text = json.dumps([rows, dict(settings)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _either(labels: Sequence[str]) -> str:
    return " or ".join(labels)


def _plain(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _path(found: ProbeTraining, index: int) -> str:
    return f"trainings/{found.pk}/{index}.safetensors"


def _forget(found: ProbeTraining) -> None:
    """The activations are no evidence: they can be read again."""
    for index in range(len(found.examples) // GROUP + 1):
        default_storage.delete(_path(found, index))
